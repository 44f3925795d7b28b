"""Folders of drawn pictures, laid out as people lay out theirs."""

import pytest
from PIL import Image


@pytest.fixture
def make_photos(tmp_path):
    """A function that writes count different PNGs a class: make_photos({"cat": 7})."""

    def make(counts, folder="photos", first_shade=0):
        root = tmp_path / folder
        for row, (label, count) in enumerate(counts.items()):
            (root / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                color = (60 * row, first_shade + number, 90)
                Image.new("RGB", (20, 16), color).save(root / label / f"{number}.png")
        return root

    return make
