"""What a start and a reload wait for, and how they tell of models that failed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from grpc import StatusCode

from serving.errors import ServingError
from serving.models import ModelStore
from serving.version_state import Outcome, VersionStatus


def wait_for_start(
    store: ModelStore[Any], timeout_seconds: float | None = None
) -> bool:
    """Wait until every model answers, or is absent while another one answers.

    Returns:
        False when the time is over or the store was closed before.

    Raises:
        ServingError: UNKNOWN; no wanted version of some model loads.
    """

    def is_ready() -> bool:
        found = set(store.outcomes().values())
        is_absent_only = found == {Outcome.ABSENT}
        return Outcome.PENDING not in found and not is_absent_only

    store.wait_until(lambda: store.is_closing or is_ready(), timeout_seconds)
    if store.is_closing or not is_ready():
        return False
    _raise_failures(store, store.served_names(), "servable(s)")
    return True


def wait_for_new(
    store: ModelStore[Any],
    names: Collection[str],
    is_given_up: Callable[[], bool] = lambda: False,
) -> None:
    """Wait until each of these models answers or has failed, without a limit of time.

    Args:
        names: What ModelStore.apply returned.
        is_given_up: Whether nobody wants the answer any more; looked at after
            ModelStore.note_change.

    Raises:
        ServingError: UNKNOWN; some failed. ABORTED; another configuration dropped one
            meanwhile. CANCELLED; is_given_up said so. UNAVAILABLE; the server stops.
    """

    def is_over() -> bool:
        outcomes = store.outcomes()
        waits = {outcomes.get(name) for name in names}
        return not waits & {Outcome.PENDING, Outcome.ABSENT}

    store.wait_until(lambda: store.is_closing or is_given_up() or is_over())
    if not is_over():
        if store.is_closing:
            raise ServingError(StatusCode.UNAVAILABLE, "the server stops")
        raise ServingError(StatusCode.CANCELLED, "nobody waits for the models")
    dropped = sorted(set(names) - store.served_names())
    if dropped:
        raise ServingError(
            StatusCode.ABORTED,
            f"another configuration dropped {', '.join(dropped)} before it was loaded",
        )
    _raise_failures(store, names, "model(s)")


def is_answering(store: ModelStore[Any]) -> bool:
    """Whether some model answers, or none is configured."""
    outcomes = store.outcomes().values()
    return not outcomes or Outcome.AVAILABLE in outcomes


def _raise_failures(store: ModelStore[Any], names: Collection[str], kind: str) -> None:
    outcomes = store.outcomes()
    failed = [name for name in sorted(names) if outcomes.get(name) is Outcome.FAILED]
    if failed:
        told = "".join(_describe(name, store.statuses(name)) for name in failed)
        raise ServingError(
            StatusCode.UNKNOWN,
            f"{len(failed)} {kind} did not become available: {{{told}}}",
        )


def _describe(name: str, statuses: tuple[VersionStatus, ...]) -> str:
    """The highest version that failed, in TensorFlow Serving's words."""
    status = next(status for status in statuses if status.error is not None)
    version = f"{{name: {name} version: {status.version}}}"
    return f"{{{version} due to error: {status.error}}}, "
