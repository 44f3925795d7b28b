"""A photo as each system's documents send it, and the scores in its answers."""

from __future__ import annotations

import base64
import json

BOUNDARY = "photo-boundary"


def write_request(launch, body):
    """The whole HTTP request, ready to be sent again and again."""
    head = (
        f"POST {launch.path} HTTP/1.1\r\nHost: 127.0.0.1:{launch.port}\r\n"
        f"Content-Type: {launch.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def plain(photo):
    """The file itself."""
    return photo


def form(photo):
    """A browser's upload form with one field."""
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


def litserve(photo):
    """One field of JSON."""
    return json.dumps({"photo": _text(photo)}).encode()


def bentoml(photo):
    """A list of one, as BentoML merges lists."""
    return json.dumps({"photos": [_text(photo)]}).encode()


def kserve(photo):
    """The V1 protocol's list of instances."""
    return json.dumps({"instances": [{"image": {"b64": _text(photo)}}]}).encode()


def mlserver(photo):
    """One tensor of bytes of the Open Inference Protocol."""
    tensor = {
        "name": "photos",
        "shape": [1],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": [_text(photo)],
    }
    return json.dumps({"inputs": [tensor]}).encode()


def _text(photo):
    return base64.b64encode(photo).decode()


def read_scores(answer):
    """Scores in the labels' order, from {"scores": [...]}."""
    return json.loads(answer)["scores"]


def read_rows(answer):
    """The same from rows, bare or in "predictions"."""
    found = json.loads(answer)
    return (found["predictions"] if isinstance(found, dict) else found)[0]


def read_tensor(answer):
    """The same from an Open Inference answer."""
    return json.loads(answer)["outputs"][0]["data"]


def read_predictions(answer):
    """The same from this project's answer, which is sorted by score."""
    scores = json.loads(answer)["predictions"][0]["scores"]
    return [each["score"] for each in sorted(scores, key=lambda each: each["label"])]
