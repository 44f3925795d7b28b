"""Arguments in a file, and the presets that come with training."""

from pathlib import Path

import pytest

from training.command_line import parse_arguments

PRESETS = Path(__file__).parents[3] / "training" / "presets"
REQUIRED = ["--data", "photos", "--output", "models/shades"]


def test_arguments_in_a_file(tmp_path):
    """A file's arguments hold, without its comments, where none comes after them."""
    path = tmp_path / "preset"
    path.write_text("# why\n--seed 3 --turns  # so\n\n--data 'my photos'\n")

    config = parse_arguments(
        [f"@{path}", "--output", "models/shades", "--seed", "4"], Path()
    )

    assert (config.data, config.seed) == ("my photos", 4)
    assert config.augmentation.turns


def test_no_such_file(capsys):
    """A preset that is not there ends in the usage, with its name."""
    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, "@no-such-preset"], Path())

    assert "no-such-preset" in capsys.readouterr().err


def test_open_quotes_in_a_file(tmp_path, capsys):
    """A line that a shell would not take ends in the usage, with the line."""
    path = tmp_path / "preset"
    path.write_text("--data 'my photos\n")

    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, f"@{path}"], Path())

    assert "received --data 'my photos" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(PRESETS.iterdir()), ids=lambda path: path.name)
def test_presets(path):
    """Every preset here parses, and needs nothing but an output."""
    config = parse_arguments([f"@{path}", "--output", "models/it"], Path())

    assert config.data and config.fine_tuning.max_epochs > 0


@pytest.mark.parametrize(
    "argument",
    [
        "--validation-fraction=0",
        "--validation-fraction=0.51",
        "--fine-tune-average-epochs=-1",
        "--fine-tune-average-epochs=inf",
    ],
)
def test_values_out_of_range(argument, capsys):
    """A number that would fail after minutes of work ends in the usage at once."""
    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, argument], Path())

    assert f"argument {argument.partition('=')[0]}:" in capsys.readouterr().err
