"""The cap on requests in flight, and a caller's own deadline."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from gateway.admission import TIMEOUT_HEADER, Admission
from gateway.app import create_app
from gateway.deadline import Deadline
from gateway.errors import GatewayBusy
from gateway.settings import Settings
from tests.unit.gateway.sending import send_raw

WAIT_SECONDS = 30


class SlowModel:
    """Lets a predict call of the fake client wait until it is told to go on."""

    def __init__(self, client):
        self.answer = client.predict
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, target, batch, deadline):
        self.entered.release()
        assert self.go_on.wait(WAIT_SECONDS)
        return self.answer(target, batch, deadline)


@pytest.fixture(name="slow_model")
def _slow_model(client):
    client.predict = SlowModel(client)
    yield client.predict
    client.predict.go_on.set()


@pytest.fixture(name="threads")
def _threads():
    with ThreadPoolExecutor(16) as threads:
        yield threads


def make_web(client, **settings):
    """The web client of a gateway with few threads."""
    return create_app(Settings(models=("tiny",), **settings), client).test_client()


def test_cap(client, slow_model, threads, encode_picture):
    """One request more than the cap is refused at once; then there is room again."""
    app = create_app(Settings(models=("tiny",), max_in_flight=2, threads=2), client)
    photo = encode_picture()
    first = [threads.submit(send_raw, app.test_client(), photo) for _ in range(2)]
    for _ in first:
        assert slow_model.entered.acquire(timeout=WAIT_SECONDS)

    refused = send_raw(app.test_client(), photo)
    probes = [app.test_client().get(path) for path in ("/livez", "/metrics")]
    slow_model.go_on.set()
    answered = [future.result(WAIT_SECONDS) for future in first]
    after = send_raw(app.test_client(), photo)

    assert (refused.status_code, refused.json["code"]) == (503, "gateway_busy")
    assert refused.json["detail"] == (
        "expected at most 2 requests at once, received one more"
    )
    assert int(refused.headers["Retry-After"]) > 0
    assert [reply.status_code for reply in probes] == [200, 200]
    assert [reply.status_code for reply in answered] == [200, 200]
    assert after.status_code == 200


def test_waiting(client, slow_model, threads, encode_picture):
    """A request below the cap waits for its turn, and then is answered."""
    app = create_app(Settings(models=("tiny",), max_in_flight=8, threads=1), client)
    photo = encode_picture()

    futures = [threads.submit(send_raw, app.test_client(), photo) for _ in range(4)]
    assert slow_model.entered.acquire(timeout=WAIT_SECONDS)
    others_at_work = slow_model.entered.acquire(blocking=False)
    slow_model.go_on.set()

    assert not others_at_work
    assert [future.result(WAIT_SECONDS).status_code for future in futures] == [200] * 4


def test_waiting_ends(client, slow_model, threads, encode_picture):
    """Who waits longer than the model may take is told so, and gives its place back."""
    settings = Settings(
        models=("tiny",), max_in_flight=2, threads=1, model_timeout_seconds=0.05
    )
    app = create_app(settings, client)
    photo = encode_picture()
    first = threads.submit(send_raw, app.test_client(), photo)
    assert slow_model.entered.acquire(timeout=WAIT_SECONDS)

    late = [send_raw(app.test_client(), photo) for _ in range(2)]
    slow_model.go_on.set()
    first.result(WAIT_SECONDS)

    assert [reply.status_code for reply in late] == [503, 503]
    assert "free thread in time" in late[1].json["detail"]


def test_places_come_back(client, encode_picture):
    """Whatever becomes of a request, its place is free again."""
    web = make_web(client, max_in_flight=1, threads=1)
    for failure in (KeyError("a bug"), GatewayBusy("busy"), None):
        client.failure = failure
        send_raw(web, encode_picture())
    web.get("/nowhere")
    web.get("/predict")
    with web.get("/static/page.css") as reply:
        assert reply.status_code == 200

    assert send_raw(web, encode_picture()).status_code == 200


def test_refusal_costs_no_model(client, slow_model, threads, encode_picture):
    """A refused page is a short document: drawing it would cost what is scarce."""
    app = create_app(Settings(models=("tiny",), max_in_flight=1, threads=1), client)
    first = threads.submit(send_raw, app.test_client(), encode_picture())
    assert slow_model.entered.acquire(timeout=WAIT_SECONDS)

    page = app.test_client().get("/")
    slow_model.go_on.set()
    first.result(WAIT_SECONDS)

    assert page.status_code == 503
    assert page.mimetype == "application/problem+json"


def test_order():
    """A place that was refused a desk is not lost, and leave gives both back."""
    admission = Admission(most_in_flight=2, most_at_work=1)
    admission.enter(Deadline.after(WAIT_SECONDS))

    with pytest.raises(GatewayBusy, match="thread"):
        admission.enter(Deadline.after(0))
    admission.leave()
    admission.enter(Deadline.after(0))

    with pytest.raises(GatewayBusy, match="thread"):
        admission.enter(Deadline.after(0))


@pytest.mark.parametrize("said, expected", [("2", 2), ("0.5", 0.5), ("60", 5)])
def test_caller_deadline(client, encode_picture, said, expected):
    """The model's deadline is the caller's, or ours where the caller is patient."""
    remaining = []
    answer = client.predict

    def look(target, batch, deadline):
        remaining.append(deadline.remaining_seconds())
        return answer(target, batch, deadline)

    client.predict = look
    web = make_web(client, model_timeout_seconds=5)

    reply = send_raw(web, encode_picture(), headers={TIMEOUT_HEADER: said})

    assert reply.status_code == 200
    # At least half is left: decoding a small picture takes milliseconds.
    assert expected / 2 < remaining[0] <= expected


def test_caller_deadline_of_a_fetch(client, threads):
    """Sites that are slower than the caller is patient are not waited for."""
    answers = threading.Event()
    settings = Settings(models=("tiny",), fetch_timeout_seconds=WAIT_SECONDS)
    fetch = partial(wait_for, answers)
    web = create_app(settings, client, fetch).test_client()
    body = {"urls": ["https://example.org/a.png", "https://example.org/b.png"]}

    future = threads.submit(
        web.post, "/predict", json=body, headers={TIMEOUT_HEADER: "0.05"}
    )
    reply = future.result(WAIT_SECONDS / 2)
    answers.set()

    # By then no time is left to decode either.
    assert (reply.status_code, reply.json["code"]) == (503, "gateway_busy")
    assert "in time" in reply.json["detail"]


def wait_for(answers, _url):
    """A fetch that ends only when it is told to."""
    assert answers.wait(WAIT_SECONDS)
    return b""


def test_deadline_is_forgotten(client, encode_picture):
    """What the same thread does after a hasty request is as patient as ever."""
    web = make_web(client)
    web.get("/livez", headers={TIMEOUT_HEADER: "0.000001"})

    assert Deadline.after(100).remaining_seconds() > 50
    assert send_raw(web, encode_picture()).status_code == 200


@pytest.mark.parametrize(
    "said", ["0", "-1", "nan", "inf", "soon", "", "1s", "1,5", "9" * 5000]
)
def test_bad_deadline(client, encode_picture, said):
    """What is no number of seconds is a 400 that says the rule."""
    web = make_web(client)

    reply = send_raw(web, encode_picture(), headers={TIMEOUT_HEADER: said})

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")
    assert reply.json["detail"].startswith(
        f"expected seconds above 0 in {TIMEOUT_HEADER}"
    )
    assert len(reply.json["detail"]) < 250
