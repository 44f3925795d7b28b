"""The gateway does what its OpenAPI document says, whatever a machine makes up."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.openapi.checks import (
    JsonSchemaError,
    MissingHeaders,
    UndefinedContentType,
    UndefinedStatusCode,
)

from gateway.admission import TIMEOUT_HEADER
from gateway.app import create_app
from gateway.errors import GatewayError
from gateway.openapi import build_document, operations_of
from gateway.settings import Settings
from tests.tiny_model import tiny_contract, write_report
from tests.unit.gateway.conftest import FakeFetch
from tests.unit.gateway.describing import call, load
from tests.unit.gateway.explaining import ExplainingClient
from tests.unit.gateway.inferring import binary_pictures
from tests.unit.gateway.sending import draw_flat


def json_examples(document):
    """The bodies that the document shows, as arguments of a case."""
    shared = document["components"]["requestBodies"]
    for path, method, operation in operations_of(document):
        body = operation.get("requestBody", {})
        if "$ref" in body:
            body = shared[body["$ref"].rsplit("/", 1)[1]]
        shown = body.get("content", {}).get("application/json", {})
        examples = [example["value"] for example in shown.get("examples", {}).values()]
        if "example" in shown:
            examples.append(shown["example"])
        for value in examples:
            yield method, path, {"body": value, "media_type": "application/json"}


MODELS = ("tiny",)
OPERATIONS = [(m, path) for path, m, _ in operations_of(build_document(Settings()))]
READY = {path for _, path in OPERATIONS if path.endswith("ready")}
MODEL_ERRORS = [
    kind for kind in GatewayError.__subclasses__() if kind.code.startswith("model_")
]
FUZZ = settings(
    max_examples=15,
    suppress_health_check=list(HealthCheck),
)
RED = draw_flat("red")
PLACE = {"path_parameters": {"model": "tiny", "version": 1}}
FORM = {"body": {"image": [RED, RED]}, "media_type": "multipart/form-data"}
RAW = {"body": RED, "media_type": "image/*"}
PNG = {"headers": {"Accept": "image/png"}}
BINARY = binary_pictures(RED, parameters={"binary_data_output": True})
TENSORS = {
    "body": BINARY["data"],
    "headers": BINARY["headers"],
    "media_type": "application/octet-stream",
}
GOOD = [
    *(("get", path, {}) for method, path in OPERATIONS if method == "get"),
    *json_examples(build_document(Settings(models=MODELS))),
    ("post", "/predict", FORM),
    ("post", "/predict", RAW),
    ("post", "/explain", RAW),
    ("post", "/explain", RAW | PNG),
    ("post", "/v2/models/{model}/infer", TENSORS),
    ("post", "/", FORM),
]
FILES = st.sampled_from([RED, RED[:40], b"", b"GIF89a", bytes(300)])
for media_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, FILES)
schemathesis.openapi.format("binary", FILES)


@pytest.fixture(name="client", scope="module")
def _client():
    return ExplainingClient({1: tiny_contract(("pizza", "ice cream", "neither"))})


@pytest.fixture(name="app", scope="module")
def _app(client, tmp_path_factory):
    fetch = FakeFetch()
    fetch.pictures["https://example.org/photo.jpg"] = RED
    folder = tmp_path_factory.mktemp("gateway")
    write_report(folder / "models")
    limits = Settings(
        models=MODELS,
        max_image_bytes=10_000,
        max_body_bytes=100_000,
        prediction_log=str(folder / "predictions.jsonl"),
        reports_dir=str(folder / "models"),
    )
    return create_app(limits, client, fetch)


@pytest.fixture(name="schema", scope="module")
def _schema(app):
    return load(app)


def check_failure(_context, response, case):
    """A 5xx answers haste of the caller, or the question whether all is ready."""
    is_hasty = TIMEOUT_HEADER in (case.headers or {})
    is_expected = is_hasty or case.operation.path in READY
    assert response.status_code < 500 or is_expected, response.content


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("method, path", OPERATIONS)
def test_made_up_requests(schema, method, path, mode):
    """Status, content type, headers and body of every answer are as described."""

    @FUZZ
    @given(schema[path][method].as_strategy(generation_mode=mode))
    def check(case):
        call(case, additional_checks=[check_failure])

    check()  # pylint: disable=no-value-for-parameter  # Hypothesis gives it


@pytest.mark.parametrize("method, path, arguments", GOOD)
def test_good_requests(schema, method, path, arguments):
    """Every operation answers, the document's own examples too, and as described."""
    reply = call(schema[path][method].Case(**PLACE, **arguments))

    assert reply.status_code in (200, 201), reply.content


def test_all_are_asked():
    """No operation is left out of the good requests."""
    assert {(method, path) for method, path, _ in GOOD} == set(OPERATIONS)


@pytest.mark.parametrize("kind", MODEL_ERRORS, ids=lambda kind: kind.code)
def test_outages(schema, client, monkeypatch, kind):
    """What a model server may do wrong is described wherever it can be met."""
    monkeypatch.setattr(client, "failure", kind("away"))
    monkeypatch.setattr(client, "cached", {})

    replies = [
        call(schema[path][method].Case(**PLACE, **arguments))
        for method, path, arguments in GOOD
    ]

    assert {reply.status_code for reply in replies} == {200, 503, kind.status}


def forget_timings(document):
    """Leave out a field of the reply."""
    reply = document["components"]["schemas"]["PredictionReply"]
    reply["required"].remove("timings")
    del reply["properties"]["timings"]


def mistake_scores(document):
    """Tell percentages, where shares from 0 to 1 are sent."""
    document["components"]["schemas"]["Share"]["minimum"] = 2


def invent_header(document):
    """Promise a header that is not sent."""
    header = {"required": True, "schema": {"type": "string"}}
    responses = document["paths"]["/predict"]["post"]["responses"]
    responses["200"]["headers"]["X-Invented"] = header


def forget_status(document):
    """Leave out an answer."""
    del document["paths"]["/predict"]["post"]["responses"]["200"]


def mistake_kind(document):
    """Tell another content type."""
    content = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    content["text/plain"] = content.pop("application/json")


@pytest.mark.parametrize(
    "change, failure",
    [
        (forget_timings, JsonSchemaError),
        (mistake_scores, JsonSchemaError),
        (invent_header, MissingHeaders),
        (forget_status, UndefinedStatusCode),
        (mistake_kind, UndefinedContentType),
    ],
)
def test_false_documents(app, change, failure):
    """A document that is wrong in one place does not pass."""
    case = load(app, change)["/predict"]["post"].Case(**FORM)

    with pytest.raises(FailureGroup) as raised:
        call(case)

    assert failure in map(type, raised.value.exceptions)
