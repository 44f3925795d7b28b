"""Families of series: names, labels and lines as TensorFlow Serving writes them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.metric_family import MetricFamily, exponential


def test_counter():
    """A counter keeps its name, without _total, with one line per label values."""
    family = MetricFamily("/tensorflow/serving/request_count", ("model_name", "status"))
    family.add(1, "pizza", "OK")
    family.add(2, "pizza", "OK")
    family.add(1, "pizza", "NOT_FOUND")

    assert list(family.lines()) == [
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="pizza",status="OK"} 3',
        ':tensorflow:serving:request_count{model_name="pizza",status="NOT_FOUND"} 1',
    ]
    assert family.total() == 4


def test_total_in_name():
    """A name that ends in _total is left as it is."""
    family = MetricFamily("/a/count_total", ("model",))
    family.add(5, "m")

    assert list(family.lines())[1] == ':a:count_total{model="m"} 5'


def test_histogram():
    """Buckets are cumulative, each with its upper limit; sum and count follow."""
    family = MetricFamily("/a/rows", ("model",), exponential(1, 2, 3))
    for amount in (1, 3, 100):
        family.add(amount, "m")

    assert list(family.lines()) == [
        "# TYPE :a:rows histogram",
        ':a:rows_bucket{model="m",le="1"} 1',
        ':a:rows_bucket{model="m",le="2"} 1',
        ':a:rows_bucket{model="m",le="4"} 2',
        ':a:rows_bucket{model="m",le="+Inf"} 3',
        ':a:rows_count{model="m"} 3',
        ':a:rows_sum{model="m"} 104',
    ]
    assert family.total() == 3


@pytest.mark.parametrize("limits", [(), (1.0, 2.0)])
def test_unused(limits):
    """Before its first use a family shows its type only, with labels or without."""
    for labels in ((), ("model",)):
        assert len(list(MetricFamily("/a/b", labels, limits).lines())) == 1


def test_without_labels():
    """A family without labels has empty braces, as there."""
    family = MetricFamily("/tensorflow/core/graph_runs")
    family.add(1)

    assert list(family.lines())[1] == ":tensorflow:core:graph_runs{} 1"


def test_limits():
    """Limits grow by the factor and are written with six digits."""
    family = MetricFamily("/a/b", (), exponential(10, 1.8, 33))
    family.add(1)

    lines = list(family.lines())

    # 10 * 1.8 ** 5 = 188.9568; 33 limits, +Inf, sum, count and the type.
    assert len(lines) == 37
    assert lines[6] == ':a:b_bucket{le="188.957"} 1'


def test_odd_label():
    """Quotes, backslashes and line breaks of a label's value stay inside it."""
    value = 'a"b\\c\nd'
    family = MetricFamily("/a/b", ("model",))
    family.add(1, value)

    page = "\n".join(family.lines()) + "\n"
    (read,) = text_string_to_metric_families(page)

    assert read.samples[0].labels == {"model": value}
