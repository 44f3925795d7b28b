"""The ways a client sends pictures to /predict, and what it is told of each."""

from __future__ import annotations

import base64
import io
import json

from PIL import Image


def send_form(web, *files, **fields):
    """A multipart request, as a browser or curl -F sends it."""
    data = {**fields, "image": [(io.BytesIO(data), "a.png") for data in files]}
    return web.post("/predict", data=data, content_type="multipart/form-data")


def send_raw(web, data, kind="image/png", headers=None):
    """The file itself as the body."""
    return web.post("/predict", data=data, content_type=kind, headers=headers)


def send_json(web, document):
    """A JSON body; text is sent as it is."""
    text = document if isinstance(document, (str, bytes)) else json.dumps(document)
    return web.post("/predict", data=text, content_type="application/json")


def encode_base64(data):
    """Standard base64 as text."""
    return base64.b64encode(data).decode("ascii")


def draw_flat(color, size=(20, 30)):
    """A PNG of one color; its best label is that color's name."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def write_form(pictures):
    """A form whose fields a, b, a, b... hold one file each, in this order."""
    parts = [
        b"--cut\r\nContent-Disposition: form-data; "
        + f'name="{"ab"[place % 2]}"; filename="{place}.png"\r\n\r\n'.encode()
        + picture
        for place, picture in enumerate(pictures)
    ]
    return b"\r\n".join([*parts, b"--cut--\r\n"])


def post_form(web, body):
    """A form that was written by write_form."""
    return web.post(
        "/predict", data=body, content_type="multipart/form-data; boundary=cut"
    )


def send_files(web, pictures):
    """Fields of the same name need not follow each other, yet the order is theirs."""
    return post_form(web, write_form(pictures))


def send_base64(web, pictures):
    """A JSON list of base64 and data URLs by turns."""
    heads = ("", "data:image/png;base64,")
    texts = [heads[i % 2] + encode_base64(data) for i, data in enumerate(pictures)]
    return send_json(web, {"images": texts})


def read_outcomes(reply):
    """The label of each picture, or the code of its error."""
    assert reply.status_code == 200, reply.text
    return [
        entry["error"]["code"] if "error" in entry else entry["label"]
        for entry in reply.json["predictions"]
    ]
