"""What /metrics counts, and that no caller can make it count without end."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import GatewayError, ModelTimeout
from gateway.metrics import DECODE_ERRORS, MODEL_ERRORS
from gateway.shared_counts import forget_worker, make_folder
from tests.unit.gateway.sending import send_form, send_raw


def samples(web):
    """(name, sorted labels) -> value of every sample of /metrics."""
    reply = web.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def value(web, name, **labels):
    """One sample; 0 if there is none yet, as Prometheus sees it."""
    return samples(web).get((name, tuple(sorted(labels.items()))), 0)


def test_requests(web, encode_picture):
    """Each request counts once, under its route and its status."""
    send_raw(web, encode_picture())
    send_raw(web, encode_picture())
    send_raw(web, b"text")
    web.get("/predict")

    counted = {
        labels: number
        for (name, labels), number in samples(web).items()
        if name == "gateway_requests_total"
    }
    assert counted == {
        (("route", "/predict"), ("status", "200")): 2,
        (("route", "/predict"), ("status", "415")): 1,
        (("route", "none"), ("status", "405")): 1,
    }


def test_bounded_labels(web):
    """A thousand addresses and models that do not exist make no series each."""
    web.get("/nowhere")
    web.post("/predict?model=x")
    web.open("/predict", method="VERB")
    before = len(samples(web))

    for number in range(1000):
        web.open(f"/nowhere/{number}", method="GET")
        web.post(f"/predict?model=m{number}")
        web.open("/predict", method=f"VERB{number}")

    # The request for /metrics itself has its series: two lines and its buckets.
    mine = [key for key in samples(web) if ("route", "/metrics") in key[1]]
    assert len(samples(web)) == before + len(mine)


def test_stages(web, encode_picture):
    """Each answered request is once in each stage's histogram, and they add up."""
    for _ in range(3):
        send_raw(web, encode_picture())

    seen = samples(web)

    def seconds(stage):
        return seen["gateway_stage_seconds_sum", (("stage", stage),)]

    for stage in ("decode", "model", "total"):
        assert seen["gateway_stage_seconds_count", (("stage", stage),)] == 3
    assert 0 < seconds("decode") + seconds("model") <= seconds("total")


def test_bytes(web, encode_picture):
    """Bodies are counted in bytes, both ways."""
    photo = encode_picture()

    reply = send_raw(web, photo)

    assert value(web, "gateway_request_bytes_total") == len(photo)
    # The first look at /metrics was an answer too.
    first_look = len(web.get("/metrics").data)
    assert value(web, "gateway_response_bytes_total") >= len(reply.data) + first_look


@pytest.mark.parametrize(
    "damage, code",
    [
        (lambda photo: photo[:-100], "invalid_image"),
        (lambda photo: b"a text", "unsupported_image"),
        (lambda photo: photo + bytes(200_000), "image_too_large"),
    ],
)
def test_decode_failures(web, encode_picture, damage, code):
    """A picture that cannot be read counts under its code."""
    reply = send_raw(web, damage(encode_picture()))

    assert reply.json["code"] == code
    assert value(web, "gateway_decode_failures_total", code=code) == 1


def test_model_errors(web, client, encode_picture):
    """A model server that fails counts per request; a probe that asks does not."""
    client.failure = ModelTimeout("too slow")

    send_raw(web, encode_picture())
    web.get("/readyz")

    assert value(web, "gateway_model_errors_total", code="model_timeout") == 1


def test_failures_start_at_zero(web):
    """An alert on an increase needs the 0 before the first failure."""
    shown = {labels for name, labels in samples(web) if name.endswith("_total")}

    for kind in (*DECODE_ERRORS, *MODEL_ERRORS):
        assert (("code", kind.code),) in shown


def test_every_model_error():
    """No error that the model server causes is left out."""
    kinds = GatewayError.__subclasses__()
    named = {kind for kind in kinds if kind.__name__.startswith("Model")}

    assert named == set(MODEL_ERRORS)


def test_versions(web, client, encode_picture):
    """The version that answered is counted, and the next one beside it."""
    send_raw(web, encode_picture())
    client.versions[2] = client.versions[1]
    client.cached.clear()
    send_form(web, encode_picture())

    for version in ("1", "2"):
        name = "gateway_pictures_total"
        assert value(web, name, model="tiny", version=version) == 1


def test_in_flight(web, client, encode_picture):
    """A request is in flight while it is answered, and not after, also if it fails."""
    seen = []
    answer = client.predict

    def look(*arguments):
        seen.append(value(web, "gateway_requests_in_flight"))
        return answer(*arguments)

    client.predict = look
    send_raw(web, encode_picture())
    client.failure = KeyError("a bug")
    send_raw(web, encode_picture())

    assert seen == [1, 1]
    assert value(web, "gateway_requests_in_flight") == 0


def test_folder_is_cleaned(tmp_path, monkeypatch):
    """What an earlier start left under this process id is gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = make_folder(7)
    (folder / "counter_8.db").write_bytes(b"old")

    assert make_folder(7) == folder
    assert not list(folder.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_folder_of_a_stranger(tmp_path, monkeypatch):
    """A link that somebody laid in the way is not followed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").touch()
    (tmp_path / "gateway-metrics-7").symlink_to(theirs)

    with pytest.raises(OSError):
        make_folder(7)

    assert (theirs / "file").exists()


def test_forget_worker(tmp_path):
    """Of a worker that ended only its gauges are forgotten."""
    for name in ("gauge_livesum_8.db", "gauge_livesum_9.db", "counter_8.db"):
        (tmp_path / name).touch()

    forget_worker(tmp_path, 8)

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"gauge_livesum_9.db", "counter_8.db"}
