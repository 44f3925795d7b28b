"""The Streamlit front end under its own harness, before a real gateway."""

from __future__ import annotations

import ast
import io
import socket
import sys
from pathlib import Path

import pytest
from PIL import Image
from streamlit import cache_data
from streamlit.testing.v1 import AppTest

from serving.served_model import ModelConfig
from tests.integration.gateway_process import running_gateway
from tests.tiny_model import tiny_contract, write_tiny_model

APP = Path(__file__).resolve().parents[2] / "gateway/streamlit/app.py"
KEY = "a-key-of-sixteen-characters"
# e / (e + 1 + 1): the tiny model's softmax of a flat red, green or blue picture.
SURE = "57.6\u00a0%"
RUN_SECONDS = 30


def draw_flat(color, file_format="PNG"):
    """One picture of one color."""
    file = io.BytesIO()
    Image.new("RGB", (60, 30), color).save(file, file_format)
    return file.getvalue()


@pytest.fixture(name="address", scope="module")
def _address(start_model_server, tmp_path_factory):
    """A model server with the tiny model, and one whose labels are Markdown."""
    models = tmp_path_factory.mktemp("models")
    write_tiny_model(models / "tiny")
    odd = tiny_contract(labels=("*red* [a](b)", ":green[x]", "$b$"), name="odd")
    write_tiny_model(models / "odd", contract=odd)
    configs = [
        ModelConfig(name=name, base_path=str(models / name)) for name in ("tiny", "odd")
    ]
    return f"localhost:{start_model_server(configs=configs).grpc_port}"


@pytest.fixture(name="gateway", scope="module")
def _gateway(address):
    with running_gateway(model_address=address, models="tiny,odd") as gateway:
        yield gateway


@pytest.fixture(name="open_app")
def _open_app(monkeypatch):
    """A function that opens the page in front of a gateway."""
    cache_data.clear()

    def open_app(url, key=""):
        monkeypatch.setenv("GATEWAY_URL", url)
        monkeypatch.setenv("GATEWAY_API_KEY", key)
        app = AppTest.from_file(str(APP), default_timeout=RUN_SECONDS).run()
        assert not app.exception
        return app

    return open_app


def give(app, *files):
    """Upload (name, bytes) pairs and let the page answer."""
    listed = [(name, data, "image/png") for name, data in files]
    app.file_uploader[0].set_value(listed).run()
    assert not app.exception
    return app


def test_stands_alone():
    """It imports Streamlit, an HTTP client and no room of ours."""
    tree = ast.parse(APP.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    roots = {name.split(".")[0] for name in names}

    assert roots - set(sys.stdlib_module_names) == {"requests", "streamlit"}


def test_opens(gateway, open_app):
    """The page offers every model and says how good the chosen one is."""
    app = open_app(gateway.url)

    assert app.title[0].value == "What is in the photo?"
    assert app.selectbox[0].options == ["tiny", "odd"]
    assert "100.0\u00a0% of 1 photos it had never seen" in app.caption[0].value
    assert not app.error


def test_answer(gateway, open_app):
    """A photo shows its label, a bar for each label, and who answered."""
    app = give(open_app(gateway.url), ("red.png", draw_flat("#f00")))

    assert app.subheader[0].value == f"red {SURE}"
    bars = [(drawn.proto.text, drawn.proto.value) for drawn in app.get("progress")]
    assert bars == [
        (f"red: {SURE}", 57),
        ("green: 21.2\u00a0%", 21),
        ("blue: 21.2\u00a0%", 21),
    ]
    assert "answered by tiny, version 1" in [caption.value for caption in app.caption]


def test_several(gateway, open_app):
    """Each photo has its own answer; a file that is none has a sentence instead."""
    app = open_app(gateway.url)

    give(
        app, ("a.png", draw_flat("#0f0")), ("b.png", b"x"), ("c.png", draw_flat("#00f"))
    )

    assert [head.value for head in app.subheader] == [f"green {SURE}", f"blue {SURE}"]
    (error,) = app.error
    assert error.value.startswith("Expected a file of JPEG, PNG")
    assert "received 1 bytes of something else" in error.value


def test_camera(gateway, open_app):
    """A photo taken with the camera is answered like a chosen one."""
    app = open_app(gateway.url)
    app.toggle[0].set_value(True).run()

    photo = ("photo.jpg", draw_flat("#00f", "JPEG"), "image/jpeg")
    app.camera_input[0].set_value(photo).run()

    assert not app.exception
    assert app.subheader[0].value.startswith("blue ")


def test_model_picker(gateway, open_app):
    """The other model answers, and its labels are text, not Markdown."""
    app = give(open_app(gateway.url), ("red.png", draw_flat("#f00")))

    app.selectbox[0].set_value("odd").run()

    assert app.subheader[0].value == f"\\*red\\* \\[a\\]\\(b\\) {SURE}"
    assert "answered by odd, version 1" in [caption.value for caption in app.caption]


def test_heatmap(gateway, open_app):
    """A switch lays the heatmap over the photo: asked once, and taken off again."""
    app = give(open_app(gateway.url), ("red.png", draw_flat("#f00")))
    switch = app.toggle[1]
    assert switch.label == "What decided it"

    shown = []
    for is_on in (True, False, True):
        app.toggle[1].set_value(is_on).run()
        (image,) = app.image
        shown += image.captions

    assert not app.exception
    assert shown[0] == shown[2] == "The yellow parts counted most for this answer."
    assert shown[1] == ""
    assert sum("path=/explain " in line for line in gateway.lines) == 1


def test_gateway_away(open_app):
    """Without a gateway the page is a sentence and a button."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        app = open_app(f"http://127.0.0.1:{bound.getsockname()[1]}")

    assert "does not answer" in app.error[0].value
    assert app.button[0].label == "Try again"
    assert not app.selectbox


@pytest.mark.parametrize(
    "path, sentence",
    [("/static", "URL was not found"), ("/?page=", "is no gateway")],
)
def test_no_gateway(gateway, open_app, path, sentence):
    """An address where something else answers is a sentence, not a traceback."""
    app = open_app(gateway.url + path)

    assert sentence in app.error[0].value
    assert not app.selectbox


def test_key(address, open_app, tmp_path):
    """A gateway that wants a key is told it; a wrong one is a sentence."""
    keys = tmp_path / "keys"
    keys.write_text(f"streamlit {KEY}\n", encoding="utf-8")
    with running_gateway(
        model_address=address, models="tiny", api_keys_file=keys
    ) as gateway:
        refused = open_app(gateway.url, "another-key-of-sixteen")
        app = give(open_app(gateway.url, KEY), ("red.png", draw_flat("#f00")))

    assert refused.error[0].value.startswith("Expected an API key")
    assert app.subheader[0].value == f"red {SURE}"
