"""What the command line of batch scoring admits."""

import pytest

from training.score_arguments import parse_arguments

NEEDED = ["--model", "models/m", "--output", "scores.csv"]


def test_defaults():
    """Model, output and photos are enough."""
    config = parse_arguments([*NEEDED, "a.jpg", "b"])

    assert (config.photos, config.engine, config.workers) == (
        ["a.jpg", "b"],
        "local",
        None,
    )
    assert not config.restarts


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--model", "m"], "required: --output"),
        (["--model", "m", "--output", "scores.txt"], r"ends in .csv or .parquet"),
        (["--model", "m", "--output", "s\udcff.csv"], "invalid"),
        ([*NEEDED, "--workers", "0"], "expected at least 1"),
        ([*NEEDED, "--engine", "spark"], "invalid choice"),
    ],
)
def test_refused(arguments, sentence, capsys):
    """A wrong argument ends the program with the rule."""
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(arguments)

    assert sentence in capsys.readouterr().err
