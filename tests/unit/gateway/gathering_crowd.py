"""Callers whose photos may share a call of a model that waits until it is told."""

from __future__ import annotations

import threading

import numpy as np

from gateway.deadline import Deadline
from gateway.errors import ModelFailed, ModelTimeout
from gateway.gathering import CALLS_AT_ONCE, Gathering
from gateway.targets import Reply, Target

LONG_SECONDS = 60.0
PIZZA = Target("pizza")


def draw(*colors, side=2):
    """A batch of flat pictures, uint8 (n, side, side, 3)."""
    return np.stack([np.full((side, side, 3), color, np.uint8) for color in colors])


class HeldModel:
    """Scores are the colors. Calls wait for opened; what they asked for is kept."""

    def __init__(self):
        self.calls, self.deadlines = [], []
        self.opened = threading.Event()
        self.broken_by = None

    def send(self, batch, deadline):
        """What the gathering is to call."""
        colors = [int(color) for color in batch[:, 0, 0, 0]]
        self.calls.append(colors)
        self.deadlines.append(deadline)
        if not deadline.remaining_seconds():
            raise ModelTimeout("late")
        self.opened.wait(LONG_SECONDS)
        if self.broken_by in colors:
            raise ModelFailed("broken")
        return Reply(7, np.array([[color] for color in colors], np.float32))


class Crowd:
    """Callers in threads, each at its place before the next comes."""

    def __init__(self, pool, model):
        self._pool, self._model = pool, model
        self._gathering, self._answers = Gathering(), []

    def ask(self, batch, target=PIZZA, seconds=LONG_SECONDS):
        """Send a batch; goes on when it waits or is under way."""
        before = self._seen()
        answer = self._pool.submit(
            self._gathering.ask,
            target,
            batch,
            Deadline.after(seconds),
            self._model.send,
        )
        self._answers.append(answer)
        wait_until(lambda: self._seen() > before)
        return answer

    def _seen(self):
        """How many photos wait or are under way."""
        # pylint: disable=protected-access  # nobody else can tell who waits
        lanes = list(self._gathering._lanes.values())
        waiting = sum(lane._photos for lane in lanes)
        return waiting + sum(len(call) for call in self._model.calls)

    def fill(self):
        """Have as many calls under way as go without waiting; colors 200, 201..."""
        return [self.ask(draw(200 + number)) for number in range(CALLS_AT_ONCE)]


def wait_until(condition):
    """Look again and again, with a deadline."""
    deadline, pause = Deadline.after(LONG_SECONDS), threading.Event()
    while not condition():
        assert deadline.remaining_seconds()
        pause.wait(0.001)


def read_colors(answer):
    """What a reply says its photos are."""
    return answer.result(LONG_SECONDS).scores[:, 0].tolist()
