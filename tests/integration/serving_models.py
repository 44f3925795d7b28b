"""SavedModels of other shapes than the project's own, small and worked out by hand."""

from __future__ import annotations

import tensorflow as tf


def write_graph(folder, build, signatures=("serving_default",)):
    """Write a TF1 SavedModel; build() returns (inputs, outputs), tensors by name."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        inputs, outputs = build()
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        definition = v1.saved_model.build_signature_def(
            {name: info(tensor) for name, tensor in inputs.items()},
            {name: info(tensor) for name, tensor in outputs.items()},
            "tensorflow/serving/predict",
        )
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            signature_def_map={name: definition for name in signatures},
        )
        builder.save()
    return folder


def build_half_plus(amount):
    """A build function: y = x / 2 + amount, x declared [-1, 1], with variables."""

    def build():
        v1 = tf.compat.v1
        values = v1.placeholder(tf.float32, [None, 1], "x")
        half = v1.get_variable("a", initializer=0.5)
        offset = v1.get_variable("b", initializer=float(amount))
        return {"x": values}, {"y": tf.add(values * half, offset, name="y")}

    return build


def build_convolution():
    """y = the sum of each image's pixels, by one convolution; images 4 x 4 x 1."""
    images = tf.compat.v1.placeholder(tf.float32, [None, 4, 4, 1], "images")
    kernel = tf.ones([4, 4, 1, 1])
    sums = tf.nn.conv2d(images, kernel, strides=1, padding="VALID")
    return {"images": images}, {"sums": tf.reshape(sums, [-1], name="sums")}


def build_check():
    """y = x, where every x must be positive; the graph refuses others."""
    values = tf.compat.v1.placeholder(tf.float32, [None], "x")
    check = tf.debugging.assert_positive(values, message="not positive")
    with tf.control_dependencies([check]):
        return {"x": values}, {"y": tf.identity(values, name="y")}


def build_join():
    """joined = left + right, two string vectors; count = their number."""
    v1 = tf.compat.v1
    left = v1.placeholder(tf.string, [None], "left")
    right = v1.placeholder(tf.string, [None], "right")
    joined = tf.strings.join([left, right], name="joined")
    count = tf.size(left, name="count")
    return {"left": left, "right": right}, {"joined": joined, "count": count}


def build_pipes(first, second):
    """A build function whose graph waits for a reader of two named pipes in turn."""

    def build():
        values = tf.compat.v1.placeholder(tf.float32, [None], "x")
        begin = tf.io.write_file(str(first), "begun")
        with tf.control_dependencies([begin]):
            end = tf.io.write_file(str(second), "ended")
        with tf.control_dependencies([end]):
            return {"x": values}, {"y": tf.identity(values, name="y")}

    return build


class _Halver(tf.Module):
    """A TF2 module with a variable and two signatures."""

    def __init__(self):
        super().__init__()
        self.half = tf.Variable(0.5)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def halve(self, x):
        """x / 2."""
        return {"y": x * self.half}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def double(self, x):
        """x * 2."""
        return {"y": x / self.half}


def write_tf2_model(folder):
    """Write a TF2 SavedModel: serving_default halves, double doubles."""
    module = _Halver()
    signatures = {"serving_default": module.halve, "double": module.double}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder
