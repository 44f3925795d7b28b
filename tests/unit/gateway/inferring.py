"""Requests of the Open Inference Protocol, in JSON and with binary tensors."""

from __future__ import annotations

import json
import struct

from tests.unit.gateway.sending import encode_base64

INFER = "/v2/models/tiny/infer"


def json_pictures(*pictures, **fields):
    """One input of encoded pictures in base64."""
    tensor = {
        "name": "image",
        "shape": [len(pictures)],
        "datatype": "BYTES",
        "data": [encode_base64(picture) for picture in pictures],
    }
    return {"inputs": [tensor], **fields}


def json_pixels(batch, **changes):
    """One input of pixels, flat; changes are fields of the tensor."""
    tensor = {
        "name": "images",
        "shape": list(batch.shape),
        "datatype": "UINT8",
        "data": batch.ravel().tolist(),
    }
    return {"inputs": [{**tensor, **changes}]}


def length_prefixed(*pictures):
    """BYTES elements as the binary extension has them."""
    return b"".join(struct.pack("<I", len(data)) + data for data in pictures)


def binary_request(name, shape, datatype, binary, **fields):
    """The arguments of a POST: JSON, the tensor behind it, the length between."""
    tensor = {
        "name": name,
        "shape": list(shape),
        "datatype": datatype,
        "parameters": {"binary_data_size": len(binary)},
    }
    text = json.dumps({"inputs": [tensor], **fields}).encode()
    return {
        "data": text + binary,
        "headers": {"Inference-Header-Content-Length": str(len(text))},
    }


def binary_pictures(*pictures, **fields):
    """The arguments of a POST of encoded pictures as they are."""
    binary = length_prefixed(*pictures)
    return binary_request("image", [len(pictures)], "BYTES", binary, **fields)


def outputs_of(reply):
    """Output name to its data in JSON; fails with what an error says."""
    assert reply.status_code == 200, reply.text
    return {output["name"]: output["data"] for output in reply.json["outputs"]}


def refusal(reply):
    """Status and sentence of an error, in the protocol's own form."""
    assert reply.mimetype == "application/json"
    assert set(reply.json) == {"error"}
    return reply.status_code, reply.json["error"]
