"""SavedModels that read tf.Example, small and worked out by hand."""

from __future__ import annotations

import tensorflow as tf

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
PREDICT = "tensorflow/serving/predict"


def write_signatures(folder, build):
    """Write a TF1 SavedModel; build() gives {name: (inputs, outputs, method name)}."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        parts = build()
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        definitions = {
            name: v1.saved_model.build_signature_def(
                {key: info(tensor) for key, tensor in inputs.items()},
                {key: info(tensor) for key, tensor in outputs.items()},
                method,
            )
            for name, (inputs, outputs, method) in parts.items()
        }
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session, [tf.saved_model.SERVING], signature_def_map=definitions
        )
        builder.save()
    return folder


def build_half_plus_two():
    """TensorFlow Serving's sample: y = x / 2 + 2, y2 = x / 2 + 3, y3 = x2 / 2 + 3.

    x is required in an example, x2 is 0 where it lacks; both are float [1].
    """
    v1 = tf.compat.v1
    half = v1.get_variable("a", initializer=0.5)
    two = v1.get_variable("b", initializer=2.0)
    three = v1.get_variable("c", initializer=3.0)
    examples = v1.placeholder(tf.string, [None], "tf_example")
    features = tf.io.parse_example(
        examples,
        {
            "x": tf.io.FixedLenFeature([1], tf.float32),
            "x2": tf.io.FixedLenFeature([1], tf.float32, [0.0]),
        },
    )
    x = tf.identity(features["x"], name="x")
    x2 = tf.identity(features["x2"], name="x2")
    y = tf.add(half * x, two, name="y")
    y2 = tf.add(half * x, three, name="y2")
    y3 = tf.add(half * x2, three, name="y3")
    inputs = {"inputs": examples}
    return {
        "serving_default": ({"x": x}, {"y": y}, PREDICT),
        "classify_x_to_y": (inputs, {"scores": y}, CLASSIFY),
        "regress_x_to_y": (inputs, {"outputs": y}, REGRESS),
        "regress_x_to_y2": (inputs, {"outputs": y2}, REGRESS),
        "regress_x2_to_y3": (inputs, {"outputs": y3}, REGRESS),
        "regress_given_x2": ({"inputs": x2}, {"outputs": y3}, REGRESS),
    }


def build_colors():
    """Signatures that are right or wrong in one way each, by their names.

    An example has the float v; the scores are v and 2 v, the labels red and blue.
    """
    v1 = tf.compat.v1
    examples = v1.placeholder(tf.string, [None], "examples")
    features = {"v": tf.io.FixedLenFeature([], tf.float32)}
    value = tf.io.parse_example(examples, features)["v"]
    scores = tf.stack([value, 2 * value], axis=1, name="pair")
    labels = tf.tile([["red", "blue"]], [tf.size(value), 1], name="labels")
    latin = tf.tile([[b"caf\xe9", b"\x00"]], [tf.size(value), 1], name="latin")
    double = tf.cast(scores, tf.float64)
    inputs, twice = {"inputs": examples}, {"inputs": examples, "more": value}
    right = {"classes": labels, "scores": scores}
    classify = {
        "serving_default": (inputs, right),
        "labels": (inputs, {"classes": labels}),
        "scores": (inputs, {"scores": scores}),
        "scores_and_more": (inputs, {"scores": scores, "more": value}),
        "latin": (inputs, {"classes": latin, "scores": scores}),
        "two_inputs": (twice, right),
        "three_outputs": (inputs, {**right, "more": value}),
        "other_input": ({"examples": examples}, right),
        "other_output": (inputs, {"y": scores}),
        "vector": (inputs, {"scores": value}),
        "double": (inputs, {"scores": double}),
        "numbers_as_labels": (inputs, {"classes": scores}),
        "one_row": (inputs, {"scores": tf.reduce_sum(scores, 0, keepdims=True)}),
        "widths": (inputs, {"classes": labels, "scores": scores[:, :1]}),
        "floats": ({"inputs": value}, {"scores": scores}),
    }
    regress = {
        "regress": (inputs, {"outputs": value}),
        "regress_two_inputs": (twice, {"outputs": value}),
        "regress_two_outputs": (inputs, {"outputs": value, "more": value}),
        "regress_other_input": ({"x": examples}, {"outputs": value}),
        "regress_other_output": (inputs, {"y": value}),
        "regress_pairs": (inputs, {"outputs": scores}),
        "regress_scalar": (inputs, {"outputs": tf.reduce_sum(value)}),
        "regress_one_row": (inputs, {"outputs": value[:1]}),
        "regress_double": (inputs, {"outputs": tf.cast(value, tf.float64)}),
    }
    odd = {"no_method": (inputs, {"outputs": value}, "")}
    return (
        {name: (*parts, CLASSIFY) for name, parts in classify.items()}
        | {name: (*parts, REGRESS) for name, parts in regress.items()}
        | odd
    )


def build_counter():
    """Signatures of each kind; each run counts one more, all values are the count."""
    v1 = tf.compat.v1
    counter = v1.get_variable("runs", initializer=0.0, use_resource=True)
    examples = v1.placeholder(tf.string, [None], "examples")
    count = counter.assign_add(1.0)
    row = tf.fill([tf.size(examples), 1], count)
    parsed = tf.io.parse_example(examples, {"v": tf.io.FixedLenFeature([], tf.float32)})
    value = parsed["v"][:, None] * 0 + row
    inputs = {"inputs": examples}
    return {
        "serving_default": (inputs, {"outputs": value}, REGRESS),
        "classify": (inputs, {"scores": value}, CLASSIFY),
        "count": ({}, {"count": tf.identity(count)}, PREDICT),
    }


@tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
def _regress(inputs):
    """outputs = 10 v."""
    features = {"v": tf.io.FixedLenFeature([], tf.float32)}
    return {"outputs": 10 * tf.io.parse_example(inputs, features)["v"]}


def write_tf2_regressor(folder):
    """Write a TF2 SavedModel whose serving_default regresses.

    There, every method name is predict.
    """
    module = tf.Module()
    module.regress = _regress
    tf.saved_model.save(module, str(folder), signatures=module.regress)
    return folder


def example(**floats):
    """A tf.Example with the given float features."""
    message = tf.train.Example()
    for name, value in floats.items():
        message.features.feature[name].float_list.value.append(value)
    return message
