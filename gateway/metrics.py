"""What the gateway counts for Prometheus; labels are bounded, whatever callers send.

Owns the names. Several workers write to files of one folder, PROMETHEUS_MULTIPROC_DIR,
and whichever is asked adds them up.
"""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from gateway import request_log
from gateway.errors import (
    GatewayError,
    ImageTooLarge,
    InvalidImage,
    ModelFailed,
    ModelMismatch,
    ModelTimeout,
    ModelUnavailable,
    UnsupportedImage,
)

DECODE_ERRORS = (InvalidImage, UnsupportedImage, ImageTooLarge)
MODEL_ERRORS = (ModelUnavailable, ModelTimeout, ModelMismatch, ModelFailed)
# An address that is no route of ours: scanners send thousands.
NO_ROUTE = "none"
# Seconds. A small photo takes 3 ms; ten is what a caller may wait in all.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Each half as long again, 1 ms to 11 s: a version 1.5 times as slow is another bucket.
CANARY_BUCKETS = tuple(round(0.001 * 1.5**step, 6) for step in range(24))


class Metrics:
    """Every series of one process."""

    def __init__(self, multiprocess_folder: str | None = None) -> None:
        """With a folder, one that the processes of this gateway share."""
        self._folder = multiprocess_folder
        self.registry = registry = CollectorRegistry()
        if multiprocess_folder is None:
            ProcessCollector(registry=registry)
        self.requests = Counter(
            "gateway_requests",
            "Requests answered, probes included.",
            ("route", "status"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "gateway_request_seconds",
            "From the head of a request to its answer, by route.",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "gateway_stage_seconds",
            "Requests that got a prediction: fetch, decode, model and in total.",
            ("stage",),
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "gateway_requests_in_flight",
            "Requests begun and not yet answered, waiting ones too, probes not.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._add_counters(registry)
        self._add_canary(registry)

    def _add_counters(self, registry: CollectorRegistry) -> None:
        self.request_bytes = Counter(
            "gateway_request_bytes", "Bytes of requests' bodies.", registry=registry
        )
        self.response_bytes = Counter(
            "gateway_response_bytes", "Bytes of answers' bodies.", registry=registry
        )
        self.decode_failures = Counter(
            "gateway_decode_failures",
            "Pictures that could not be read.",
            ("code",),
            registry=registry,
        )
        self.model_errors = Counter(
            "gateway_model_errors",
            "Requests that the model server did not answer.",
            ("code",),
            registry=registry,
        )
        self.pictures = Counter(
            "gateway_pictures",
            "Pictures answered, by the model and version that did.",
            ("model", "version"),
            registry=registry,
        )
        for kinds, counter in (
            (DECODE_ERRORS, self.decode_failures),
            (MODEL_ERRORS, self.model_errors),
        ):
            # From 0, so that the first failure is an increase that an alert sees.
            for kind in kinds:
                counter.labels(kind.code)

    def _add_canary(self, registry: CollectorRegistry) -> None:
        """What GATEWAY_CANARY_FILE does; a side is canary or stable."""
        self.canary_seconds = Histogram(
            "gateway_canary_seconds",
            "Requests that were split and answered: the model's time, by version.",
            ("model", "side", "version"),
            buckets=CANARY_BUCKETS,
            registry=registry,
        )
        self.canary_failures = Counter(
            "gateway_canary_failures",
            "Requests that were split and that this side did not answer.",
            ("model", "side", "code"),
            registry=registry,
        )
        self.canary_percent = Gauge(
            "gateway_canary_percent",
            "The share of requests that the canary gets; -1 if the file names none.",
            ("model",),
            multiprocess_mode="livemin",
            registry=registry,
        )
        self.canary_file_broken = Gauge(
            "gateway_canary_file_broken",
            "1 while the file of canaries cannot be read and the last one holds.",
            multiprocess_mode="livemax",
            registry=registry,
        )

    def count_failure(self, error: Exception) -> None:
        """Count what one picture, or one request, failed of."""
        if isinstance(error, DECODE_ERRORS):
            self.decode_failures.labels(error.code).inc()
        elif isinstance(error, MODEL_ERRORS):
            self.model_errors.labels(error.code).inc()

    def count_answer(self, answer: request_log.Answer) -> None:
        """Count a reply's pictures, good and bad, and how long its stages took."""
        reply = answer.reply
        answered = self.pictures.labels(reply.model, reply.version)
        for prediction in reply.predictions:
            if isinstance(prediction, GatewayError):
                self.count_failure(prediction)
            else:
                answered.inc()
        for stage, seconds in answer.timings.seconds.items():
            self.stage_seconds.labels(stage).observe(seconds)

    def render(self) -> bytes:
        """All series as text; the format is prometheus_client's CONTENT_TYPE_LATEST."""
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, self._folder)
        return generate_latest(registry)


def add_metrics(app: Flask, metrics: Metrics) -> None:
    """Count every request of an application."""

    def begin() -> None:
        if not request_log.is_probe():
            g.is_counted = True
            metrics.in_flight.inc()

    def count(response: Response) -> Response:
        route = str(request.url_rule or NO_ROUTE)
        metrics.requests.labels(route, response.status_code).inc()
        elapsed_seconds = time.perf_counter() - g.started_at
        metrics.request_seconds.labels(route).observe(elapsed_seconds)
        metrics.request_bytes.inc(request.content_length or 0)
        metrics.response_bytes.inc(response.content_length or 0)
        if not request_log.is_probe() and "failure" in g:
            metrics.count_failure(g.failure)
        if "answer" in g:
            metrics.count_answer(g.answer)
        return response

    def end(_error: BaseException | None) -> None:
        if g.pop("is_counted", False):
            metrics.in_flight.dec()

    app.before_request(begin)
    app.after_request(count)
    app.teardown_request(end)
