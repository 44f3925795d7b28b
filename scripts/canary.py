"""The body of scripts/canary: its command line and what each command prints.

Exit codes: 0 done, and nothing speaks against the canary; 1 something could not be
done, the message says what; 2 a bad command line; 3 the canary was worse and was
aborted.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from canary_config import CANARY, STABLE, CanaryFailed, read_served, read_share
from canary_gateway import Gateway
from canary_judge import (
    Evidence,
    Golden,
    Limits,
    check_golden,
    find_faults,
)
from canary_moves import Moves, Share
from canary_options import parse_arguments
from canary_places import Cluster, LocalFiles, Place
from canary_watch import ask_golden, draw_table, find_photos, since

EXIT_FAILED = 1
EXIT_ABORTED = 3


def main() -> int:
    """Do what the command line says; return the exit code."""
    options = parse_arguments(sys.argv[1:])
    try:
        return _run(options)
    except CanaryFailed as error:
        print(f"canary: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("\ncanary: stopped looking; it keeps its share: promote or abort")
        return EXIT_FAILED


def _run(options: argparse.Namespace) -> int:
    place = _find_place(options)
    model = read_served(place.read_models(), options.model).model
    gateway = Gateway(options.gateway, model)
    moves = Moves(place, gateway, model, options.patience)
    if options.command == "start":
        return _start(moves, options)
    if options.command == "status":
        return _show_status(moves, options)
    if options.command == "promote":
        moves.promote()
        return 0
    served = moves.served()
    if served.stable is None:
        raise CanaryFailed("expected a canary, none was started")
    moves.abort(served.stable, options.reason)
    return 0


def _find_place(options: argparse.Namespace) -> Place:
    if options.models_config:
        return LocalFiles(options.models_config, options.canary_file)
    return Cluster(options.namespace, options.context)


def _start(moves: Moves, options: argparse.Namespace) -> int:
    """Golden photos before anybody else meets the canary, live requests after."""
    photos = find_photos(options.golden, options.photos) if options.golden else []
    moves.load(options.version, options.stable)
    watch = _Watch(moves, options)
    try:
        faults = watch.judge_golden(photos)
        if not faults:
            moves.share(Share(options.percent, options.sticky))
            faults = watch.judge_live()
    except CanaryFailed as error:
        faults = (f"it cannot be judged: {error}",)
    if faults:
        moves.abort(watch.versions[STABLE], "; ".join(faults))
        return EXIT_ABORTED
    if photos or options.watch:
        print(f"canary: nothing speaks against version {options.version}")
    if options.promote:
        moves.promote()
    return 0


class _Watch:
    """What is found out about a canary: once of golden photos, then of live requests.

    Each judgment gives the faults, one sentence each.
    """

    def __init__(self, moves: Moves, options: argparse.Namespace) -> None:
        self.versions = _versions(moves)
        self._gateway = moves.gateway
        self._options = options
        self._limits = _limits(options)
        self._before = self._gateway.counts(self.versions)

    def judge_golden(self, photos: list[tuple[Path, str | None]]) -> tuple[str, ...]:
        """Both versions on the same photos."""
        if not photos:
            return ()
        golden = ask_golden(self._gateway, photos)
        evidence = Evidence(self.versions, golden)
        _print_table(evidence)
        faults = find_faults(evidence, self._limits)
        if not faults:
            check_golden(golden)
        return faults

    def judge_live(self) -> tuple[str, ...]:
        """What callers met since the beginning, again and again while it is watched."""
        if not self._options.watch:
            return ()
        ends_at = time.monotonic() + self._options.seconds
        while True:
            left = max(0.0, ends_at - time.monotonic())
            time.sleep(min(self._options.every, left))
            counts = since(self._gateway.counts(self.versions), self._before)
            evidence = Evidence(self.versions, live=counts)
            faults = find_faults(evidence, self._limits)
            if faults or not left:
                _print_table(evidence)
                return faults


def _show_status(moves: Moves, options: argparse.Namespace) -> int:
    """What is served, who gets how much, and what the gateway has counted so far."""
    served = moves.served()
    share = read_share(moves.place.read_shares(), moves.model)
    states = moves.gateway.states()
    told = ", ".join(f"{n} {state}" for n, state in sorted(states.items()))
    print(f"model {moves.model}: {told}")
    print(f"held to {sorted(served.held) or 'the highest version'}")
    print(f"labels {dict(served.labels) or 'none'}")
    print(f"file   {share or 'splits nothing'}")
    if served.canary is None:
        return 0
    versions = _versions(moves)
    golden = Golden()
    if options.golden:
        photos = find_photos(options.golden, options.photos)
        golden = ask_golden(moves.gateway, photos)
    evidence = Evidence(versions, golden, moves.gateway.counts(versions))
    _print_table(evidence)
    for fault in find_faults(evidence, _limits(options)):
        print(f"worse: {fault}")
    return 0


def _versions(moves: Moves) -> dict[str, int]:
    served = moves.served()
    return {STABLE: served.labels[STABLE], CANARY: served.labels[CANARY]}


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(options.max_disagreement, options.max_slowdown)


def _print_table(evidence: Evidence) -> None:
    for line in draw_table(evidence):
        print(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
