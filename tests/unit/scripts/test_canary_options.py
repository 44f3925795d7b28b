"""The command line of scripts/canary: what cannot be meant ends with code 2."""

from __future__ import annotations

import pytest

from canary_options import parse_arguments


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("start", "0"), "expected a version, received '0'"),
        (("start", "two"), "expected a version, received 'two'"),
        (("start", "2", "--percent=101"), "expected 0 to 100, received '101'"),
        (("start", "2", "--percent=0"), "expected more than 0, received '0'"),
        (("start", "2", "--percent=nan"), "expected more than 0, received 'nan'"),
        (("start", "2", "--photos=6"), "expected at least 7, received '6'"),
        (("start", "2", "--seconds=inf"), "expected more than 0, received 'inf'"),
        (("abort", "--patience=0"), "expected more than 0, received '0'"),
        (("status", "--canary-file=a"), "expected --models-config and --canary-file"),
    ],
)
def test_refusals(arguments, sentence, capsys):
    """One sentence says what was expected, and what was received."""
    with pytest.raises(SystemExit) as ended:
        parse_arguments(list(arguments))

    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_start():
    """What is given is taken, the rest has its default."""
    options = parse_arguments(["start", "2", "--percent=30", "--sticky"])

    assert (options.command, options.version) == ("start", 2)
    assert (options.percent, options.sticky) == (30.0, True)
    assert (options.golden, options.promote, options.watch) == (None, False, False)
