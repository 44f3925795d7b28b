"""Places go to those who asked first, and none gets lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from gateway.turns import Turns

LONG_SECONDS = 60.0


def wait_for_queue(turns, length):
    """Until so many wait."""
    pause = threading.Event()
    # pylint: disable-next=protected-access  # nobody else can tell who waits
    while len(turns._waiting) < length:
        pause.wait(0.001)


def test_order():
    """Those who wait come in their order, however many places fall free at once."""
    turns, order = Turns(1), []
    assert turns.acquire(LONG_SECONDS)

    def take(name):
        assert turns.acquire(LONG_SECONDS)
        order.append(name)
        turns.release()

    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(take, number)
            wait_for_queue(turns, number + 1)
        turns.release()

    assert order == [0, 1, 2, 3, 4]


def test_nobody_overtakes():
    """A place that was given to a waiter is not there for who comes meanwhile."""
    turns = Turns(1)
    turns.acquire(LONG_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(turns.acquire, LONG_SECONDS)
        wait_for_queue(turns, 1)

        turns.release()

        assert not turns.acquire(0.0)
        assert waiter.result(LONG_SECONDS)


def test_time_is_over():
    """Who gives up leaves the queue; the place stays for others."""
    turns = Turns(1)
    turns.acquire(LONG_SECONDS)

    assert not turns.acquire(0.01)
    turns.release()

    assert turns.acquire(0.0)


def test_time_that_was_over_before():
    """A deadline in the past is a look, not an error."""
    turns = Turns(1)

    assert turns.acquire(-1.0)
    assert not turns.acquire(-1.0)


def test_never_more_than_places():
    """Under a crowd, some of it impatient, no place is given twice and none is lost."""
    turns, mutex = Turns(3), threading.Lock()
    inside, most = set(), []

    def visit(number):
        if not turns.acquire(0.0005 * (number % 7)):
            return
        with mutex:
            inside.add(number)
            most.append(len(inside))
        with mutex:
            inside.remove(number)
        turns.release()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(visit, range(4000)))

    assert max(most) <= 3
    assert [turns.acquire(0.0) for _ in range(4)] == [True, True, True, False]
