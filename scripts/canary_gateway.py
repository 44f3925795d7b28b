"""What a running gateway is asked: photos with a label, states, what it has counted."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from canary_config import CANARY, STABLE, CanaryFailed
from canary_statistics import Counts

# Longer than the gateway's own patience with a model.
TIMEOUT_SECONDS = 20.0
KEY_VARIABLE = "GATEWAY_API_KEY"
_SECONDS = "gateway_canary_seconds_bucket"
_FAILURES = "gateway_canary_failures_total"
_PERCENT = "gateway_canary_percent"


@dataclass(frozen=True)
class Answer:
    """Of one photo: who answered, the best label, all labels, the model's seconds."""

    version: int
    label: str
    labels: frozenset[str]
    seconds: float


class Gateway:
    """One model behind the gateway at a URL; asked over HTTP."""

    def __init__(self, url: str, model: str) -> None:
        """The API key, where keys are asked for, is GATEWAY_API_KEY's."""
        self._url = url.rstrip("/")
        self._model = model
        key = os.environ.get(KEY_VARIABLE)
        self._headers = {"X-API-Key": key} if key else {}
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def states(self) -> dict[int, str]:
        """Version to its state in TensorFlow Serving's words."""
        body = self._get("/models").json()
        for entry in body["models"]:
            if entry["name"] == self._model:
                versions = entry.get("versions", ())
                return {found["version"]: found["state"] for found in versions}
        raise CanaryFailed(f"expected the gateway to serve '{self._model}'")

    def ask(self, photo: bytes, label: str) -> Answer | None:
        """What the label's version says of a photo; None if it does not answer.

        Raises:
            CanaryFailed: The gateway is away, or refuses the photo or the key.
        """
        reply = self._request(
            "POST",
            "/predict",
            fields={"image": ("photo", photo), "label": label, "model": self._model},
        )
        if reply.status in (401, 413, 415, 429) or _is_bad_photo(reply):
            raise CanaryFailed(f"the gateway refused a photo: {reply.data.decode()}")
        if reply.status != 200:
            return None
        body = reply.json()
        scores = body["predictions"][0]["scores"]
        return Answer(
            body["version"],
            body["predictions"][0]["label"],
            frozenset(score["label"] for score in scores),
            body["timings"]["model_ms"] / 1000,
        )

    def version_of(self, label: str) -> int | None:
        """The version that a label stands for now; None if it answers nothing."""
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "PNG")
        answer = self.ask(file.getvalue(), label)
        return answer and answer.version

    def percent(self) -> float | None:
        """The share that the gateway gives the canary; None without the setting."""
        for name, labels, value in self._samples():
            if name == _PERCENT and labels["model"] == self._model:
                return value
        return None

    def counts(self, versions: Mapping[str, int]) -> dict[str, Counts]:
        """By side, what split requests met since the gateway began; of these versions.

        Failures are all that the side had: who did not answer told no version.
        """
        buckets: dict[str, dict[float, float]] = {STABLE: {}, CANARY: {}}
        failures = {STABLE: 0, CANARY: 0}
        for name, labels, value in self._samples():
            if labels.get("model") != self._model:
                continue
            side = labels.get("side", "")
            if name == _FAILURES:
                failures[side] += int(value)
            elif name == _SECONDS and labels["version"] == str(versions.get(side)):
                buckets[side][_edge(labels["le"])] = value
        return {side: _counts(found, failures[side]) for side, found in buckets.items()}

    def _samples(self) -> list[tuple[str, dict[str, str], float]]:
        # Another connection each time: of several workers each is to look at its file.
        text = self._get("/metrics", {"Connection": "close"}).data.decode()
        return [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def _get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        reply = self._request("GET", path, headers=headers)
        if reply.status != 200:
            raise CanaryFailed(f"expected 200 of {path}, received {reply.status}")
        return reply

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Any:
        headers = {**self._headers, **(headers or {})}
        try:
            return self._pool.request(
                method, self._url + path, headers=headers, **options
            )
        except urllib3.exceptions.HTTPError as error:
            raise CanaryFailed(f"expected a gateway at {self._url}: {error}") from error


def _is_bad_photo(reply: Any) -> bool:
    return reply.status == 400 and reply.json().get("code") == "invalid_image"


def _edge(text: str) -> float:
    return math.inf if text == "+Inf" else float(text)


def _counts(cumulative: Mapping[float, float], failures: int) -> Counts:
    edges = tuple(sorted(cumulative))
    totals = [int(cumulative[edge]) for edge in edges]
    found = tuple(more - less for more, less in zip(totals, [0, *totals]))
    return Counts(edges, found, failures)
