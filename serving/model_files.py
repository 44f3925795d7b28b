"""The graph a version folder holds, as a message; runs nothing.

The codes, and where they are short the messages, are those of TensorFlow's C++ loader.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from grpc import StatusCode
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

from serving.errors import ServingError, not_found
from serving.tensorflow_errors import translate_error

_BINARY, _TEXT = "saved_model.pb", "saved_model.pbtxt"


def read_meta_graph(folder: Path, tags: Sequence[str]) -> meta_graph_pb2.MetaGraphDef:
    """The one graph whose set of tags is the one asked for.

    Raises:
        ServingError: NOT_FOUND; no model, or none of these tags. UNIMPLEMENTED; a model
            of the format before. OUT_OF_RANGE; the file ends early. DATA_LOSS; it holds
            no model. Or what the file system says.
    """
    model = _read_model(folder)
    for graph in model.meta_graphs:
        if set(graph.meta_info_def.tags) == set(tags):
            return graph
    found = ", ".join(
        f"{{ {' '.join(graph.meta_info_def.tags)} }}" for graph in model.meta_graphs
    )
    raise not_found(
        "Could not find meta graph def matching supplied tags: "
        f"{{ {' '.join(tags)} }}. The model has {found or 'none'}; see "
        "`saved_model_cli`."
    )


def _read_model(folder: Path) -> saved_model_pb2.SavedModel:
    """The parsed saved_model.pb; without one, saved_model.pbtxt."""
    try:
        if tf.io.gfile.exists(str(folder / _BINARY)):
            return _parse_binary(folder, _read_bytes(folder / _BINARY))
        if tf.io.gfile.exists(str(folder / _TEXT)):
            return _parse_text(folder / _TEXT)
    except tf.errors.OpError as error:
        raise translate_error(error) from error
    raise _missing_model(folder)


def _read_bytes(path: Path) -> bytes:
    # The C++ loader reads a folder as a file without a byte.
    if path.is_dir():
        return b""
    with tf.io.gfile.GFile(str(path), "rb") as file:
        return file.read()


def _parse_binary(folder: Path, data: bytes) -> saved_model_pb2.SavedModel:
    try:
        return saved_model_pb2.SavedModel.FromString(data)
    except DecodeError as error:
        raise _tell_damage(folder) from error


def _tell_damage(folder: Path) -> ServingError:
    """Whether a saved_model.pb that does not parse is cut short or something else.

    Python's protobuf cannot tell; TensorFlow reads the file with the C++ one here.
    """
    try:
        fingerprinting.CreateFingerprintDef(str(folder))
    except fingerprinting.FingerprintException as error:
        if "\nOUT_OF_RANGE: " in str(error):
            return ServingError(
                StatusCode.OUT_OF_RANGE, "Read less bytes than requested"
            )
    return ServingError(
        StatusCode.DATA_LOSS, f"Can't parse {folder / _BINARY} as binary proto"
    )


def _parse_text(path: Path) -> saved_model_pb2.SavedModel:
    try:
        text = _read_bytes(path).decode()
        return text_format.Parse(text, saved_model_pb2.SavedModel())
    except (UnicodeDecodeError, text_format.ParseError) as error:
        raise ServingError(
            StatusCode.DATA_LOSS, f"Can't parse {path} as text proto: {error}"
        ) from error


def _missing_model(folder: Path) -> ServingError:
    if tf.io.gfile.exists(str(folder / "export.meta")):
        return ServingError(
            StatusCode.UNIMPLEMENTED, "Session Bundle is deprecated and removed."
        )
    return not_found(
        "Specified file path does not appear to contain a SavedModel bundle (should "
        f"have a file called `{_BINARY}`)\nSpecified file path: {folder}"
    )
