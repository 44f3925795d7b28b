"""What is measured, how often and how long; what that will take."""

from __future__ import annotations

from dataclasses import dataclass

# Shares of each system's own peak at which photos arrive at random.
RATE_SHARES = (0.3, 0.6, 0.9)
WARM_CLIENTS, WARM_SECONDS = 16, 1.5
BATCH_SECONDS = 0.8
# What a turn takes beside its loads: lead-in, waking up, the last answers.
_TURN_SECONDS, _LEAD = 1.5, 1.35
# Start, first answer and end of one system, on two cores.
_START_SECONDS = 9.0
_PREPARE_SECONDS = 15.0
# Slow systems are watched longer than planned; a run that takes this much longer
# measures no more rounds.
SLACK = 1.6


@dataclass(frozen=True)
class Plan:
    """One run of the table; seconds are of each load."""

    networks: tuple[str, ...]
    systems: tuple[str, ...]
    limits: tuple[str, ...]
    clients: tuple[int, ...]
    seconds: float
    rounds: int
    open_seconds: float
    photos: int = 64

    @property
    def expected_seconds(self):
        """For all networks, nothing installed or exported anew."""
        warm = _TURN_SECONDS + _LEAD * WARM_SECONDS
        started = _PREPARE_SECONDS + len(self.systems) * (_START_SECONDS + warm)
        return (started + self.measuring_seconds) * len(self.networks)

    @property
    def measuring_seconds(self):
        """Of one network, once all are started."""
        rows = len(self.systems)
        turn = _TURN_SECONDS + _LEAD * self.seconds * len(self.clients)
        opened = len(RATE_SHARES) * self.open_seconds * 1.1 if self.open_seconds else 0
        limits = len(self.limits) * 3 * self.seconds
        return self.rounds * (rows * turn + limits) + rows * (opened + _TURN_SECONDS)

    @property
    def turns(self):
        """How often something is put in its turn, for the bar."""
        rows = len(self.systems)
        each = rows + self.rounds * (rows + len(self.limits))
        return len(self.networks) * (each + (rows if self.open_seconds else 0))
