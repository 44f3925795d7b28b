"""Model servers that run graphs by one engine or the other, and what they counted."""

from __future__ import annotations

import urllib.request

import numpy as np
import tensorflow as tf

from tests.integration.serving_calls import prediction_stub, read_response

ENGINES = ("tensorflow", "openvino")
TIMEOUT_SECONDS = 60
PAGE = "/monitoring/prometheus/metrics"
_OPENVINO = ':serving:engine:run_count{engine="openvino"'
_TENSORFLOW = ":tensorflow:core:graph_runs{"


def write_monitoring(folder):
    """A monitoring config that turns the page on; returns its path."""
    path = folder / "monitoring.config"
    path.write_text(f'prometheus_config {{ enable: true path: "{PAGE}" }}', "utf-8")
    return str(path)


def count_runs(server):
    """How many runs each engine has made so far, by its name."""
    url = f"http://localhost:{server.rest_port}{PAGE}"
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        lines = answer.read().decode().splitlines()
    return {
        engine: sum(int(line.split()[-1]) for line in lines if line.startswith(series))
        for engine, series in (("tensorflow", _TENSORFLOW), ("openvino", _OPENVINO))
    }


def outcome(server, request):
    """The outputs as lists by name, or (code, details) of a call that failed."""
    with prediction_stub(server) as stub:
        future = stub.Predict.future(request, timeout=TIMEOUT_SECONDS)
        error = future.exception()
        if error is not None:
            return error.code(), error.details()
        _, outputs = read_response(future.result())
    return {name: array.tolist() for name, array in outputs.items()}


def build_rounding():
    """y = the rounding error of a mean, enlarged: no two runtimes agree on it."""
    values = tf.compat.v1.placeholder(tf.float32, [None, 64, 64], "x")
    twice = tf.reduce_mean(tf.reduce_mean(values, axis=2), axis=1)
    once = tf.reduce_mean(tf.reduce_mean(values, axis=1), axis=1)
    return {"x": values}, {"y": tf.multiply(twice - once, 1e8, name="y")}


def build_dice():
    """y = x + a number from 0 to 1 drawn in each run."""
    values = tf.compat.v1.placeholder(tf.float32, [None, 1], "x")
    return {"x": values}, {"y": tf.add(values, tf.random.uniform([]), name="y")}


def build_counter():
    """y = x + how often it was run."""
    values = tf.compat.v1.placeholder(tf.float32, [None, 1], "x")
    count = tf.compat.v1.get_variable("count", initializer=0.0, use_resource=True)
    with tf.control_dependencies([count.assign_add(1.0)]):
        return {"x": values}, {"y": tf.add(values, count.read_value(), name="y")}


def build_lookup():
    """y = the table's entry of a whole number; a number beyond it is refused."""
    index = tf.compat.v1.placeholder(tf.int32, [None], "x")
    return {"x": index}, {"y": tf.gather(tf.constant([5.0, 7.0]), index, name="y")}


def build_free_sides():
    """y = each picture's mean, pictures of any size."""
    images = tf.compat.v1.placeholder(tf.float32, [None, None, None], "x")
    return {"x": images}, {"y": tf.reduce_mean(images, axis=[1, 2], name="y")}


def build_slow(side=96, layers=12):
    """y of x (n, side, side, 64), by convolutions that take their time."""

    def build():
        values = tf.compat.v1.placeholder(tf.float32, [None, side, side, 64], "x")
        kernel = tf.constant(np.full((5, 5, 64, 64), 1e-3, np.float32))
        layer = values
        for _ in range(layers):
            layer = tf.nn.relu(tf.nn.conv2d(layer, kernel, 1, "SAME"))
        return {"x": values}, {"y": tf.reduce_mean(layer, axis=[1, 2, 3], name="y")}

    return build


class _Scale(tf.Module):
    """A variable that one signature multiplies by and another one adds to."""

    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def apply(self, x):
        """x times the scale."""
        return {"y": x * self.scale}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="by")])
    def grow(self, by):
        """The scale, after it grew by the sum."""
        return {"scale": self.scale.assign_add(tf.reduce_sum(by))[None]}


def write_scale(folder):
    """Write a model whose serving_default depends on what grow was told."""
    module = _Scale()
    signatures = {"serving_default": module.apply, "grow": module.grow}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder
