"""The real program under Ctrl-C and SIGTERM, in each of its phases."""

import io
import logging
import os
import re
import signal
import sys

import jinja2
import numpy as np
import optuna
import pytest
import tensorflow as tf

from tests.integration.trained_model import draw_photos
from training.__main__ import main

# What the program says, or whom it calls, when a phase begins.
PHASES = (
    "decoding photos",
    "near-duplicates",
    "training dense-300-100",
    "training on shuffled labels",
    "scores of test",
    (tf.compat.v1.saved_model, "load"),  # what was exported is compared
    (jinja2.Environment, "get_template"),  # the report
)
PRETRAINED_PHASES = (
    ("--search 2", (optuna.Trial, "suggest_float")),
    ("--folds 2", "fold 2 of 2"),
    ("--fine-tune 2", "fine-tuning"),
)
SIGNALS = ((signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"))
LEFT = "nothing was exported. The same command with --resume goes on"


class _Watched(io.StringIO):
    """A stderr on which a cue is followed by a signal, once."""

    def __init__(self, cue, number):
        super().__init__()
        self.cue, self.number = cue, number

    def write(self, text):
        if self.cue and self.cue in text:
            self.cue = None
            os.kill(os.getpid(), self.number)
        return super().write(text)


@pytest.fixture(name="photos", scope="module")
def _photos(tmp_path_factory):
    return draw_photos(tmp_path_factory.mktemp("photos") / "shades", 10)


@pytest.fixture(name="train")
def _train(photos, tmp_path, monkeypatch):
    """train(name, knobs, phase, number): exit code and what was said on stderr.

    The signal of that number comes when the phase begins.
    """

    def train(name, knobs, phase=None, number=None):
        places = [f"--output={tmp_path / name}", f"--cache={tmp_path / name}-cache"]
        cue = phase if isinstance(phase, str) else None
        with monkeypatch.context() as patch:
            arguments = ["training", f"--data={photos}", *places, *knobs.split()]
            patch.setattr(sys, "argv", arguments)
            patch.setattr(sys, "stderr", stream := _Watched(cue, number))
            if phase and not cue:
                patch.setattr(*phase, _send_first(number, getattr(*phase)))
            code = main()
        assert stream.cue is None
        return code, stream.getvalue()

    return train


def _send_first(number, function):
    """The function, after a signal."""

    def call(*arguments, **options):
        os.kill(os.getpid(), number)
        return function(*arguments, **options)

    return call


def check_end(told, turn, output):
    """The exit code, one clear line at the end, and nothing in the output."""
    (code, said), (_, expected, word) = told, SIGNALS[turn % 2]
    lines = [line for line in said.splitlines() if not re.search(r"\d+%|^$", line)]
    assert code == expected
    assert lines[-1] == f"training: {word}; {LEFT}"
    assert "Traceback" not in said
    assert not output.exists() or not list(output.iterdir())


@pytest.mark.timeout(300)
def test_phases(train, tmp_path):
    """Stopped in each phase and gone on with each time: the model of one go."""
    knobs = "--backbone=dense-300-100 --max-epochs=3"
    before = signal.getsignal(signal.SIGTERM)

    for turn, phase in enumerate(PHASES):
        number = SIGNALS[turn % 2][0]
        told = train("halves", f"{knobs} --resume", phase, number)
        check_end(told, turn, tmp_path / "halves")

    assert signal.getsignal(signal.SIGTERM) is before
    assert train("halves", f"{knobs} --resume")[0] == 0
    assert train("whole", knobs)[0] == 0
    assert [path.name for path in (tmp_path / "halves").iterdir()] == ["1"]
    halves, whole = (scores_of(tmp_path / name / "1") for name in ("halves", "whole"))
    assert np.array_equal(halves, whole)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", range(len(PRETRAINED_PHASES)))
def test_phases_of_a_backbone(train, tmp_path, caplog, turn):
    """What only a pretrained network does; Optuna tells of no trial it lost."""
    more, phase = PRETRAINED_PHASES[turn]
    knobs = "--backbone=mobilenet-v2-0.35 --size=32 --weights=random --max-epochs=2"
    logging.getLogger("optuna").addHandler(caplog.handler)

    told = train("halves", f"{knobs} {more}", phase, SIGNALS[turn % 2][0])

    logging.getLogger("optuna").removeHandler(caplog.handler)
    check_end(told, turn, tmp_path / "halves")
    assert not caplog.records


def scores_of(version_folder):
    """What the exported model says of pictures of noise."""
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28, 3), np.uint8)
    loaded = tf.saved_model.load(str(version_folder))
    return loaded.signatures["serving_default"](images=images)["scores"].numpy()
