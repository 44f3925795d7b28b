"""The ways a client sends one picture."""

from __future__ import annotations

import base64
import io
import json


def send_form(web, *files, **fields):
    """A multipart request, as a browser or curl -F sends it."""
    data = {**fields, "image": [(io.BytesIO(data), "a.png") for data in files]}
    return web.post("/predict", data=data, content_type="multipart/form-data")


def send_raw(web, data, kind="image/png"):
    """The file itself as the body."""
    return web.post("/predict", data=data, content_type=kind)


def send_json(web, document):
    """A JSON body; text is sent as it is."""
    text = document if isinstance(document, (str, bytes)) else json.dumps(document)
    return web.post("/predict", data=text, content_type="application/json")


def encode_base64(data):
    """Standard base64 as text."""
    return base64.b64encode(data).decode("ascii")
