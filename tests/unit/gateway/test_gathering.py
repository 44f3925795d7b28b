"""Photos of several requests share a call; each request gets its own rows back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import gathering
from gateway.deadline import Deadline
from gateway.errors import ModelFailed, ModelTimeout
from gateway.gathering import CALLS_AT_ONCE, ENOUGH_PHOTOS, MOST_BYTES, Gathering
from gateway.targets import Target
from tests.unit.gateway.gathering_crowd import (
    LONG_SECONDS,
    PIZZA,
    Crowd,
    HeldModel,
    draw,
    read_colors,
    wait_until,
)


@pytest.fixture(name="model")
def held_model(monkeypatch):
    """A model whose calls wait for model.opened; nobody loses patience before."""
    monkeypatch.setattr(gathering, "PATIENCE_SECONDS", LONG_SECONDS)
    return HeldModel()


@pytest.fixture(name="crowd")
def threaded_crowd(model):
    """Callers of that model."""
    with ThreadPoolExecutor(40) as pool:
        yield Crowd(pool, model)
        model.opened.set()


def test_alone():
    """While few are under way a photo goes at once, and alone."""
    model, gathered = HeldModel(), Gathering()
    model.opened.set()

    reply = gathered.ask(PIZZA, draw(3), Deadline.after(LONG_SECONDS), model.send)

    assert (reply.version, reply.scores.tolist()) == (7, [[3.0]])
    assert model.calls == [[3]]


def test_gathered(crowd, model):
    """What comes while calls are under way is one call; each gets its own rows."""
    first = crowd.fill()
    later = [crowd.ask(draw(1)), crowd.ask(draw(2, 3)), crowd.ask(draw(4))]

    model.opened.set()

    assert [read_colors(answer) for answer in first] == [[200.0], [201.0], [202.0]]
    assert [read_colors(answer) for answer in later] == [[1.0], [2.0, 3.0], [4.0]]
    assert model.calls == [[200], [201], [202], [1, 2, 3, 4]]


def test_enough(crowd, model):
    """As many photos as fill a run go without waiting for a call to end."""
    crowd.fill()
    answers = [crowd.ask(draw(color)) for color in range(ENOUGH_PHOTOS)]

    wait_until(lambda: len(model.calls) == CALLS_AT_ONCE + 1)

    assert model.calls[-1] == list(range(ENOUGH_PHOTOS))
    model.opened.set()
    assert [read_colors(answer) for answer in answers] == [
        [color] for color in range(ENOUGH_PHOTOS)
    ]


def test_patience(crowd, model, monkeypatch):
    """A call that hangs keeps nobody: who waited long enough goes, with the rest."""
    crowd.fill()
    waiting = crowd.ask(draw(1))
    monkeypatch.setattr(gathering, "PATIENCE_SECONDS", 0.01)

    crowd.ask(draw(2))

    wait_until(lambda: len(model.calls) == CALLS_AT_ONCE + 1)
    assert model.calls[-1] == [1, 2]
    model.opened.set()
    assert read_colors(waiting) == [1.0]


@pytest.mark.parametrize(
    "batch, target",
    [
        (draw(2, side=3), PIZZA),
        (draw(2), Target("pizza", version=1)),
        (draw(2), Target("pizza", label="canary")),
        (draw(2), Target("cats")),
    ],
    ids=["size", "version", "label", "model"],
)
def test_apart(crowd, model, batch, target):
    """Other sizes, versions, labels and models never share a call."""
    crowd.fill()
    waiting = crowd.ask(draw(1))

    other = crowd.ask(batch, target)
    model.opened.set()

    assert (read_colors(waiting), read_colors(other)) == ([1.0], [2.0])
    assert [1] in model.calls and [2] in model.calls


def test_harm(crowd, model):
    """Photos that a call fails for are sent again by each request for itself."""
    crowd.fill()
    model.broken_by = 2
    good, bad, last = (crowd.ask(draw(color)) for color in (1, 2, 3))

    model.opened.set()

    assert (read_colors(good), read_colors(last)) == ([1.0], [3.0])
    with pytest.raises(ModelFailed):
        bad.result(LONG_SECONDS)
    assert sorted(model.calls[CALLS_AT_ONCE:]) == [[1], [1, 2, 3], [2], [3]]


def test_bug(crowd, model, monkeypatch):
    """Whatever a call raises, those who wait for it are woken and ask themselves."""
    send = model.send

    def send_one(batch, deadline):
        reply = send(batch, deadline)
        return reply if len(batch) == 1 else 1 // 0

    monkeypatch.setattr(model, "send", send_one)
    crowd.fill()
    waiting, sender = crowd.ask(draw(1)), crowd.ask(draw(2))

    model.opened.set()

    with pytest.raises(ZeroDivisionError):
        sender.result(LONG_SECONDS)
    assert read_colors(waiting) == [1.0]


def test_time_is_over(crowd, model):
    """Who cannot wait for the others' call is told so; the others get their answers."""
    crowd.fill()
    patient = crowd.ask(draw(1))

    hasty = crowd.ask(draw(2), seconds=0.05)

    with pytest.raises(ModelTimeout):
        hasty.result(LONG_SECONDS)

    model.opened.set()
    assert read_colors(patient) == [1.0]


@pytest.mark.parametrize("seconds", [(5, 60, 30), (60, 5, 30), (5, 30, 60)])
def test_deadline_of_a_call(crowd, model, seconds):
    """A call has as much time as the most patient of those it is for."""
    crowd.fill()
    answers = [crowd.ask(draw(each), seconds=each) for each in seconds]

    model.opened.set()

    assert [read_colors(answer) for answer in answers] == [[each] for each in seconds]
    assert model.calls[-1] == list(seconds)
    assert model.deadlines[-1].remaining_seconds() > 30


def test_too_much_for_a_message(crowd, model):
    """What does not fit into one message waits for the next call."""
    side = 1000
    fits = MOST_BYTES // (side * side * 3)
    first = [crowd.ask(draw(n, side=side)) for n in range(CALLS_AT_ONCE)]
    later = [crowd.ask(draw(100 + n, side=side)) for n in range(fits + 1)]

    model.opened.set()

    assert [read_colors(answer)[0] for answer in first + later] == [
        *range(CALLS_AT_ONCE),
        *range(100, 100 + fits + 1),
    ]
    assert [len(call) for call in model.calls[CALLS_AT_ONCE:]] == [fits, 1]


def test_one_request_beyond_a_message(crowd, model):
    """A request of many photos is sent as it is, alone."""
    side = 1000
    many = draw(*range(1, 6), side=side)
    assert many.nbytes > MOST_BYTES

    answer = crowd.ask(many)
    model.opened.set()

    assert read_colors(answer) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_crowd():
    """Under a crowd everybody gets the scores of its own photos; nothing is kept."""
    model, gathered = HeldModel(), Gathering()
    model.opened.set()

    def visit(number):
        batch = draw(*[(number + step) % 256 for step in range(number % 4 + 1)])
        reply = gathered.ask(PIZZA, batch, Deadline.after(LONG_SECONDS), model.send)
        return reply.scores[:, 0].tolist() == batch[:, 0, 0, 0].tolist()

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(visit, range(3_000)))

    assert len(model.calls) <= 3_000
    # pylint: disable-next=protected-access  # nobody else can tell what is kept
    assert not gathered._lanes
