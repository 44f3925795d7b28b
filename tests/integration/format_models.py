"""SavedModels as TensorFlow's and Keras's versions write them, worked out by hand."""

from __future__ import annotations

import shutil

import numpy as np
import tensorflow as tf
import tf_keras
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

WORDS = ("apple", "pear", "plum")


def write_words(path):
    """A vocabulary file: one word a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return str(path)


def write_tf1_table(folder, is_legacy=False):
    """number = the word's line, -1 for others; a table filled from an asset.

    is_legacy: the collection that TensorFlow 1.0 wrote names the operation that fills.
    """
    v1 = tf.compat.v1
    file = write_words(folder.parent / f"{folder.name}.words" / "words.txt")
    with tf.Graph().as_default(), v1.Session() as session:
        table = _fill_table(tf.constant(file, name="asset"))
        word = v1.placeholder(tf.string, [None], "word")
        number = tf.identity(table.lookup(word), name="number")
        fill = tf.group(v1.tables_initializer(), name="fill")
        info = v1.saved_model.build_tensor_info
        definition = v1.saved_model.build_signature_def(
            {"word": info(word)},
            {"number": info(number)},
            "tensorflow/serving/predict",
        )
        parts = {"main_op": fill}
        if is_legacy:
            v1.add_to_collection("legacy_init_op", fill)
            parts = {}
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            signature_def_map={"serving_default": definition},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            **parts,
        )
        builder.save()
    # The model must find its own copy.
    shutil.rmtree(folder.parent / f"{folder.name}.words")
    return folder


def write_tf1_legacy_table(folder):
    """write_tf1_table as TensorFlow 1.0 wrote it."""
    return write_tf1_table(folder, is_legacy=True)


def _fill_table(file):
    source = tf.lookup.TextFileInitializer(
        file,
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(source, -1)


def write_tf2_table(folder):
    """The same with TensorFlow 2: its own signature fills the table."""
    file = write_words(folder.parent / f"{folder.name}.words" / "words.txt")
    module = tf.Module()
    module.table = _fill_table(tf.saved_model.Asset(file))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def look_up(word):
        return {"number": module.table.lookup(word)}

    module.look_up = look_up
    tf.saved_model.save(module, str(folder), signatures=look_up)
    shutil.rmtree(folder.parent / f"{folder.name}.words")
    return folder


def dense_layers(keras):
    """A Sequential model: y = 2 a + 3 b + 1."""
    layers = [keras.Input((2,), name="pair"), keras.layers.Dense(1, name="sum")]
    model = keras.Sequential(layers)
    model.layers[-1].set_weights(
        [np.array([[2.0], [3.0]], np.float32), np.array([1.0], np.float32)]
    )
    return model


def write_keras3_export(folder):
    """Keras 3's model.export()."""
    dense_layers(tf.keras).export(str(folder), verbose=False)
    return folder


def write_keras3_saved(folder):
    """tf.saved_model.save of a Keras 3 model."""
    tf.saved_model.save(dense_layers(tf.keras), str(folder))
    return folder


def write_keras2_saved(folder):
    """Keras 2's model.save() of a folder."""
    dense_layers(tf_keras).save(str(folder))
    return folder


def write_keras2_export(folder):
    """Keras 2's model.export()."""
    dense_layers(tf_keras).export(str(folder))
    return folder


def write_function(folder, function):
    """A tf.function as serving_default."""
    module = tf.Module()
    module.function = function
    tf.saved_model.save(module, str(folder), signatures=function)
    return folder


def write_control_flow(folder):
    """TF2 control flow: steps of the Collatz sequence until 1."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64, name="n")])
    def count(n):
        steps = tf.constant(0, tf.int64)
        while n > 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        return {"steps": steps}

    return write_function(folder, count)


def write_ragged(folder):
    """TF2 with a ragged step inside: the number of words in each text."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def count(text):
        return {"words": tf.strings.split(text).row_lengths()}

    return write_function(folder, count)


def write_two_graphs(folder):
    """Two graphs in one model: y = x + 1 for serving, y = x + 2 for serving and gpu."""
    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(str(folder))
    for tags, amount in ((["serve"], 1.0), (["serve", "gpu"], 2.0)):
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None], "x")
            offset = v1.get_variable("offset", initializer=1.0, use_resource=True)
            y = tf.add(x, offset * amount, name="y")
            session.run(v1.global_variables_initializer())
            info = v1.saved_model.build_tensor_info
            definition = v1.saved_model.build_signature_def(
                {"x": info(x)}, {"y": info(y)}, "tensorflow/serving/predict"
            )
            signatures = {"serving_default": definition}
            if amount == 1.0:
                builder.add_meta_graph_and_variables(
                    session, tags, signature_def_map=signatures
                )
            else:
                builder.add_meta_graph(tags, signature_def_map=signatures)
    builder.save()
    return folder


def edit_model(folder, edit):
    """Rewrite a version's SavedModel message after edit(message)."""
    path = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    edit(message)
    path.write_bytes(message.SerializeToString())
    return folder


def turn_to_text(folder):
    """Put saved_model.pbtxt in the place of saved_model.pb."""
    path = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    (folder / "saved_model.pbtxt").write_text(
        text_format.MessageToString(message), encoding="utf-8"
    )
    path.unlink()
    return folder
