"""The API page's examples, run as they are shown, against a gateway on loopback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from flask import request
from PIL import Image
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.openapi import build_document, operations_of
from gateway.openapi_page import EXAMPLE_KEY, LANGUAGES
from gateway.settings import Settings
from tests.tiny_model import tiny_contract, write_report
from tests.unit.gateway.conftest import FakeFetch
from tests.unit.gateway.explaining import ExplainingClient
from tests.unit.gateway.sending import draw_flat

RUN_SECONDS = 60
LABELS = ("pizza", "ice cream", "neither")
# A form for browsers.
WITHOUT_EXAMPLES = {"show_answer"}
OPERATIONS = sorted(
    {one["operationId"] for _, _, one in operations_of(build_document(Settings()))}
    - WITHOUT_EXAMPLES
)


class Examples(HTMLParser):
    """The texts of a page's examples by operation and language."""

    def __init__(self, page):
        super().__init__()
        self.texts = {}
        self._operation = self._language = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """An article is an operation; a pre with a language's class is an example."""
        values = dict(attrs)
        if tag == "article":
            self._operation = values["id"]
        elif tag == "pre":
            self._language = values.get("class")

    def handle_endtag(self, tag):
        """After it, text is no example."""
        if tag == "pre":
            self._language = None

    def handle_data(self, data):
        """Collect an example's text."""
        if self._language in LANGUAGES:
            place = (self._operation, self._language)
            self.texts[place] = self.texts.get(place, "") + data


@dataclass(frozen=True)
class Gateway:
    """Where it answers, what its page shows, and what it was asked."""

    url: str
    examples: dict[tuple[str, str], str]
    requests: list[tuple[str, int]]


def _asked(reply):
    """What a request asked, and the status it got."""
    return request.path, reply.status_code


@contextlib.contextmanager
def running(settings, key=""):
    """A gateway on a free port whose model knows pizza; red is pizza."""
    fetch = FakeFetch()
    fetch.pictures["https://example.org/photo.jpg"] = draw_flat("red")
    app = create_app(settings, ExplainingClient({1: tiny_contract(LABELS)}), fetch)
    requests = []
    app.after_request(lambda reply: requests.append(_asked(reply)) or reply)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        host = f"127.0.0.1:{server.port}"
        headers = {"Host": host, **({"X-API-Key": key} if key else {})}
        page = app.test_client().get("/docs", headers=headers).text
        requests.clear()
        yield Gateway(f"http://{host}", Examples(page).texts, requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="open_gateway", scope="module")
def _open_gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open")
    settings = Settings(
        models=("tiny",),
        prediction_log=str(folder / "predictions.jsonl"),
        reports_dir=str(write_report(folder / "models")),
    )
    with running(settings) as gateway:
        yield gateway


@pytest.fixture(name="guarded_gateway", scope="module")
def _guarded_gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys").write_text(f"ann {EXAMPLE_KEY}\n", "utf-8")
    settings = Settings(
        models=("tiny",),
        api_keys_file=str(folder / "keys"),
        prediction_log=str(folder / "predictions.jsonl"),
    )
    with running(settings, EXAMPLE_KEY) as gateway:
        yield gateway


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    """A folder to work in, with the two photos that examples send."""
    for name, color in (("photo.jpg", "red"), ("other.jpg", "lime")):
        Image.new("RGB", (40, 30), color).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_curl(text):
    """What a shell prints for the example; it fails where a command does."""
    return _run(["bash", "-euo", "pipefail", "-c", text])


def run_python(text):
    """What the example prints in this interpreter."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "example", "exec"), {})  # pylint: disable=exec-used  # ours
    return printed.getvalue()


def run_javascript(text):
    """What Node prints for the example, a module."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node 18 or newer")
    return _run([node, "--input-type=module", "--eval", text])


def _run(command):
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


RUN = {"curl": run_curl, "python": run_python, "javascript": run_javascript}


def test_all_have_examples(open_gateway, guarded_gateway):
    """Each operation that programs call has one in each language."""
    expected = {(name, language) for name in OPERATIONS for language in LANGUAGES}

    assert set(open_gateway.examples) == set(guarded_gateway.examples) == expected


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_runs(open_gateway, name, language):
    """As shown, it runs to its end and what it asks is answered."""
    open_gateway.requests.clear()

    RUN[language](open_gateway.examples[name, language])

    assert open_gateway.requests
    assert {status for _, status in open_gateway.requests} <= {200, 201}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name", ["predict", "explain_picture", "add_feedback", "infer", "models"]
)
def test_runs_with_a_key(guarded_gateway, name, language):
    """Where callers need a key, the examples send one."""
    guarded_gateway.requests.clear()

    RUN[language](guarded_gateway.examples[name, language])

    assert {status for _, status in guarded_gateway.requests} <= {200, 201}


@pytest.mark.usefixtures("folder")
def test_predict_says_so(open_gateway):
    """The red photo is pizza, the lime one ice cream; that on the web is red too."""
    examples = open_gateway.examples

    curl = run_curl(examples["predict", "curl"])
    python = run_python(examples["predict", "python"])
    javascript = run_javascript(examples["predict", "javascript"])

    replies = [json.loads(line) for line in curl.splitlines()]
    answers = [[one["label"] for one in reply["predictions"]] for reply in replies]
    assert answers == [["pizza"], ["pizza", "ice cream"], ["pizza"]]
    assert [len(reply["predictions"][0]["scores"]) for reply in replies] == [3, 1, 3]
    assert python.split()[0] == "pizza"
    assert [line.rsplit(" ", 1)[0] for line in javascript.splitlines()] == [
        "pizza",
        "ice cream",
    ]


@pytest.mark.parametrize("language", ["curl", "python"])
def test_heatmap(open_gateway, folder, language):
    """The photo under its heatmap lies beside it, as large as the photo."""
    RUN[language](open_gateway.examples["explain_picture", language])

    with Image.open(folder / "heatmap.png") as overlay:
        assert (overlay.format, overlay.size) == ("PNG", (40, 30))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("language", LANGUAGES)
def test_tensors(open_gateway, language):
    """The label of the red photo is among the outputs."""
    printed = RUN[language](open_gateway.examples["infer", language])

    assert "pizza" in printed and "label" in printed
