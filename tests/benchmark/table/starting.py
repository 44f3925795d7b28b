"""The systems of one network, started a few at a time, asked, warmed up and stopped.

All at once they take so long that some give up; one that fails has a second try, alone.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass

from tests.benchmark.table import load
from tests.benchmark.table.lineup import SYSTEMS
from tests.benchmark.table.plan import WARM_CLIENTS, WARM_SECONDS
from tests.benchmark.table.servers import launched, wait_for_answer

_AT_ONCE = 3


@dataclass(frozen=True)
class Started:
    """What is known of a system before its first turn.

    difference: the largest of a score from limit 1's.
    """

    server: object
    difference: float
    memory_mib: float


class Starting:
    """Of one network; expected are limit 1's scores of the first photos."""

    def __init__(self, network, photos, expected, folder):
        self._network, self._photos = network, photos
        self._expected, self._folder = expected, folder

    def start(self, names, stack, tell):
        """All that start, for as long as the stack is open.

        Args:
            tell: Called with a few words before each wait.

        Returns:
            ({name: Started}, {name: why it is missing}).
        """
        started, missing = {}, {}
        groups = [names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE)]
        for group in groups:
            self._start_group(group, stack, (started, missing), tell)
        for name in tuple(missing):
            self._start_group((name,), stack, (started, missing), tell)
        return started, missing

    def _start_group(self, names, stack, outcome, tell):
        started, missing = outcome
        launches = {}
        for name in names:
            missing.pop(name, None)
            own = stack.enter_context(ExitStack())
            folder = self._folder / self._network.name / name
            context = launched(SYSTEMS[name], self._network, folder, self._photos)
            try:
                launches[name] = (own, *own.enter_context(context), folder)
            except (RuntimeError, OSError) as error:
                missing[name] = str(error)
        for name, (own, server, processes, folder) in launches.items():
            tell(f"starting {name}")
            try:
                wait_for_answer(load.ask, server, processes, folder)
                started[name] = self._try_out(name, server)
            except (RuntimeError, ValueError, LookupError, OSError) as error:
                missing[name] = f"{type(error).__name__}: {error}"
                own.close()

    def _try_out(self, name, server):
        """Compare, warm up, stop."""
        difference = self._largest_difference(name, server)
        with suppress(OSError):
            load.closed(server.door, WARM_CLIENTS, WARM_SECONDS)
        memory_mib = server.resident_mib()
        server.pause()
        return Started(server, difference, memory_mib)

    def _largest_difference(self, name, server):
        """Between its scores and limit 1's.

        Raises:
            RuntimeError: A photo was not answered with 200.
        """
        differences = []
        for number, scores in enumerate(self._expected):
            status, body = load.ask(server.door, number)
            if status != load.OK:
                raise RuntimeError(f"expected status 200, received {status}")
            found = SYSTEMS[name].read(body)
            pairs = zip(scores, found, strict=True)
            differences += [abs(expected - its) for expected, its in pairs]
        return max(differences)
