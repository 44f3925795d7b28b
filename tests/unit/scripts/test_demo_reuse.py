"""scripts/demo reuses a model of the very photos it is given, and no other."""

from __future__ import annotations

import json

import demo
import pytest
from PIL import Image

from training.datasets import load_split


@pytest.fixture(name="photos")
def _photos(tmp_path):
    """Six flat pictures a class, no two alike."""
    for label, red in (("dark", 50), ("light", 200)):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (8, 6), (red, 0, number)).save(folder / f"{number}.png")
    return tmp_path / "photos"


def write_model(folder, fingerprint):
    """As much of a version as the demo looks at."""
    extra = folder / "2" / "assets.extra"
    extra.mkdir(parents=True)
    contract = {"data": {"fingerprint": fingerprint}}
    (extra / "contract.json").write_text(json.dumps(contract))
    return folder


def is_trained(model, photos):
    """What decides whether the demo trains."""
    # pylint: disable-next=protected-access  # the program itself would train now
    return demo._is_trained(model, load_split(str(photos), photos.parent))


def test_reuse(photos, tmp_path):
    """The same photos: the newest version will do. One photo less: it will not."""
    split = load_split(str(photos), tmp_path)
    model = write_model(tmp_path / "model", split.fingerprint)
    (model / "1").mkdir()

    assert is_trained(model, photos)

    next(photos.glob("*/*.png")).unlink()
    assert not is_trained(model, photos)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"data": null}'])
def test_no_contract(photos, tmp_path, content):
    """A folder of another origin is no model of these photos."""
    model = write_model(tmp_path / "model", "0")
    (model / "2" / "assets.extra" / "contract.json").write_text(content)

    assert not is_trained(model, photos)
    assert not is_trained(tmp_path / "nothing", photos)
