"""Workers that each do their next piece when the last is done, timed together."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor


def images_per_second(make_step, workers, seconds):
    """How many images all workers together get through in a second.

    Args:
        make_step: Worker's number -> step; step(round) does a piece of work and returns
            how many images it was. Round 0 is done before the clock starts.
        workers: How many threads work at once.
        seconds: About how long; pieces under way are finished and counted.

    Raises:
        Exception: What the first step that failed raised.
    """
    stop = threading.Event()
    ready = threading.Barrier(workers + 1)

    def work(number):
        try:
            step = make_step(number)
            step(0)
        except BaseException:
            # The others would wait for this one for good.
            ready.abort()
            raise
        ready.wait()
        done, rounds = 0, 0
        while not stop.is_set():
            rounds += 1
            done += step(rounds)
        return done, time.perf_counter()

    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, number) for number in range(workers)]
        try:
            ready.wait()
        except threading.BrokenBarrierError:
            raise _find_reason(running) from None
        start = time.perf_counter()
        stop.wait(seconds)
        stop.set()
        results = [worker.result() for worker in running]
    return sum(done / (end - start) for done, end in results)


def _find_reason(running):
    """What broke the barrier, not what that did to the others."""
    errors = [worker.exception() for worker in running]
    return next(
        error
        for error in errors
        if error and not isinstance(error, threading.BrokenBarrierError)
    )
