"""A graph becomes a session that can be run: variables restored, tables filled.

In the order, and with the codes, of TensorFlow's C++ loader; its Python loader knows
other rules about variables and tells errors in paragraphs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from serving.errors import failed_precondition, invalid_argument
from serving.tensorflow_errors import RUN_ERRORS, translate_error

# What TensorFlow's Python raises over graphs it was not written for.
_BROKEN_GRAPH = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_INIT_SIGNATURE = "__saved_model_init_op"
# TensorFlow 1 has a collection in place of the signature; the older name comes second.
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_ASSETS = "saved_model_assets"


def fill_session(
    session: tf.compat.v1.Session, folder: Path, graph: meta_graph_pb2.MetaGraphDef
) -> None:
    """Bring the graph into an empty session; variables and assets lie in the folder.

    A graph whose variables/variables.index is missing is not restored: its variables
    are found missing by the first run that reads them.

    Raises:
        ServingError: What TensorFlow said, as TensorFlow Serving reports it in
            GetModelStatus.
    """
    _check_constants(graph.graph_def)
    try:
        _import_graph(session, graph.graph_def)
        feeds = _list_assets(folder, graph)
        _restore(session, folder, graph, feeds)
        init_op = _find_init_op(folder, graph)
        if init_op:
            _run_once(session, init_op, feeds)
    except RUN_ERRORS as error:
        raise translate_error(error) from error


def _check_constants(graph: graph_pb2.GraphDef) -> None:
    """A constant without a value, or of a negative size, is not for the kernels."""
    for node in _list_nodes(graph):
        if "value" not in node.attr:
            if node.op == "Const":
                raise failed_precondition(
                    f"expected a value in constant {node.name}, found none"
                )
            continue
        shape = node.attr["value"].tensor.tensor_shape
        if shape.unknown_rank or any(dim.size < 0 for dim in shape.dim):
            raise failed_precondition(
                f"expected a value of known shape in node {node.name} ({node.op}), "
                f"found {[dim.size for dim in shape.dim]}"
            )


def _list_nodes(graph: graph_pb2.GraphDef) -> Iterable[node_def_pb2.NodeDef]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _import_graph(session: tf.compat.v1.Session, graph: graph_pb2.GraphDef) -> None:
    try:
        with session.graph.as_default():
            tf.import_graph_def(graph, name="")
    except _BROKEN_GRAPH as error:
        raise invalid_argument(f"{error}" or type(error).__name__) from error
    # Places the operations on devices, which the first run would do.
    session._extend_graph()  # pylint: disable=protected-access  # no other way


def _list_assets(
    folder: Path, graph: meta_graph_pb2.MetaGraphDef
) -> list[tuple[str, str]]:
    """(tensor name, file) of each asset, to be fed to the restore and the init op."""
    found = list(graph.asset_file_def)
    if not found and _ASSETS in graph.collection_def:
        # As TensorFlow 1 wrote them.
        for packed in graph.collection_def[_ASSETS].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            try:
                is_asset = packed.Unpack(asset)
            except DecodeError as error:
                raise failed_precondition(
                    f"expected an asset in {packed.type_url}, found no such message"
                ) from error
            if not is_asset:
                raise failed_precondition(
                    "expected an asset of type tensorflow.AssetFileDef, "
                    f"found {packed.type_url}"
                )
            found.append(asset)
    return [
        (asset.tensor_info.name, str(folder / "assets" / asset.filename))
        for asset in found
    ]


def _restore(
    session: tf.compat.v1.Session,
    folder: Path,
    graph: meta_graph_pb2.MetaGraphDef,
    feeds: list[tuple[str, str]],
) -> None:
    path = folder / "variables" / "variables"
    index = path.with_name(f"{path.name}.index")
    if graph.HasField("saver_def") and tf.io.gfile.exists(str(index)):
        saver = graph.saver_def
        file = (saver.filename_tensor_name, str(path))
        _run_once(session, saver.restore_op_name, [file, *feeds])


def _find_init_op(folder: Path, graph: meta_graph_pb2.MetaGraphDef) -> str:
    """The operation that fills the tables; "" for none."""
    if _INIT_SIGNATURE in graph.signature_def:
        outputs = graph.signature_def[_INIT_SIGNATURE].outputs
        if _INIT_SIGNATURE not in outputs:
            raise failed_precondition(f"Could not find output {_INIT_SIGNATURE}")
        return outputs[_INIT_SIGNATURE].name
    for key in _INIT_COLLECTIONS:
        if key in graph.collection_def:
            names = graph.collection_def[key].node_list.value
            if len(names) != 1:
                raise failed_precondition(f"Expected exactly one main op in : {folder}")
            return names[0]
    return ""


def _run_once(
    session: tf.compat.v1.Session, target: str, feeds: list[tuple[str, str]]
) -> None:
    """Run one operation in a way that leaves no plan of it in the session."""
    options = config_pb2.CallableOptions(
        target=[target], feed=[name for name, _ in feeds]
    )
    # Session.run keeps the plan, and adds pages to what an error says.
    # pylint: disable-next=protected-access  # see above
    run = session._make_callable_from_options(options)
    run(*(_to_tensor(value) for _, value in feeds))


def _to_tensor(text: str) -> NDArray[Any]:
    return np.array(text.encode(), np.object_)
