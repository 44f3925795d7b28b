"""What every test may ask for: pictures drawn here, markers given by folder."""

from __future__ import annotations

import gc
import io
import os
import signal
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

TESTS = Path(__file__).parent
FOLDER_MARKERS = ("unit", "integration", "manifests", "benchmark", "e2e")


def pytest_configure():
    """Ctrl-C works in what the tests start, also where they run in the background.

    A shell starts background jobs with SIGINT ignored, and children inherit that.
    Hypothesis makes the same examples in each run, and a busy machine is no failure.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile(
        "here",
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("here")


def pytest_collection_modifyitems(items):
    """The folder a test lies in is its marker."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in FOLDER_MARKERS:
            item.add_marker(folder)


def pytest_collection_finish():
    """Collecting garbage no longer looks through all that was imported.

    Each model that is loaded or closed asks for a collection, as each does in a server;
    python -m serving freezes its imports as well.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def encode_picture():
    """A function that draws one smooth, asymmetric picture and encodes it.

    encode_picture("RGBA", "PNG", size=(width, height), orientation=6) -> bytes
    """

    def encode(mode="RGB", file_format="JPEG", size=(80, 60), orientation=None):
        picture = draw_picture(size)
        if mode in ("RGBA", "LA"):
            picture = picture.convert(mode)
            picture.putalpha(Image.linear_gradient("L").resize(size))
        else:
            picture = picture.convert(mode)
        options = {}
        if orientation is not None:
            exif = Image.Exif()
            exif[0x0112] = orientation
            options["exif"] = exif
        file = io.BytesIO()
        picture.save(file, file_format, **options)
        return file.getvalue()

    return encode


def draw_picture(size):
    """An RGB picture whose four corners differ; size is Pillow's (width, height)."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    red = 255 * columns // max(width - 1, 1)
    green = 255 * rows // max(height - 1, 1)
    blue = 255 - (red + green) // 2
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


@pytest.fixture(scope="session")
def datasets_dir():
    """The folder of ready photo sets; tests that need real photos skip without it."""
    folder = Path(os.environ.get("DATASETS_DIR", "datasets")).resolve()
    if not (folder / "pizza-not-pizza").is_dir():
        pytest.skip("DATASETS_DIR names no folder with pizza-not-pizza")
    return folder
