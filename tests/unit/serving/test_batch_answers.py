"""Whatever calls come together, each gets the answer of its own rows and its kind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.batch_queue import BatchingParameters
from serving.batching import Batcher
from serving.errors import ServingError, invalid_argument

CALLERS = 12
STRESS_CALLS = 2000


class Affine:
    """y = x * factor + offset, row by row; refuses a batch with a row above 1000."""

    def __init__(self, factor, offset):
        self.factor = factor
        self.offset = offset

    def __call__(self, inputs, timeout_seconds):
        if (inputs["x"] > 1000).any():
            raise invalid_argument("too large")
        return {"y": self.answer(inputs["x"])}

    def answer(self, values):
        """What one call must get."""
        return values * self.factor + self.offset


MODELS = (Affine(2, 0), Affine(3, 1), Affine(5, 2))
calls = st.tuples(
    st.integers(0, len(MODELS) - 1),
    st.lists(st.integers(0, 1000) | st.just(5000), max_size=9),
    st.sampled_from((1, 2)),
)


@st.composite
def parameters(draw):
    """Any way to batch: sizes, splitting, padding to sizes and to lengths."""
    size = draw(st.integers(9, 12))
    sizes = draw(st.sets(st.integers(1, size - 1), max_size=3))
    return BatchingParameters(
        max_batch_size=size,
        batch_timeout_micros=draw(st.sampled_from((0, 500))),
        num_batch_threads=draw(st.integers(1, 3)),
        max_enqueued_batches=1000,
        allowed_batch_sizes=draw(st.sampled_from(((), (*sorted(sizes), size)))),
        enable_large_batch_splitting=draw(st.booleans()),
        max_execution_batch_size=draw(st.integers(1, 9)),
        pad_variable_length_inputs=draw(st.booleans()),
    )


def ask(batchers, call):
    """Make one call and check all of its answer."""
    number, values, width = call
    sent = np.repeat(np.array(values, np.int64)[:, np.newaxis], width, axis=1)
    try:
        outputs = batchers[number].run("kind", MODELS[number], {"x": sent})
    except ServingError:
        return max(values) > 1000
    # Padding repeats the first element behind the row, which the model answers too.
    received = outputs["y"][:, :width]
    return bool((received == MODELS[number].answer(sent)).all()) and (
        received.shape == sent.shape
    )


@settings(max_examples=40)
@given(parameters(), st.lists(calls, min_size=1, max_size=24))
def test_any_calls(chosen, drawn):
    """Any sizes, models, widths and bad rows, however they are batched."""
    batcher = Batcher(chosen)
    batchers = [batcher.for_model() for _ in MODELS]

    with ThreadPoolExecutor(CALLERS) as pool:
        are_right = list(pool.map(lambda call: ask(batchers, call), drawn))
    batcher.stop()

    assert are_right == [True] * len(drawn)
    assert batcher.count_held() == 0


@pytest.mark.parametrize("is_padded", [False, True])
def test_stress(is_padded):
    """Many threads, models that come and go under them: no answer is another's."""
    batcher = Batcher(
        BatchingParameters(
            max_batch_size=8,
            num_batch_threads=2,
            max_enqueued_batches=1000,
            pad_variable_length_inputs=is_padded,
        )
    )
    noise = np.random.default_rng(5)
    sizes = noise.integers(0, 9, STRESS_CALLS)
    wrong, barrier = [], threading.Barrier(CALLERS)

    def work(worker):
        barrier.wait(30)
        batchers = [batcher.for_model() for _ in MODELS]
        for index in range(worker, STRESS_CALLS, CALLERS):
            values = [index % 900 + row for row in range(sizes[index])]
            call = (index % len(MODELS), values, index % 2 + 1)
            if not ask(batchers, call):
                wrong.append(call)
            if index % 7 == 0:
                batchers[0].close()
                batchers[0] = batcher.for_model()

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(work, range(CALLERS)))
    batcher.stop()

    assert not wrong
    assert batcher.count_held() == 0
