"""Seconds from photos to an exported model, beside Keras' own tutorial way."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.benchmark.machine import describe_machine
from tests.benchmark.spread import describe
from tests.benchmark.training_race.runs import run_ours, run_tutorial
from training.argument_kinds import as_count, as_positive
from training.program import read_datasets_dir

DATA = "pizza-not-pizza"
BACKBONE = "efficientnet-lite0"
# Source: the goal of this benchmark's issue.
GOAL = 10.0


def add_arguments(parser):
    """The options of this subcommand."""
    parser.add_argument(
        "--rounds", type=as_count, default=2, help="runs of each, in turn"
    )
    parser.add_argument(
        "--limit-minutes",
        type=as_positive,
        default=8.0,
        help="of each run of the tutorial",
    )


def run(options):
    """Ours, then the tutorial until it is as good; again and again; report.json."""
    folder = read_datasets_dir() / DATA
    if not (folder / "train").is_dir():
        raise ValueError(f"expected $DATASETS_DIR/{DATA} with a folder train in it")
    rounds = 1 if options.quick else options.rounds
    limit = 0.5 if options.quick else options.limit_minutes
    facts = {"data": DATA, "backbone": BACKBONE, **describe_machine()}
    print(f"training: {rounds} x {BACKBONE}, at most {rounds * (limit + 2):.0f} min")
    pairs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as aside:
            ours = run_ours(DATA, BACKBONE, Path(aside))
            print(tell_run("ours", ours), flush=True)
            theirs = run_tutorial(folder, BACKBONE, Path(aside), (ours.accuracy, limit))
            print(tell_run("tutorial", theirs), flush=True)
        pairs.append((ours, theirs))
    outcome = tell_outcome(pairs)
    print(outcome)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "report.json"
    document = {
        **facts,
        "outcome": outcome,
        "rounds": [
            {"ours": asdict(ours), "tutorial": asdict(theirs)} for ours, theirs in pairs
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"report {path}")


def tell_run(name, result):
    """One run in a line."""
    epochs = f", {len(result.epochs)} epochs" if result.epochs else ""
    return (
        f"{name}: {result.seconds:.1f} s ({result.cpu_seconds:.0f} s of processor "
        f"time){epochs}, test accuracy {result.accuracy:.4f}"
        f"{'' if result.is_reached else ', not the accuracy that was asked for'}"
    )


def tell_outcome(pairs):
    """Tutorial / ours, and plainly who was sooner."""
    ratios = [theirs.seconds / ours.seconds for ours, theirs in pairs]
    costs = [theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs]
    missed = sum(not theirs.is_reached for _, theirs in pairs)
    sooner = sum(
        theirs.is_reached and ratio < 1 for ratio, (_, theirs) in zip(ratios, pairs)
    )
    lines = [
        f"\nseconds from photos to an exported model, tutorial / ours: "
        f"{describe(ratios)} (goal {GOAL:.0f}); processor time {describe(costs)}",
        "the tutorial's test passes are not counted, nor is its looking at the test "
        "accuracy held against it; ours judges, draws a report and writes a warm-up",
    ]
    if missed:
        lines.append(
            f"in {missed} of {len(pairs)} rounds the tutorial did not reach our "
            "accuracy within its limit: there the ratio is a lower bound"
        )
    if sooner:
        lines.append(
            f"in {sooner} of {len(pairs)} rounds the tutorial was there sooner than we"
        )
    return "\n".join(lines)
