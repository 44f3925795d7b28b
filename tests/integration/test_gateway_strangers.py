"""Photos of strangers share calls of the model; each gets its own answer nevertheless.

A photo's color says what its scores must be, and two models say it of other channels.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from gateway.admission import TIMEOUT_HEADER
from serving.served_model import ModelConfig
from tests.integration.gateway_process import running_gateway
from tests.integration.raw_http import connect, write_post
from tests.integration.tiny_answers import expected_scores, received_scores
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model
from tests.unit.gateway.sending import draw_flat, write_form

CALLERS = 48
REQUESTS = 600
# Far above what one call takes, so that many requests are under way at once.
BATCH_WAIT_MICROSECONDS = 50_000
METRICS = "/metrics"
# What each model calls its classes, and of which channel each is the mean.
MODELS = {"tiny": (LABELS, (0, 1, 2)), "turned": (("cat", "dog", "bird"), (1, 2, 0))}
FORM = {"Content-Type": "multipart/form-data; boundary=cut"}


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """Both models, of one size; calls wait for others, so that the gateway is busy."""
    folder = tmp_path_factory.mktemp("strangers")
    for name, (labels, channels) in MODELS.items():
        contract = tiny_contract(labels, name=name)
        write_tiny_model(folder / name, contract=contract, channels=channels)
    batching = folder / "batching.config"
    batching.write_text(f"""
        max_batch_size {{ value: 128 }}
        batch_timeout_micros {{ value: {BATCH_WAIT_MICROSECONDS} }}
        max_enqueued_batches {{ value: 1000 }}
        """)
    monitoring = folder / "monitoring.config"
    monitoring.write_text(f'prometheus_config {{ enable: true path: "{METRICS}" }}')
    return start_model_server(
        configs=[
            ModelConfig(name=name, base_path=str(folder / name), labels={"stable": 1})
            for name in MODELS
        ],
        enable_batching=True,
        batching_parameters_file=str(batching),
        monitoring_config_file=str(monitoring),
        allow_version_labels_for_unavailable_models=True,
    )


@pytest.fixture(name="gateway", scope="module")
def _gateway(server):
    address = f"localhost:{server.grpc_port}"
    settings = {"model_timeout_seconds": 60, "threads": CALLERS, "max_in_flight": 256}
    with running_gateway(
        model_address=address, models=",".join(MODELS), **settings
    ) as gateway:
        yield gateway


class Strangers:
    """Callers of one gateway; each request has a color of its own."""

    def __init__(self, gateway):
        self.port = gateway.port
        self.answered = []
        self._url = gateway.url
        self._pool = urllib3.PoolManager(retries=False, timeout=60.0, maxsize=CALLERS)

    def visit(self, number):
        """One request of the kind whose turn it is; checked here."""
        kinds = (
            self.ask_one,
            self.ask_version,
            self.ask_several,
            self.ask_one,
            self.send_rubbish,
            self.ask_hurried,
            self.ask_label,
            self.ask_for_nothing,
            self.ask_one,
            self.leave,
        )
        kinds[number % len(kinds)](number)

    def post(self, path, body, headers=None):
        """A request and its answer."""
        return self._pool.request("POST", self._url + path, body=body, headers=headers)

    def ask_one(self, number, query="", headers=None):
        """A photo for one of the models, by turns."""
        model = list(MODELS)[number // 3 % 2]
        headers = {"X-Request-ID": f"r{number}", **(headers or {})}
        path = f"/predict?model={model}{query}"
        reply = self.post(path, draw_flat(color(number)), headers)
        if reply.status == 200:
            self.check(reply, model, [number])
            assert reply.json()["request_id"] == f"r{number}"
        else:
            assert TIMEOUT_HEADER in headers and reply.status in (503, 504), reply.data

    def ask_version(self, number):
        """The same, by number."""
        self.ask_one(number, "&version=1")

    def ask_label(self, number):
        """The same, by label."""
        self.ask_one(number, "&label=stable")

    def ask_hurried(self, number):
        """By somebody who waits for 50 ms and may go away without an answer."""
        self.ask_one(number, headers={TIMEOUT_HEADER: "0.05"})

    def ask_several(self, number):
        """Two photos with one between them that is none."""
        photos = [draw_flat(color(number)), b"rubbish", draw_flat(color(number + 1))]
        reply = self.post("/predict?model=turned", write_form(photos), FORM)
        self.check(reply, "turned", [number, None, number + 1])

    def send_rubbish(self, number):
        """What is no photo harms nobody else."""
        assert self.post("/predict", b"rubbish %d" % number).status == 415

    def ask_for_nothing(self, number):
        """A version that is not there."""
        reply = self.post("/predict?version=9", draw_flat(color(number)))
        assert reply.json()["code"] == "unknown_version"

    def check(self, reply, model, numbers):
        """The answer is of this model and of these photos; None: of what is none."""
        assert reply.status == 200, reply.data
        document = reply.json()
        assert document["model"] == model
        assert len(document["predictions"]) == len(numbers)
        for prediction, number in zip(document["predictions"], numbers):
            if number is None:
                assert prediction["error"]["code"] == "unsupported_image"
            else:
                expected = expect(model, number)
                # float32 through a softmax in another order of additions: six digits.
                received = received_scores(prediction)
                assert received == pytest.approx(expected, rel=1e-6)
        self.answered.append(numbers)

    def leave(self, number):
        """Somebody who does not wait for the answer."""
        with connect(self.port) as connection:
            connection.sendall(write_post("/predict", body=draw_flat(color(number))))


def color(number):
    """Red, green and blue that no other of 200 requests in a row has."""
    return (number % 251, 7 * number % 241, 13 * number % 239)


def expect(model, number):
    """What a model must say of a color: what the first would say of one turned."""
    labels, channels = MODELS[model]
    turned = tuple(color(number)[channel] for channel in channels)
    return expected_scores(draw_flat(turned), labels=labels)


def count_calls(server):
    """Predict calls that the model server has answered well, of both models."""
    url = f"http://localhost:{server.rest_port}{METRICS}"
    text = urllib3.request("GET", url).data.decode()
    counts = re.findall(r'request_count\{[^}]*status="OK"[^}]*\} ([0-9]+)', text)
    return sum(map(int, counts))


def test_strangers(server, gateway):
    """In a crowd of all kinds every photo gets the scores of its own color."""
    strangers = Strangers(gateway)

    with ThreadPoolExecutor(CALLERS) as crowd:
        list(crowd.map(strangers.visit, range(REQUESTS)))

    # Seven of ten must be answered; the hurried may be, and who leaves asks as well.
    assert len(strangers.answered) >= REQUESTS * 6 // 10
    assert count_calls(server) < len(strangers.answered)
    assert not [line for line in gateway.lines if "Traceback" in line]
