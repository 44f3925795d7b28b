"""What growth, start, steady and training are told, and what they refuse."""

from __future__ import annotations

import pytest

from tests.benchmark import run


@pytest.mark.parametrize(
    "arguments, told",
    [
        ("growth --rounds 0", "expected at least 1, received 0"),
        ("growth --seconds 0", "expected more than 0, received 0"),
        ("growth --only nothing", "invalid choice: 'nothing'"),
        ("growth --network vgg16", "invalid choice: 'vgg16'"),
        ("start --rounds -1", "expected at least 1, received -1"),
        ("steady --minutes 1", "expected at least 2, received 1"),
        ("steady --clients 0", "expected at least 1, received 0"),
        ("training --limit-minutes 0", "expected more than 0, received 0"),
        ("training --rounds many", "expected a whole number, received 'many'"),
    ],
)
def test_refused(arguments, told, capsys):
    """A wrong option ends the program with what was expected."""
    with pytest.raises(SystemExit) as ended:
        run.parse_arguments(arguments.split())

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_defaults():
    """Without options: thirty minutes, all curves, nothing quick."""
    steady, growth = (run.parse_arguments([name]) for name in ("steady", "growth"))

    assert (steady.minutes, steady.quick) == (30, False)
    assert growth.only is None


def test_some_curves():
    """--only may be repeated."""
    options = run.parse_arguments(["growth", "--only", "batch", "--only", "models"])

    assert options.only == ["batch", "models"]
