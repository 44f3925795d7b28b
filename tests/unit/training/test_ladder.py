"""The ladder: its arguments, its verdicts and its page."""

import json
from pathlib import Path

import pytest
from PIL import Image

from training.errors import ExportRefused
from training.history import History
from training.ladder import parse_arguments
from training.ladder_climb import ClimbedRung
from training.ladder_config import LadderConfig
from training.ladder_page import write_page


def climbed(validation_accuracy=0.62, **changes):
    """The first rung after two epochs, with round figures."""
    facts = {
        "name": "ladder-1",
        "title": "two convolutions",
        "band": (0.60, 0.63),
        "history": History(
            train_loss=(0.7, 0.6),
            train_accuracy=(0.5, 0.7),
            validation_loss=(0.7, 0.65),
            validation_accuracy=(0.55, validation_accuracy),
            best_epoch=1,
        ),
        "validation_accuracy": validation_accuracy,
        "validation_interval": (0.58, 0.66),
        "validation_count": 800,
        "plateau": (0.55, validation_accuracy),
        "test_accuracy": 0.605,
        "test_interval": (0.536, 0.670),
        "test_count": 200,
        "seconds": 61.4,
        "version": "ladder-1/1",
    }
    return ClimbedRung(**{**facts, **changes})


def test_defaults(tmp_path):
    """Without arguments: the four rungs on cats-vs-dogs, below models/ladder."""
    config = parse_arguments([], tmp_path)

    assert config == LadderConfig(datasets_dir=tmp_path)
    assert config.rungs == (1, 2, 3, 4)
    assert config.output == Path("models/ladder")


def test_some_rungs(tmp_path):
    """Rungs are climbed in the order they are named in."""
    assert parse_arguments(["--rungs", "4,1"], tmp_path).rungs == (4, 1)


@pytest.mark.parametrize("rungs", ["0", "5", "", "1,1", "1;2", "one", "1,", "01", "²"])
def test_wrong_rungs(tmp_path, capsys, rungs):
    """Anything but some of the four ends with the usage."""
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["--rungs", rungs], tmp_path)

    assert ended.value.code == 2
    assert "expected some of 1, 2, 3, 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "accuracy, verdict",
    [(0.59, "below"), (0.60, "within"), (0.63, "within"), (0.64, "above")],
)
def test_verdicts(accuracy, verdict):
    """Both ends of the band are within it."""
    assert climbed(accuracy).verdict == verdict


def test_page(tmp_path):
    """One page that needs no other file, the same figures as JSON, and the curves."""
    rungs = (climbed(), climbed(0.6, name="ladder-2", version="ladder-2/3"))
    config = LadderConfig(data="photos/<pets>", output=tmp_path, seed=7)

    page = write_page(rungs, config)

    text = page.read_text(encoding="utf-8")
    document = json.loads((tmp_path / "ladder.json").read_text(encoding="utf-8"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["ladder.html", "ladder.json", "ladder.png"]
    assert "&lt;pets&gt;" in text and "<pets>" not in text
    assert "http" not in text
    assert 'href="ladder-2/3/assets.extra/report/report.html"' in text
    assert "60 to 63 %" in text and "53.6 to 67.0 %" in text
    assert document["seed"] == 7
    assert [rung["verdict"] for rung in document["rungs"]] == ["within", "within"]
    assert document["rungs"][0]["history"]["best_epoch"] == 1
    with Image.open(tmp_path / "ladder.png") as plot:
        assert plot.width > plot.height


def test_page_again(tmp_path):
    """A second climb replaces the page and leaves nothing else behind."""
    config = LadderConfig(data="pets", output=tmp_path)
    write_page((climbed(0.61),), config)

    write_page((climbed(0.64),), config)

    assert "above" in (tmp_path / "ladder.html").read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 3


def test_page_nowhere(tmp_path):
    """A folder that is gone is a sentence."""
    config = LadderConfig(data="pets", output=tmp_path / "gone")

    with pytest.raises(ExportRefused, match="could not write below"):
        write_page((climbed(),), config)
