"""Figures take the page's colors, and carry no name that the page carries twice."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from training.calibration import calibrate
from training.evaluate import roc_curve
from training.plots import draw_curve, draw_reliability, draw_roc, to_png, to_svg


def draw_all():
    """One figure of each kind."""
    logits = np.array([[2.0, 0], [1, 0], [0, 1], [0, 3]], np.float32)
    curve = roc_curve(logits[:, 0], np.array([True, False, True, False]))
    return (
        draw_curve((0.9, 0.5), (0.8, 0.6), 1, "loss"),
        draw_roc((curve,)),
        draw_reliability(calibrate(logits, np.array([0, 1, 1, 1]), 2.0)),
    )


@pytest.mark.parametrize("index", [0, 1, 2])
def test_svg(index):
    """One element with a text; colors are variables; what it refers to is in it."""
    svg = to_svg(draw_all()[index], "a figure")

    assert svg.startswith('<svg viewBox="0 0 ')
    assert svg.rstrip().endswith("</svg>")
    assert 'aria-label="a figure"' in svg
    assert "var(--soft)" in svg and "#5b6675" not in svg
    ids = re.findall(r' id="([^"]+)"', svg)
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) <= set(ids)
    assert "<text" in svg, "axes are labeled with text, not with outlines"
    assert "font:" not in svg


def test_same_figure_same_text():
    """The same figures give the same bytes: no date, no random names."""
    first, second = ([to_svg(figure, "x") for figure in draw_all()] for _ in range(2))

    assert first == second


def test_png():
    """For slides: a picture in color before white."""
    with Image.open(io.BytesIO(to_png(draw_all()[0]))) as picture:
        picture = picture.convert("RGB")
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert picture.getcolors(maxcolors=4) is None


def test_one_epoch():
    """A single epoch is a point, since a line through one point is invisible."""
    figure = draw_curve((0.9,), (0.8,), 0, "loss")

    train, validation = figure.gca().lines[:2]
    assert (train.get_marker(), validation.get_marker()) == ("o", "o")
