"""One family of series: its TensorFlow name, its labels, its lines on the page.

prometheus_client keeps the numbers. TensorFlow Serving's page has other names than
prometheus_client would write (no _total) and no help texts, so the lines are made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.samples import Sample

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def exponential(scale: float, factor: float, count: int) -> tuple[float, ...]:
    """Upper limits of buckets: scale, scale * factor, ...; one above all is implied.

    Source: tensorflow/core/lib/monitoring/sampler.h.
    """
    return tuple(scale * factor**power for power in range(count))


class MetricFamily:
    """A counter, or with limits a histogram, for each combination of label values."""

    def __init__(
        self, name: str, labels: tuple[str, ...] = (), limits: tuple[float, ...] = ()
    ) -> None:
        """name: with TensorFlow's slashes; limits: upper ends of the buckets."""
        self.name = name
        self._page_name = _NOT_IN_NAMES.sub(":", name)
        self._has_labels = bool(labels)
        registry = CollectorRegistry()
        # A Counter of prometheus_client would put _total behind the name.
        self._series: Gauge | Histogram = (
            Histogram(self._page_name, name, labels, registry=registry, buckets=limits)
            if limits
            else Gauge(self._page_name, name, labels, registry=registry)
        )

    def add(self, amount: float, *labels: str) -> None:
        """Count the amount, or observe it; one label value for each of the labels."""
        series = self._series.labels(*labels) if labels else self._series
        if isinstance(series, Histogram):
            series.observe(amount)
        else:
            series.inc(amount)

    def total(self) -> float:
        """The counts of all series together; of a histogram the observations."""
        counted = (self._page_name, f"{self._page_name}_count")
        return sum(sample.value for sample in self._samples() if sample.name in counted)

    def lines(self) -> Iterator[str]:
        """The type, always, and each series that was used."""
        kind = "histogram" if isinstance(self._series, Histogram) else "counter"
        yield f"# TYPE {self._page_name} {kind}"
        if not self._has_labels and not self.total():
            return
        for sample in self._samples():
            labels = ",".join(
                f'{name}="{_write_label(name, value)}"'
                for name, value in sample.labels.items()
            )
            yield f"{sample.name}{{{labels}}} {sample.value:.15g}"

    def _samples(self) -> Iterator[Sample]:
        """Without the time each was made, which TensorFlow Serving does not tell."""
        for metric in self._series.collect():
            for sample in metric.samples:
                if not sample.name.endswith("_created"):
                    yield sample


def _write_label(name: str, value: str) -> str:
    if name == "le" and value != "+Inf":
        return f"{float(value):g}"
    return value.translate(_ESCAPES)
