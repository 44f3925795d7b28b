"""A classification becomes the output tensors that a caller asked for.

Knows the Open Inference Protocol's reply, as JSON and with binary tensors behind it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Response
from numpy.typing import NDArray

from gateway.errors import InvalidRequest
from gateway.inference_body import HEADER_LENGTH
from gateway.inference_request import InferenceRequest, RequestedOutput
from gateway.prediction import PredictionReply

if TYPE_CHECKING:
    from gateway.classification import Classification

# The gateway's own output: the best label of each picture.
LABEL = "label"


@dataclass(frozen=True)
class OutputTensor:
    """FP32 numbers, or texts, of a shape; row by row."""

    name: str
    shape: tuple[int, ...]
    values: NDArray[np.float32] | tuple[str, ...]

    @property
    def datatype(self) -> str:
        """The protocol's name of it."""
        return "BYTES" if isinstance(self.values, tuple) else "FP32"

    def to_list(self) -> list[Any]:
        """The values as JSON: the shortest decimals that give the float32 back."""
        if isinstance(self.values, tuple):
            return list(self.values)
        return [float(str(value)) for value in self.values.ravel()]

    def to_bytes(self) -> bytes:
        """The values as the binary extension has them: little-endian, no padding."""
        if isinstance(self.values, tuple):
            texts = [text.encode() for text in self.values]
            return b"".join(struct.pack("<I", len(text)) + text for text in texts)
        return self.values.astype("<f4").tobytes()


def _select_outputs(
    answer: Classification, request: InferenceRequest
) -> tuple[tuple[OutputTensor, bool], ...]:
    """The outputs asked for in their order, each with whether it is sent as bytes."""
    scores = answer.served.contract.tensors.scores
    wanted = request.outputs or tuple(
        RequestedOutput(name, request.is_binary) for name in (scores, LABEL)
    )
    return tuple((_make_output(answer, output), output.is_binary) for output in wanted)


def _make_output(answer: Classification, wanted: RequestedOutput) -> OutputTensor:
    contract = answer.served.contract
    if wanted.name == contract.tensors.scores:
        if wanted.classes is None:
            return OutputTensor(wanted.name, answer.scores.shape, answer.scores)
        return _classify_scores(answer, wanted.name, wanted.classes)
    if wanted.name != LABEL:
        raise InvalidRequest(
            f"expected '{contract.tensors.scores}' or '{LABEL}' as output, received "
            f"{ascii(wanted.name)[:100]}"
        )
    if wanted.classes is not None:
        raise InvalidRequest(
            f"expected 'classification' of '{contract.tensors.scores}', received it "
            f"of '{LABEL}'"
        )
    predictions = PredictionReply.from_classification(answer, top=1).predictions
    best = tuple(prediction.best.label for prediction in predictions)
    return OutputTensor(LABEL, (len(best),), best)


def _classify_scores(answer: Classification, name: str, classes: int) -> OutputTensor:
    """The best classes of each picture as value:index:label.

    Source: Triton's "Classification Extension", which writes six decimals and gives
    all classes where more are asked for.
    """
    labels = answer.served.contract.labels
    count = min(classes, len(labels))
    best = np.argsort(-answer.scores, axis=1, kind="stable")[:, :count]
    texts = tuple(
        f"{row[i]:f}:{i}:{labels[i]}"
        for row, order in zip(answer.scores, best, strict=True)
        for i in order
    )
    return OutputTensor(name, (len(best), count), texts)


def make_response(answer: Classification, request: InferenceRequest) -> Response:
    """The reply: one JSON object and, behind it, the outputs wanted as bytes.

    Raises:
        InvalidRequest: There is no output of a name, or no classes in it.
    """
    described, binary = [], []
    for output, is_binary in _select_outputs(answer, request):
        entry: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": output.shape,
        }
        if is_binary:
            binary.append(output.to_bytes())
            entry["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            entry["data"] = output.to_list()
        described.append(entry)
    document = {
        "model_name": answer.served.name,
        "model_version": str(answer.served.version),
        **({} if request.id is None else {"id": request.id}),
        "outputs": described,
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    if not binary:
        return Response(text, mimetype="application/json")
    headers = {HEADER_LENGTH: str(len(text))}
    body = b"".join((text, *binary))
    return Response(body, mimetype="application/octet-stream", headers=headers)
