"""Which signatures OpenVINO takes over, and which stay with TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.openvino_engine import open_engine
from serving.openvino_model import take_over
from serving.saved_model import SessionOptions, load_saved_model
from serving.settings import Settings
from tests.integration.engine_servers import (
    build_counter,
    build_dice,
    build_free_sides,
    build_lookup,
    build_rounding,
    build_slow,
    write_scale,
)
from tests.integration.serving_models import (
    build_check,
    build_convolution,
    build_half_plus,
    build_join,
    write_graph,
    write_tf2_model,
)

TAKEN = ("event=engine engine=openvino precision=f32", "tensorflow= reasons={}")


@pytest.fixture(name="engine", scope="module")
def _engine():
    return open_engine(Settings(engine="openvino"))


@pytest.fixture(name="load")
def _load(engine, caplog):
    """A function from a version folder to (model, its log line, its list of runs)."""
    caplog.set_level("INFO", logger="serving")
    models = []

    def load(folder):
        runs = []
        loaded = load_saved_model(folder, ("serve",), SessionOptions())
        models.append(
            take_over(loaded, engine, folder, lambda *facts: runs.append(facts))
        )
        return models[-1], caplog.messages[-1], runs

    yield load
    for model in models:
        model.close()


def run(model, outputs=("y",), **inputs):
    """The first of the outputs of serving_default."""
    signature = model.signature("serving_default")
    return model.run(signature, inputs, outputs)[outputs[0]]


def test_variables(load, tmp_path):
    """Variables are constants to the engine: y = x / 2 + 2."""
    model, line, runs = load(write_graph(tmp_path / "1", build_half_plus(2)))

    answer = run(model, x=np.float32([[1], [3]]))

    assert answer.tolist() == [[2.5], [3.5]]
    assert all(part in line for part in TAKEN)
    assert [precision for precision, _ in runs] == ["f32"]


def test_functions(load, tmp_path):
    """A TF2 model, whose signatures are functions: y = x / 2."""
    model, line, runs = load(write_tf2_model(tmp_path / "1"))

    answer = run(model, x=np.float32([1, 3]))

    assert answer.tolist() == [0.5, 1.5]
    assert "openvino=double,serving_default" in line
    assert len(runs) == 1


def test_convolution(load, tmp_path):
    """The sum of 4 x 4 ones is 16; the batch may have any number of rows."""
    model, _, runs = load(write_graph(tmp_path / "1", build_convolution))

    answers = [
        run(model, ("sums",), images=np.ones((rows, 4, 4, 1), np.float32)).tolist()
        for rows in (1, 5, 2)
    ]

    assert answers == [[16.0] * rows for rows in (1, 5, 2)]
    assert len(runs) == 3


@pytest.mark.parametrize(
    "build, reason",
    [
        (build_check, "Assert: more than arithmetic"),
        (build_counter, "AssignAddVariableOp: changes variables"),
        (build_dice, "RandomUniform: more than arithmetic"),
        (build_free_sides, "has no fixed shape"),
        (build_join, "is neither uint8 nor float32"),
        (build_lookup, "is neither uint8 nor float32"),
        (build_rounding, "output y:0 expected within 0.0001"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_left(load, tmp_path, build, reason):
    """More than arithmetic, and answers that differ, stay with TensorFlow."""
    _, line, _ = load(write_graph(tmp_path / "1", build))

    assert "openvino= tensorflow=serving_default" in line
    assert reason in line


def test_refusing_graph(load, tmp_path):
    """A graph that refuses values still does, and still answers others."""
    model, _, runs = load(write_graph(tmp_path / "1", build_check))

    with pytest.raises(ServingError, match="not positive") as caught:
        run(model, x=np.float32([1, -1]))

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert run(model, x=np.float32([1, 2])).tolist() == [1.0, 2.0]
    assert not runs


def test_counting_graph(load, tmp_path):
    """A graph with a memory keeps it: loading it has not counted."""
    model, _, _ = load(write_graph(tmp_path / "1", build_counter))

    answers = [run(model, x=np.float32([[0]])).item() for _ in range(3)]

    assert answers == [1.0, 2.0, 3.0]


def test_written_variables(load, tmp_path):
    """Where one signature changes a variable, another one that reads it stays too."""
    model, line, runs = load(write_scale(tmp_path / "1"))
    grow = model.signature("grow")

    before = run(model, x=np.float32([3]))
    model.run(grow, {"by": np.float32([10])}, ("scale",))
    after = run(model, x=np.float32([3]))

    assert (before.tolist(), after.tolist()) == ([3.0], [33.0])
    assert "openvino= tensorflow=__saved_model_init_op,grow,serving_default" in line
    assert not runs


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_read_only_rows(load, tmp_path, rows):
    """Arrays over a message's bytes, which nobody may write to, are read as well."""
    model, _, _ = load(write_graph(tmp_path / "1", build_half_plus(0)))
    numbers = np.arange(rows, dtype=np.float32).tobytes()
    values = np.frombuffer(numbers, np.float32).reshape(rows, 1)

    answer = run(model, x=values)

    assert answer.tolist() == [[number / 2] for number in range(rows)]


def test_answers_are_kept(load, tmp_path):
    """A later run does not write into an earlier answer."""
    model, _, _ = load(write_graph(tmp_path / "1", build_half_plus(0)))

    first = run(model, x=np.float32([[2]]))
    run(model, x=np.float32([[6]]))

    assert first.tolist() == [[1.0]]


@pytest.mark.parametrize("timeout_seconds", [None, 60.0, 1e10, 1e300])
def test_patience(load, tmp_path, timeout_seconds):
    """However long a caller would wait, the answer comes when it is there."""
    model, _, runs = load(write_graph(tmp_path / "1", build_half_plus(0)))
    signature, values = model.signature("serving_default"), np.float32([[4]])

    answer = model.run(signature, {"x": values}, ("y",), timeout_seconds)

    assert answer["y"].tolist() == [[2.0]]
    assert len(runs) == 1


def test_timeout(load, tmp_path):
    """A run that takes too long is given up, and the next one is not harmed."""
    model, line, runs = load(write_graph(tmp_path / "1", build_slow()))
    signature = model.signature("serving_default")
    values = np.ones((64, 96, 96, 64), np.float32)
    assert "openvino=serving_default" in line

    with pytest.raises(ServingError) as caught:
        model.run(signature, {"x": values}, ("y",), timeout_seconds=0.01)
    answer = model.run(signature, {"x": values[:1]}, ("y",), timeout_seconds=100)

    assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
    assert answer["y"].shape == (1,)
    assert len(runs) == 1
