"""Where a curve of the benchmarks bends, on curves drawn by hand."""

from __future__ import annotations

import xml.etree.ElementTree as xml

import pytest

from tests.benchmark.growth.curve import CORES, Curve, Point, Sample
from tests.benchmark.growth.plots import draw_curve
from training.plots import to_svg


def make_point(x, *speeds, server_ms=4.0, our_cores=0.0, other_cores=0.0):
    """One round for each speed; the gateway takes 3 ms a picture, the load 1 ms."""
    return Point(
        x,
        tuple(
            Sample(
                images_per_second=speed,
                p50_ms=10.0,
                p99_ms=20.0,
                gateway_ms=3.0,
                server_ms=server_ms,
                load_ms=1.0,
                our_cores=our_cores,
                other_cores=other_cores,
            )
            for speed in speeds
        ),
    )


def make_curve(*points):
    """A curve whose words do not matter."""
    return Curve(name="n", title="t", x_label="x", fixed="f", points=points)


@pytest.mark.parametrize(
    "speeds, risen, fallen",
    [
        ((10, 50, 90, 100), 4, None),
        ((10, 89, 100, 95), 4, None),
        ((100, 95, 89, 20), None, 4),
        ((40, 100, 80, 92, 60), 2, 16),
        ((100, 99, 91), None, None),
        ((100,), None, None),
    ],
)
def test_bends(speeds, risen, fallen):
    """It rises to 90 % of the most, and falls where it leaves them for good."""
    curve = make_curve(*(make_point(2**i, speed) for i, speed in enumerate(speeds)))

    assert (curve.risen and curve.risen.x) == risen
    assert (curve.fallen and curve.fallen.x) == fallen


def test_median():
    """A point's speed is the median of its rounds, whatever the outliers."""
    point = make_point(1, 30.0, 10.0, 500.0)

    assert point.speed == 30.0


def test_bound():
    """8 ms of processor time a picture: a core does 125 a second."""
    point = make_point(1, 10.0)

    assert point.bound == pytest.approx(125.0 * CORES)


@pytest.mark.parametrize(
    "our_cores, reason",
    [(CORES, "the cores are busy"), (0.5 * CORES, "something else is waited for")],
)
def test_reason_of_a_rise(our_cores, reason):
    """What limits is told by how busy the cores are where the curve bends."""
    curve = make_curve(make_point(1, 10), make_point(2, 100, our_cores=our_cores))

    told = " ".join(curve.tell())

    assert reason in told
    assert "images/s grow 10.00-fold" in told


def test_reason_of_a_fall():
    """The part whose processor time changed most is named first."""
    curve = make_curve(make_point(1, 100), make_point(4, 25, server_ms=20.0))

    told = " ".join(curve.tell())

    assert "from 4 on more than a tenth is gone; at 4 it is 75% less" in told
    assert "processor time goes 4.0 to 20.0 ms (model server), 3.0 to 3.0" in told


def test_plot():
    """The figure is one SVG element, with every place of the horizontal axis."""
    curve = make_curve(make_point(0.1, 5, 6), make_point(1, 4), make_point(1000, 1))

    svg = to_svg(draw_curve(curve), "as drawn")

    texts = {text.strip() for text in xml.fromstring(svg).itertext()}
    assert {"0.1", "1", "1,000", "images/s", "gateway"} <= texts


@pytest.mark.parametrize("share, is_told", [(0.1, False), (0.2, True)])
def test_disturbed(share, is_told):
    """Where other programs held more than 15 % of the cores, that is said."""
    curve = make_curve(make_point(1, 100, other_cores=share * CORES))

    told = " ".join(curve.tell())

    assert ("trust the processor times" in told) == is_told
