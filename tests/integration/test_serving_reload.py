"""Other models for a running server: HandleReloadConfigRequest and the config file."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2

from serving.model_config import read_model_configs
from serving.settings import Settings
from tests.integration.serving_calls import TIMEOUT_SECONDS
from tests.integration.serving_reloads import (
    answers,
    ask,
    entry,
    reload,
    reload_refusal,
    reload_request,
    write_models,
)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """Models a (versions 1, 2) and b (version 7) that answer their version for 0."""
    return write_models(tmp_path_factory.mktemp("models"), a=[1, 2], b=[7])


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, folder):
    """One server for all tests here; each says first what is served."""
    return start_model_server(
        folder / "a", name="a", max_num_load_retries=0, grpc_max_threads=8
    )


def test_add_and_remove(server, folder):
    """New models answer when the call returns; an empty list unloads all."""
    response = reload(server, entry(folder, "a"), entry(folder, "b"))
    both = answers(server, "a", "b")
    empty = reload(server)
    assert server.wait_until(lambda: not any(answers(server, "a", "b").values()), 30)
    reload(server, entry(folder, "b"))

    assert both == {"a": 2, "b": 7}
    assert (response.status.error_code, empty.status.error_code) == (0, 0)
    assert answers(server, "a", "b") == {"a": None, "b": 7}


def test_metrics(server, folder):
    """Each metric that was named comes back once with its increase."""
    response = reload(server, entry(folder, "a"), metrics=["/x/y", "/x/z", "/x/y"])

    increases = [(m.name, m.int64_value_increase) for m in response.metric]
    assert increases == [("/x/y", 0), ("/x/z", 0)]


def test_policy_and_labels(server, folder):
    """Another policy loads more versions of a served model; labels follow."""
    everything = "model_version_policy { all {} }"
    reload(server, entry(folder, "a"))
    reload(server, entry(folder, "a", everything))
    assert server.wait_until(lambda: ask(server, "a", version=1) == 1, TIMEOUT_SECONDS)
    found = []

    for labels in ({"stable": 1, "canary": 2}, {"stable": 2}):
        text = "".join(
            f'version_labels {{ key: "{label}" value: {version} }}'
            for label, version in labels.items()
        )
        reload(server, entry(folder, "a", everything + text))
        found.append([ask(server, "a", label=name) for name in ("stable", "canary")])

    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert found == [[1, 2], [2, invalid]]


def test_base_path_changes(server, folder):
    """A model that moves is served from where it lies now."""
    reload(server, entry(folder, "b"))
    moved = entry(folder, "a").replace('name: "a"', 'name: "b"')

    reload(server, moved)

    assert server.wait_until(lambda: answers(server, "b") == {"b": 2}, 30)


@pytest.mark.parametrize(
    "rest, code, message",
    [
        (
            "version_labels { key: 'x' value: 9 }",
            grpc.StatusCode.FAILED_PRECONDITION,
            "Request to assign label to version 9 of model a, which is not currently "
            "available for inference",
        ),
        (
            "base_path: 'relative'",
            grpc.StatusCode.INVALID_ARGUMENT,
            "Expected model a to have an absolute path or URI; got "
            "base_path()=relative",
        ),
        (
            "model_platform: 'other'",
            grpc.StatusCode.INVALID_ARGUMENT,
            "Illegal to change a model's platform. For model a platform was tensorflow "
            "and new platform requested is other",
        ),
    ],
)
def test_refused(server, folder, rest, code, message):
    """A list that is wrong in one entry changes nothing at all."""
    reload(server, entry(folder, "a"))
    # text_format takes no field twice; a later one is set by hand as a client would.
    request = reload_request(entry(folder, "a"), entry(folder, "b"))
    text_format.Merge(rest, request.config.model_config_list.config[0])

    assert reload_refusal(server, request) == (code, message)
    assert answers(server, "a", "b") == {"a": 2, "b": None}


@pytest.mark.parametrize("text", ["", "config { custom_model_config {} }"])
def test_not_a_list(server, folder, text):
    """Anything but a list of models is INVALID_ARGUMENT."""
    reload(server, entry(folder, "a"))
    request = text_format.Parse(text, model_management_pb2.ReloadConfigRequest())

    code, message = reload_refusal(server, request)

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "HandleReloadConfigRequest" in message
    assert answers(server, "a") == {"a": 2}


def test_broken_model(server, folder, tmp_path):
    """A new model that does not load is UNKNOWN; the others are served."""
    (tmp_path / "broken" / "3").mkdir(parents=True)

    code, message = reload_refusal(
        server, reload_request(entry(folder, "a"), entry(tmp_path, "broken"))
    )

    assert code is grpc.StatusCode.UNKNOWN
    assert message.startswith(
        "1 model(s) did not become available: {{{name: broken version: 3} due to "
        "error: NOT_FOUND: "
    )
    assert message.endswith("}, }")
    assert answers(server, "a") == {"a": 2}


def test_request_log(server, folder):
    """A log collector is refused after the models were applied."""
    reload(server, entry(folder, "a"))

    refused = reload_refusal(
        server, reload_request(entry(folder, "b", "logging_config {}"))
    )

    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert refused == (invalid, "No request-logger-creator provided.")
    assert answers(server, "b") == {"b": 7}


def start_polled(start_model_server, path, text):
    """A server over a polled config file."""
    path.write_text(text, encoding="utf-8")
    flags = {
        "model_config_file": str(path),
        "model_config_file_poll_wait_seconds": 1,
    }
    configs = read_model_configs(Settings(**flags))
    return start_model_server(configs=configs, **flags)


def test_polled_file(start_model_server, folder, tmp_path):
    """A changed file is applied by itself."""
    path = tmp_path / "models.config"
    first = f"model_config_list {{ {entry(folder, 'a')} }}"
    server = start_polled(start_model_server, path, first)
    before = answers(server, "a", "b")

    path.write_text(first.replace('"a"', '"b"').replace("/a", "/b"), encoding="utf-8")
    assert server.wait_until(lambda: answers(server, "b") == {"b": 7}, 30)
    assert server.wait_until(lambda: answers(server, "a") == {"a": None}, 30)

    assert before == {"a": 2, "b": None}
