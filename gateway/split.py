"""Sends a share of the requests to the canary; what it fails, to the stable version.

Owns the choice and its count; canary.py owns the file that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from flask import g

from gateway import request_log
from gateway.deadline import Deadline
from gateway.errors import (
    ModelFailed,
    ModelMismatch,
    ModelTimeout,
    ModelUnavailable,
    NoExplanation,
    UnknownVersion,
)
from gateway.targets import ServedModel, Target
from gateway.timings import MODEL, Stopwatch

if TYPE_CHECKING:
    from gateway.canary import CanaryFile
    from gateway.metrics import Metrics
    from gateway.model_client import ModelClient

CANARY = "canary"
STABLE = "stable"
# What a version, and not the caller's picture, is to blame for.
VERSION_ERRORS = (
    ModelUnavailable,
    ModelTimeout,
    ModelMismatch,
    ModelFailed,
    UnknownVersion,
    NoExplanation,
)
# The gauge of a model that the file does not name.
NO_CANARY = -1


class Answer(Protocol):
    """Anything that tells which version gave it."""

    @property
    def served(self) -> ServedModel:
        """The version and its contract."""


AnswerT = TypeVar("AnswerT", bound=Answer)
Question = Callable[[Target, Deadline], AnswerT]


class Split:
    """One gateway's choice between a model's versions, request by request."""

    def __init__(
        self,
        client: ModelClient,
        metrics: Metrics,
        models: tuple[str, ...] = (),
        canaries: CanaryFile | None = None,
    ) -> None:
        """Without a file of canaries every target is asked as it is."""
        self._client = client
        self._metrics = metrics
        self._models = models
        self._canaries = canaries
        if canaries is not None:
            self._show()

    def follow(self) -> None:
        """Take over what the file of canaries says now; asked before each request."""
        if self._canaries is not None and self._canaries.follow():
            self._show()

    def _show(self) -> None:
        canaries = self._canaries
        assert canaries is not None
        self._metrics.canary_file_broken.set(canaries.is_broken)
        for model in self._models:
            canary = canaries.find(model)
            percent = NO_CANARY if canary is None else canary.percent
            self._metrics.canary_percent.labels(model).set(percent)

    def ask(
        self,
        target: Target,
        deadline: Deadline,
        watch: Stopwatch,
        question: Question[AnswerT],
    ) -> AnswerT:
        """The answer of the canary or of the stable version; of the target, if it says.

        A canary that fails costs nobody an answer: the stable version is asked next,
        for which half of the time is kept.

        Args:
            watch: The one that the question tells how long the model took.
            question: May be asked twice.

        Raises:
            GatewayError: As the question.
        """
        names_version = target.version is not None or target.label is not None
        canary = self._canaries.find(target.model) if self._canaries else None
        if canary is None or names_version:
            return question(target, deadline)
        stable = Target(target.model, label=canary.stable)
        if canary.takes(g.request_id):
            half = Deadline.after(deadline.remaining_seconds() / 2)

            def ask_canary() -> AnswerT:
                answer = question(Target(target.model, label=canary.label), half)
                self._check_labels(answer.served, stable, half)
                return answer

            with suppress(*VERSION_ERRORS):
                return self._count(CANARY, target.model, watch, ask_canary)
        try:
            return self._count(
                STABLE, target.model, watch, lambda: question(stable, deadline)
            )
        except UnknownVersion:
            # Nobody has given the label yet: whatever the server has.
            return question(target, deadline)

    def _count(
        self, side: str, model: str, watch: Stopwatch, ask: Callable[[], AnswerT]
    ) -> AnswerT:
        """The answer of one side, counted with its version and the model's time."""
        before = watch.read().seconds[MODEL]
        try:
            answer = ask()
        except VERSION_ERRORS as error:
            self._metrics.canary_failures.labels(model, side, error.code).inc()
            request_log.note(**{f"{side}_failed": error.code})
            raise
        seconds = watch.read().seconds[MODEL] - before
        version = answer.served.version
        self._metrics.canary_seconds.labels(model, side, version).observe(seconds)
        request_log.note(side=side)
        return answer

    def _check_labels(
        self, canary: ServedModel, stable: Target, deadline: Deadline
    ) -> None:
        """Refuse a canary that knows other classes: callers would see them come and go.

        Sizes may differ, since each version gets its own pixels.
        """
        known = self._client.contract(stable, deadline).contract.labels
        if canary.contract.labels != known:
            raise ModelMismatch(
                f"model '{canary.name}': expected the labels of the stable version, "
                f"version {canary.version} has others"
            )
