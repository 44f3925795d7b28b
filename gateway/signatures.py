"""Does a model's contract agree with its graph? Knows the wire, not the channel."""

from __future__ import annotations

from google.protobuf.message import Message

from gateway import wire
from gateway.contract import (
    CONTRACT_OUTPUT,
    CONTRACT_SIGNATURE,
    EXPLAIN_SIGNATURE,
    PREDICT_SIGNATURE,
    Contract,
)
from gateway.errors import ModelMismatch
from gateway.image import RESIZE_RULE

METADATA_FIELD = "signature_def"
_UNKNOWN_LENGTH = -1


def read_signatures(response: Message) -> Message:
    """The SignatureDefMap inside a GetModelMetadata reply.

    Raises:
        ModelMismatch: The reply holds none.
    """
    signatures = wire.SignatureDefMap()
    if not response.metadata[METADATA_FIELD].Unpack(signatures):
        raise ModelMismatch("expected signatures in the model's metadata")
    return signatures


def check_contract(contract: Contract, signatures: Message) -> None:
    """Compare what a model says about itself with the graph it really is.

    Raises:
        ModelMismatch: A signature or tensor is missing, or a dtype, the image size,
            the class count or the resize rule is another one.
    """
    if contract.image.resize != RESIZE_RULE:
        raise ModelMismatch(
            f"expected the resize rule {RESIZE_RULE}, the contract says "
            f"{contract.image.resize}"
        )
    classes = len(contract.labels)
    predict = _signature(signatures, PREDICT_SIGNATURE)
    _check_tensor(
        _tensor(predict.inputs, contract.tensors.images, PREDICT_SIGNATURE),
        "DT_UINT8",
        (_UNKNOWN_LENGTH, *contract.image.size, 3),
    )
    _check_tensor(
        _tensor(predict.outputs, contract.tensors.scores, PREDICT_SIGNATURE),
        "DT_FLOAT",
        (_UNKNOWN_LENGTH, classes),
    )
    described = _signature(signatures, CONTRACT_SIGNATURE)
    _check_tensor(
        _tensor(described.outputs, CONTRACT_OUTPUT, CONTRACT_SIGNATURE), "DT_STRING", ()
    )


def has_explanation(contract: Contract, signatures: Message) -> bool:
    """True if the graph has the contract's images, scores and heatmap to explain with.

    A model may lack them: it still predicts.
    """
    if EXPLAIN_SIGNATURE not in signatures.signature_def:
        return False
    explain, names = signatures.signature_def[EXPLAIN_SIGNATURE], contract.tensors
    return (
        names.images in explain.inputs
        and names.scores in explain.outputs
        and names.heatmap in explain.outputs
    )


def _signature(signatures: Message, name: str) -> Message:
    if name not in signatures.signature_def:
        raise ModelMismatch(
            f"expected a signature '{name}', the model has "
            f"{', '.join(sorted(signatures.signature_def)) or 'none'}"
        )
    return signatures.signature_def[name]


def _tensor(tensors: Message, name: str, signature: str) -> tuple[str, Message]:
    if name not in tensors:
        raise ModelMismatch(
            f"expected a tensor '{name}' in the signature '{signature}', the model has "
            f"{', '.join(sorted(tensors)) or 'none'}"
        )
    return name, tensors[name]


def _check_tensor(
    named: tuple[str, Message], dtype: str, shape: tuple[int, ...]
) -> None:
    """Lengths that either side leaves open agree with every length."""
    name, tensor = named
    if tensor.dtype != wire.DATA_TYPES[dtype]:
        raise ModelMismatch(
            f"expected {dtype} as '{name}', the graph has type {tensor.dtype}"
        )
    if tensor.tensor_shape.unknown_rank:
        return
    lengths = tuple(dim.size for dim in tensor.tensor_shape.dim)
    agrees = len(lengths) == len(shape) and all(
        _UNKNOWN_LENGTH in (said, real) or said == real
        for said, real in zip(shape, lengths)
    )
    if not agrees:
        raise ModelMismatch(
            f"expected '{name}' of shape {shape} by the contract, the graph has "
            f"{lengths}"
        )
