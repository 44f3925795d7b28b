"""Which version answers while a canary gets a share, and what a bad canary costs."""

from __future__ import annotations

from functools import partial

import pytest

from gateway.errors import ModelFailed, ModelTimeout, ModelUnavailable, UnknownVersion
from tests.tiny_model import tiny_contract
from tests.unit.gateway.sending import send_raw
from tests.unit.gateway.splitting import TwoVersions, ask, start_gateway
from tests.unit.gateway.test_metrics import samples, value


@pytest.fixture(name="start")
def _start(tmp_path):
    """start(client, percent=...): a gateway that splits, as Flask's test client."""
    return partial(start_gateway, tmp_path)


def test_share(start, red):
    """Of 400 requests a quarter is answered by the canary, within chance."""
    web = start(TwoVersions(), percent=25)

    versions = [ask(web, red) for _ in range(400)]

    # Binomial: 100 and a standard deviation of sqrt(400 * 0.25 * 0.75) = 8.7; six.
    assert 100 - 52 <= versions.count(2) <= 100 + 52
    assert set(versions) == {1, 2}


def test_sticky(start, red):
    """An id that the caller repeats is answered by the same version every time."""
    web = start(TwoVersions(), percent=50, sticky=True)

    for number in range(20):
        assert len({ask(web, red, f"caller-{number}") for _ in range(5)}) == 1


@pytest.mark.parametrize(
    "query, version", [("?version=2", 2), ("?label=canary", 2), ("?version=1", 1)]
)
@pytest.mark.parametrize("percent", [0, 100])
def test_named_versions(start, red, query, version, percent):
    """Who names a version or a label gets that one, whatever the share, uncounted."""
    web = start(TwoVersions(), percent=percent)

    assert ask(web, red, query=query) == version
    assert "gateway_canary_seconds_count" not in {name for name, _ in samples(web)}


def test_stable_is_the_label(start, red):
    """With no share the label stable answers, not the highest version there is."""
    assert ask(start(TwoVersions(), percent=0), red) == 1


def test_other_models(start, red):
    """A model that the file does not name is asked for its latest version."""
    web = start(TwoVersions(), {"second": {"percent": 0}})

    assert ask(web, red) == 2
    assert ask(web, red, query="?model=second") == 1
    assert value(web, "gateway_canary_percent", model="tiny") == -1
    assert value(web, "gateway_canary_percent", model="second") == 0


def test_no_file(web, client, red):
    """Without the setting nothing is split and no series is added."""
    client.versions[2] = tiny_contract()

    assert ask(web, red) == 2
    assert not [name for name, labels in samples(web) if "canary" in name and labels]


@pytest.mark.parametrize(
    "error",
    [
        UnknownVersion("label 'canary'"),
        ModelUnavailable("away"),
        ModelTimeout("slow"),
        ModelFailed("broken"),
    ],
    ids=lambda error: error.code,
)
def test_fallback(start, red, error):
    """A canary that fails costs no answer: the stable one follows; it is counted."""
    client = TwoVersions()
    client.canary_error = error
    web = start(client, percent=100)

    assert [ask(web, red) for _ in range(3)] == [1, 1, 1]

    counted = {"model": "tiny", "side": "canary", "code": error.code}
    assert value(web, "gateway_canary_failures_total", **counted) == 3
    seconds = {"model": "tiny", "side": "stable", "version": "1"}
    assert value(web, "gateway_canary_seconds_count", **seconds) == 3
    assert value(web, "gateway_model_errors_total", code=error.code) == 0


def test_canary_gets_half_of_the_time(start, red):
    """A canary that hangs leaves the stable version half of the request's time."""
    client = TwoVersions()
    client.canary_error = ModelTimeout("slow")

    ask(start(client, percent=100), red)

    sides, seconds = zip(*client.deadlines)
    # The model's time is 5 s by default; the fakes take none of it.
    assert sides == ("canary", "stable")
    assert seconds[0] <= 2.5 < seconds[1] <= 5


@pytest.mark.parametrize(
    "labels, version",
    [(("red", "green", "blue"), 2), (("green", "red", "blue"), 1), (("cat", "dog"), 1)],
)
def test_labels_must_agree(start, red, labels, version):
    """A canary with other labels is refused, with another size it is not."""
    contract = tiny_contract(labels, size=(12, 6))
    web = start(TwoVersions(contract), percent=100)

    assert ask(web, red) == version

    counted = {"model": "tiny", "side": "canary", "code": "model_mismatch"}
    failures = value(web, "gateway_canary_failures_total", **counted)
    assert failures == (version == 1)


def test_no_stable_label(start, red):
    """Where nobody has given the label, whatever the server has answers."""
    client = TwoVersions()
    client.labels = {}

    assert ask(start(client, percent=0), red) == 2
    assert ask(start(client, percent=100), red) == 2


def test_bad_picture(start, red):
    """A picture that cannot be read is the caller's mistake and nobody's failure."""
    web = start(TwoVersions(), percent=100)

    reply = send_raw(web, red[:60])

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_image")
    assert "gateway_canary_failures_total" not in {name for name, _ in samples(web)}


def test_both_fail(start, red):
    """When the whole model server is away the caller hears the usual 503."""
    client = TwoVersions()
    web = start(client, percent=100)
    ask(web, red)
    client.failure = ModelUnavailable("away")

    reply = send_raw(web, red, "image/png")

    assert (reply.status_code, reply.json["code"]) == (503, "model_unavailable")
