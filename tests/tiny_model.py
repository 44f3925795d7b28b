"""A SavedModel of the project's shape whose answers can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

from gateway.contract import Contract, DataFacts, Evaluation, ImageContract, TensorNames
from gateway.image import RESIZE_RULE

LABELS = ("red", "green", "blue")


def tiny_contract(labels=LABELS, size=(8, 10), name="tiny"):
    """The contract that write_tiny_model puts into the model."""
    return Contract(
        model=name,
        task="classification",
        labels=tuple(labels),
        image=ImageContract(height=size[0], width=size[1], resize=RESIZE_RULE),
        tensors=TensorNames(),
        data=DataFacts(name="drawn", fingerprint="0", train=1, validation=1, test=1),
        evaluation=Evaluation(test_accuracy=1.0, interval_low=0.2, interval_high=1.0),
        backbone="none",
        code_revision="test",
        library_versions={},
        created_at="2026-01-01T00:00:00+00:00",
    )


def write_report(models, text="<!doctype html><title>How good is tiny?</title>"):
    """A training's report of the first version of tiny, below a folder of models."""
    report = Path(models) / "tiny" / "1" / "assets.extra" / "report" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text(text, encoding="utf-8")
    return Path(models)


def write_tiny_model(
    base_path, version=1, contract=None, with_explain=True, channels=(0, 1, 2)
):
    """Write base_path/version; scores are softmax(channel means / 255), in order.

    With fewer or more than three labels the channel means are repeated in order.
    The heatmap is the red channel / 255. No variables, three signatures; without
    explain, two. Other channels score other labels: (1, 2, 0) is wrong everywhere.
    """
    import tensorflow as tf  # pylint: disable=import-outside-toplevel

    contract = contract or tiny_contract()
    folder = Path(base_path) / str(version)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.placeholder(tf.uint8, [None, *contract.image.size, 3])
        pixels = tf.cast(images, tf.float32) / 255.0
        classes = len(contract.labels)
        means = tf.gather(tf.reduce_mean(pixels, axis=[1, 2]), channels, axis=1)
        means = tf.tile(means, [1, -(-classes // 3)])
        scores = {"scores": tf.nn.softmax(means[:, :classes])}
        signatures = {
            "serving_default": _signature({"images": images}, scores),
            "explain": _signature(
                {"images": images}, {**scores, "heatmap": pixels[..., 0]}
            ),
            "contract": _signature({}, {"contract": tf.constant(contract.to_json())}),
        }
        if not with_explain:
            del signatures["explain"]
        builder = tf.compat.v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session, [tf.saved_model.SERVING], signature_def_map=signatures
        )
        builder.save()
    return folder


def _signature(inputs, outputs):
    from tensorflow.compat.v1 import (  # pylint: disable=import-outside-toplevel
        saved_model,
    )

    info = saved_model.build_tensor_info
    return saved_model.build_signature_def(
        {name: info(tensor) for name, tensor in inputs.items()},
        {name: info(tensor) for name, tensor in outputs.items()},
        "tensorflow/serving/predict",
    )
