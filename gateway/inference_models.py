"""What the Open Inference Protocol tells of the server and of each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.deadline import Deadline
from gateway.errors import GatewayError
from gateway.inference_input import PICTURES, PICTURES_DATATYPE, PIXELS_DATATYPE
from gateway.inference_reply import LABEL
from gateway.targets import Target

if TYPE_CHECKING:
    from gateway.model_client import ModelClient

SERVER = {
    "name": "image-classifier-gateway",
    # That of the protocol: the gateway's own is the revision in its image's labels.
    "version": "2",
    "extensions": ["binary_tensor_data", "classification"],
}
# Source: KServe's "Open Inference Protocol", where platforms are named.
_PLATFORM = "tensorflow_savedmodel"
_AVAILABLE = "AVAILABLE"
_ANY = -1


def describe_tensors(
    client: ModelClient, target: Target, deadline: Deadline
) -> dict[str, Any]:
    """A model's inputs, of which a request names one, its outputs and its versions.

    Raises:
        GatewayError: The model or version is not there, or does not answer.
    """
    served = client.contract(target, deadline)
    contract = served.contract
    pixels = [_ANY, *contract.image.size, 3]
    return {
        "name": served.name,
        "versions": [str(n) for n in _available(client, target.model, deadline)],
        "platform": _PLATFORM,
        "inputs": [
            {"name": PICTURES, "datatype": PICTURES_DATATYPE, "shape": [_ANY]},
            {
                "name": contract.tensors.images,
                "datatype": PIXELS_DATATYPE,
                "shape": pixels,
            },
        ],
        "outputs": [
            {
                "name": contract.tensors.scores,
                "datatype": "FP32",
                "shape": [_ANY, len(contract.labels)],
            },
            {"name": LABEL, "datatype": "BYTES", "shape": [_ANY]},
        ],
    }


def is_ready(client: ModelClient, target: Target, deadline: Deadline) -> bool:
    """True if the model, or this version of it, would answer now."""
    try:
        client.contract(target, deadline)
        versions = _available(client, target.model, deadline)
    except GatewayError:
        return False
    return bool(versions) if target.version is None else target.version in versions


def _available(client: ModelClient, model: str, deadline: Deadline) -> tuple[int, ...]:
    """The versions that may be asked for by number, oldest first."""
    states = client.states(model, deadline)
    return tuple(sorted(n for n, state in states.items() if state == _AVAILABLE))
