"""Photos and places that the user who trains may not read or write."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.integration.trained_model import draw_photos

# Root may do anything, unless this is taken from it.
_POWERS = "-dac_override,-dac_read_search"
_AS_A_USER = ["setpriv", "--bounding-set", _POWERS, "--inh-caps", _POWERS]
_LOAD = "import sys; from training.program import run_program; \
from training.datasets import load_split; from pathlib import Path; \
sys.exit(run_program('training', lambda: load_split(sys.argv[1], Path('.')), ''))"


@pytest.fixture(name="as_user")
def _as_user():
    """as_user(arguments of Python): exit code and stderr, without root's powers."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root needs setpriv to do without its powers")
    prefix = _AS_A_USER if os.geteuid() == 0 else []

    def as_user(*arguments):
        done = subprocess.run(
            [*prefix, sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stderr

    return as_user


@pytest.fixture(name="shut")
def _shut():
    """shut(path): nobody may look into it, until the test is over."""
    closed = []

    def shut(path):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0)
        closed.append(path)
        return path

    yield shut
    for path in closed:
        path.chmod(0o755)


@pytest.mark.parametrize("place", [".", "dark", "dark/deeper"])
def test_folder_of_photos(as_user, shut, tmp_path, place):
    """A folder that may not be read is named, not left out in silence."""
    photos = draw_photos(tmp_path / "shades")
    folder = shut(photos / place)

    code, said = as_user("-c", _LOAD, photos)

    assert (code, said) == (
        1,
        f"training: '{folder}' cannot be read: Permission denied\n",
    )


@pytest.mark.timeout(400)
def test_output(as_user, shut, tmp_path):
    """Where no model can be written, this is said before the work."""
    photos, folder = draw_photos(tmp_path / "shades"), shut(tmp_path / "shut")

    code, said = as_user(
        "-m", "training", f"--data={photos}", f"--output={folder / 'model'}"
    )

    assert (code, said) == (
        1,
        f"training: expected to write into '{folder}': Permission denied\n",
    )
