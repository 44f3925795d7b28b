"""A lease whose runs are timed under the name of the model and of the method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from serving.models import ModelStore, ModelTarget
from serving.servable import Servable
from serving.version_state import Lease

# (model, method, seconds) of one run.
NoteRuntime = Callable[[str, str, float], None]


def ignore_runtime(model: str, method: str, seconds: float) -> None:
    """Note nothing; what a door does when nobody asked for more."""
    del model, method, seconds


@contextmanager
def lease_timed(
    store: ModelStore[Servable],
    target: ModelTarget,
    method: str,
    note_runtime: NoteRuntime,
) -> Iterator[Lease[Servable]]:
    """Keep the version a call asks for alive; tell note_runtime of its runs.

    Raises:
        ServingError: As ModelStore.lease.
    """
    with store.lease(target) as lease:
        timed = lease.model.timed(partial(note_runtime, target.name, method))
        yield Lease(lease.version, timed)
