"""What the table's options make of the plan, and what they refuse."""

from __future__ import annotations

import pytest

from tests.benchmark.run import parse_arguments
from tests.benchmark.table.command import read_plan


def plan_of(*options):
    """The plan of these options."""
    return read_plan(parse_arguments(["table", *options]))


def test_default():
    """The whole table is planned to take less than half an hour."""
    plan = plan_of()

    assert len(plan.networks) == 3
    assert plan.clients == (1, 4, 16, 64)
    assert plan.expected_seconds < 30 * 60


def test_quick():
    """The check takes less than three minutes."""
    plan = plan_of("--quick")

    assert plan.expected_seconds < 180
    assert "ours" in plan.systems


def test_parts():
    """Any part can be had alone, also of the quick check."""
    plan = plan_of("--quick", "--systems=ray,ours", "--clients=2", "--rounds=7")

    assert plan.systems == ("ray", "ours")
    assert plan.clients == (2,)
    assert plan.rounds == 7


@pytest.mark.parametrize(
    "option",
    [
        "--systems=nobody",
        "--networks=lenet",
        "--clients=0",
        "--clients=513",
        "--clients=x",
    ],
)
def test_refused_names(option, capsys):
    """A name or number out of bounds ends with the usage, code 2."""
    with pytest.raises(SystemExit) as ending:
        plan_of(option)

    assert ending.value.code == 2
    assert option.split("=")[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        "--seconds=0.1",
        "--seconds=601",
        "--seconds=nan",
        "--rounds=0",
        "--rounds=101",
        "--open-seconds=0.1",
        "--open-seconds=-1",
    ],
)
def test_refused_durations(option):
    """Too short, too long and too often are refused with the bounds."""
    with pytest.raises(ValueError, match="expected .* received"):
        plan_of(option)
