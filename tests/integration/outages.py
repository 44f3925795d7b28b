"""What happens to a cluster under load, phase after phase, and what was heard."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import urllib3

from tests.integration.name_server import running_name_server
from tests.integration.pods import Cluster
from tests.integration.service_callers import RETRY_LATER, Callers, Tally

# Of even, for every replica while all are well.
MOST_UNEVEN = 0.20
EVEN_SECONDS = 60
VERSION_SECONDS = 60


@dataclass(frozen=True)
class Row:
    """One phase: what was heard, and the shares of its end, each 1 if even."""

    name: str
    is_planned: bool
    tally: Tally
    model_shares: tuple
    gateway_shares: tuple

    def __str__(self):
        """One line of a Markdown table."""
        tally = self.tally
        later, hard = tally.failures[RETRY_LATER], tally.hard_failures
        shares = (
            ", ".join(f"{share:.2f}" for share in shares)
            for shares in (self.model_shares, self.gateway_shares)
        )
        cells = (self.name, tally.requests, later, hard, f"{tally.longest_seconds:.2f}")
        return "| " + " | ".join(map(str, (*cells, *shares))) + " |"


HEAD = (
    "\n| phase | requests | 503 with Retry-After | other failures | longest, s | "
    "share of each model pod | of each gateway |\n|" + " --- |" * 7
)


class Outages:
    """Phases of one cluster; rows tells what was heard in each."""

    def __init__(self, cluster, callers, requests):
        self.cluster, self.callers = cluster, callers
        self.requests = requests
        self.rows = []

    def run_all(self, folder, made, hang_seconds):
        """Every phase once; gives the versions heard after the new one took over.

        Args:
            folder: Where the model servers look for versions.
            made: The new version's folder, elsewhere; it is moved there.
        """
        self.rest()
        self.roll()
        versions = self.publish(folder, made)
        self.publish_broken(folder, int(made.name) + 1)
        self.kill()
        self.hang(hang_seconds)
        return versions

    @contextmanager
    def phase(self, name, is_planned=True):
        """What the block does, and the load until all replicas have even shares."""
        self.callers.take_tally()
        yield
        shares = self._wait_until_even()
        self.rows.append(Row(name, is_planned, self.callers.take_tally(), *shares))
        print(self.rows[-1], flush=True)

    def _wait_until_even(self):
        ends_at = time.monotonic() + EVEN_SECONDS
        while True:
            shares = self._take_shares()
            furthest = max(abs(share - 1) for part in shares for share in part)
            if furthest <= MOST_UNEVEN or time.monotonic() > ends_at:
                return shares

    def _take_shares(self):
        """The shares of the next requests: of the model pods, of the gateways."""
        cluster = self.cluster
        counts = (cluster.count_model_calls, cluster.count_gateway_requests)
        before = [count() for count in counts]
        self.callers.wait_for_requests(self.requests)
        after = [count() for count in counts]
        return tuple(
            tuple(len(new) * (new[pod] - old[pod]) / total for pod in new)
            for old, new in zip(before, after)
            for total in [sum(new.values()) - sum(old.values())]
        )

    def rest(self):
        """All is well."""
        with self.phase("all well"):
            self.callers.wait_for_requests(self.requests)

    def roll(self):
        """Both Deployments get new pods."""
        with self.phase("model servers replaced"):
            self.cluster.roll_models()
        with self.phase("gateways replaced"):
            self.cluster.roll_gateways()

    def publish(self, folder, made):
        """A new version takes over; gives the versions heard after that."""
        with self.phase("new version"):
            os.rename(made, folder / made.name)
            self._wait_for_state(made.name, "AVAILABLE")
        with self.phase("all well, new version"):
            self.callers.wait_for_requests(self.requests)
        return set(self.rows[-1].tally.versions)

    def publish_broken(self, folder, version):
        """A version that cannot be loaded appears, and is withdrawn later."""
        aside = folder.parent / f"broken-{version}"
        aside.mkdir()
        (aside / "saved_model.pb").write_bytes(b"not a model")
        with self.phase("broken new version"):
            os.rename(aside, folder / str(version))
            self._wait_for_state(str(version), "END")
            self.callers.wait_for_requests(self.requests)
            os.rename(folder / str(version), aside)

    def kill(self):
        """A model server is killed; later its container starts again."""
        with self.phase("model server killed", is_planned=False):
            address = self.cluster.kill_model()
            self.callers.wait_for_requests(self.requests)
            self.cluster.restart_model(address)

    def hang(self, seconds):
        """A model server hangs, and goes on after so many seconds."""
        with self.phase("model server hangs", is_planned=False):
            thaw = self.cluster.freeze_model()
            thaws_at = time.monotonic() + seconds
            while time.monotonic() < thaws_at:
                self.callers.wait_for_requests(1)
            thaw()

    def _wait_for_state(self, version, state):
        """Until every model server has the version in that state."""
        for url in self.cluster.list_model_status_urls():
            ends_at = time.monotonic() + VERSION_SECONDS
            while (version, state) not in read_states(url):
                assert time.monotonic() < ends_at, read_states(url)
                self.callers.wait_for_requests(10)


def check_rows(rows, most_seconds):
    """Nothing planned failed; of the faults all was said to come again, and in time."""
    for row in rows:
        assert row.tally.hard_failures == 0, row
        assert row.tally.longest_seconds < most_seconds, row
        assert not (row.is_planned and row.tally.failures), row
        for share in (*row.model_shares, *row.gateway_shares):
            assert abs(share - 1) <= MOST_UNEVEN, row


def read_states(url):
    """(version, state) of every version that a model server knows."""
    reply = json.loads(urllib3.request("GET", url).data)
    return {(one["version"], one["state"]) for one in reply["model_version_status"]}


@contextmanager
def running_outages(flags, pace, load):
    """A cluster under load; flags tell its model servers what to serve as "tiny"."""
    with ExitStack() as stack:
        names = stack.enter_context(running_name_server())
        cluster = Cluster(stack, names, flags, pace)
        cluster.start()
        callers = Callers(cluster.list_ports, load)
        stack.callback(callers.stop)
        callers.start()
        print(HEAD)
        yield Outages(cluster, callers, load.requests)
