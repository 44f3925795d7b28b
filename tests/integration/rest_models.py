"""A SavedModel for the REST door: every dtype, several tensors, a run without end."""

from __future__ import annotations

import tensorflow as tf

from tests.integration.example_models import PREDICT

ECHOES = (
    *("float", "double", "int8", "uint8", "int16", "int32", "uint32", "int64"),
    *("uint64", "bool", "string", "half", "bfloat16", "uint16", "complex64"),
)


def build_shapes():
    """Signatures by what they show.

    Each dtype of ECHOES: y = x. join: text = left + right, total = number + 1, of two
    strings and an int32. raw: image_bytes = text = x. scalar: y = 1. uneven: y = x and
    z = x twice. to_half: y = x as half. loop: counts to x.
    """
    v1 = tf.compat.v1
    parts = {}
    for name in ECHOES:
        given = v1.placeholder(tf.as_dtype(name), None)
        parts[name] = ({"x": given}, {"y": tf.identity(given)}, PREDICT)
    left, right = (v1.placeholder(tf.string, [None]) for _ in range(2))
    number = v1.placeholder(tf.int32, [None])
    x = v1.placeholder(tf.float32, None)
    text = v1.placeholder(tf.string, None)
    limit = v1.placeholder(tf.int64, [])
    (count,) = tf.while_loop(
        lambda n: n < limit, lambda n: n + 1, [tf.constant(0, "int64")]
    )
    outputs = {
        "join": {"text": tf.strings.join([left, right]), "total": number + 1},
        "raw": {"image_bytes": tf.identity(text), "text": tf.identity(text)},
        "scalar": {"y": tf.reduce_max(x) * 0 + 1},
        "uneven": {"y": tf.identity(x), "z": tf.concat([x, x], 0)},
        "to_half": {"y": tf.cast(x, tf.float16)},
        "loop": {"count": count},
    }
    inputs = {
        "join": {"left": left, "right": right, "number": number},
        "raw": {"x": text},
        "loop": {"x": limit},
    }
    for name, tensors in outputs.items():
        parts[name] = (inputs.get(name, {"x": x}), tensors, PREDICT)
    return {"serving_default": parts["float"], **parts}
