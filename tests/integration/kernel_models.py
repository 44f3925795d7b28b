"""Models of one kernel each, of those that a wrong shape may end a process in."""

from __future__ import annotations

import tensorflow as tf


def _ones(*shape):
    return tf.ones(shape)


def _normalize(x):
    return tf.compat.v1.nn.fused_batch_norm(
        x, _ones(2), _ones(2), mean=_ones(2), variance=_ones(2), is_training=False
    )[0]


def _lstm(x):
    return tf.raw_ops.LSTMBlockCell(
        x=x,
        cs_prev=x,
        h_prev=x,
        w=_ones(4, 8),
        wci=_ones(2),
        wcf=_ones(2),
        wco=_ones(2),
        b=_ones(8),
    )[6]


IMAGES, VIDEOS, MATRIX = (1, 4, 4, 2), (1, 4, 4, 4, 2), (1, 2)
# Name: the kernel over x, and the shape of x it is made for.
KERNELS = {
    "convolution": (
        lambda x: tf.nn.relu(tf.nn.conv2d(x, _ones(3, 3, 2, 3), 1, "SAME") + _ones(3)),
        IMAGES,
    ),
    "depthwise": (
        lambda x: tf.nn.depthwise_conv2d(x, _ones(3, 3, 2, 1), [1] * 4, "SAME"),
        IMAGES,
    ),
    "convolution3d": (
        lambda x: tf.nn.conv3d(x, _ones(3, 3, 3, 2, 3), [1] * 5, "SAME"),
        VIDEOS,
    ),
    "max_pool": (lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"), IMAGES),
    "max_pool3d": (lambda x: tf.nn.max_pool3d(x, 2, 2, "VALID"), VIDEOS),
    "average_pool": (lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME"), IMAGES),
    "batch_norm": (_normalize, IMAGES),
    "lrn": (tf.nn.local_response_normalization, IMAGES),
    "matmul": (lambda x: tf.linalg.matmul(x, _ones(2, 3)), MATRIX),
    "softmax": (tf.nn.softmax, MATRIX),
    "lstm": (_lstm, MATRIX),
}


def build_kernel(name, has_rank=True):
    """A build function for serving_models.write_graph: y = the kernel of x.

    has_rank: the input is declared with its rank and free sides.
    """
    kernel, shape = KERNELS[name]

    def build():
        sides = [None] * len(shape) if has_rank else None
        x = tf.compat.v1.placeholder(tf.float32, sides, "x")
        return {"x": x}, {"y": tf.identity(kernel(x), name="y")}

    return build


@tf.function
def _look(x):
    return tf.nn.conv2d(x, _ones(3, 3, 2, 3), 1, "SAME")


@tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])
def _scale_and_look(x):
    return {"y": _look(x / 255.0)}


def write_tf2_convolution(folder):
    """A TF2 model with a function in a function; x may have any shape, it says."""
    module = tf.Module()
    module.serve = _scale_and_look
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return folder
