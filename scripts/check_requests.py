"""What a running pod is asked from outside: probes, photos, photos while it ends."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import grpc
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc

from check_podman import Running
from check_workloads import CheckFailed

# The kubelet's default.
_PROBE_SECONDS = 1
_TIMEOUT_SECONDS = 60.0
_LOOK_SECONDS = 0.05
# Enough that some are in the model server whenever it is told to stop.
_CALLERS = 4
_PICTURES = 8


@dataclass(frozen=True)
class Answer:
    """One request under load: when it began and ended, and what came."""

    begun: float
    ended: float
    status: int
    may_retry: bool


def wait_until_started(running: Running) -> None:
    """Ask the startup probe as often as the kubelet would.

    Raises:
        CheckFailed: It never answered.
    """
    probe = running.workload.container["startupProbe"]
    for _ in range(probe["failureThreshold"]):
        if is_answered(running, "startupProbe"):
            return
        time.sleep(probe["periodSeconds"])
    raise CheckFailed(f"{running.workload.name}: expected it to start, it did not")


def check_probes(running: Running) -> None:
    """Each probe of the manifest is answered.

    Raises:
        CheckFailed: One is not; the message names it.
    """
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        # A gateway that was not ready may wait a moment for the model server.
        if not _comes_true(lambda probe=name: is_answered(running, probe)):
            raise CheckFailed(f"{running.workload.name}: {name} is not answered")


def is_answered(running: Running, name: str) -> bool:
    """Ask one probe once, from outside as the kubelet does."""
    probe = running.workload.container[name]
    seconds = probe.get("timeoutSeconds", _PROBE_SECONDS)
    if "grpc" in probe:
        return _is_serving(running, probe["grpc"], seconds)
    authority = running.authority(probe["httpGet"]["port"])
    url = f"http://{authority}{probe['httpGet']['path']}"
    try:
        reply = urllib3.request("GET", url, retries=False, timeout=seconds)
    except urllib3.exceptions.HTTPError:
        return False
    # Source: the Kubernetes documentation of HTTP probes.
    return HTTPStatus.OK <= reply.status < HTTPStatus.BAD_REQUEST


def _is_serving(running: Running, probe: Mapping[str, Any], seconds: float) -> bool:
    question = health_pb2.HealthCheckRequest(service=probe.get("service", ""))
    target = running.authority(probe["port"])
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(question, timeout=seconds)
        except grpc.RpcError:
            return False
    return reply.status == health_pb2.HealthCheckResponse.SERVING


def classify(url: str, photo: bytes) -> str:
    """The label and version that a photo gets.

    Raises:
        CheckFailed: Another answer came.
    """
    reply = _post(url, photo, 1)
    if reply.status != HTTPStatus.OK:
        raise CheckFailed(f"expected a prediction, received {reply.data.decode()}")
    body = reply.json()
    (best,) = body["predictions"]
    return f"{best['label']} {best['score']:.3f} by version {body['version']}"


class HalfSent:
    """An upload of which the second half waits for finish()."""

    def __init__(self, authority: str, photo: bytes) -> None:
        """authority: host:port of a gateway."""
        self._connection = http.client.HTTPConnection(
            authority, timeout=_TIMEOUT_SECONDS
        )
        self._rest = photo[len(photo) // 2 :]
        self._connection.putrequest("POST", "/predict")
        self._connection.putheader("Content-Type", "application/octet-stream")
        self._connection.putheader("Content-Length", str(len(photo)))
        self._connection.endheaders(photo[: len(photo) // 2])

    def finish(self) -> int:
        """Send the rest; return the status of the answer, 0 if none came."""
        try:
            self._connection.send(self._rest)
            return self._connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            self._connection.close()


def wait_until_away(running: Running) -> None:
    """Return once nobody new is answered any more.

    Raises:
        CheckFailed: Somebody still is after a minute.
    """
    if not _comes_true(lambda: not is_answered(running, "livenessProbe")):
        raise CheckFailed(f"{running.workload.name}: expected it to take nobody in")


def answers_while(
    stop: Callable[[], tuple[float, int]], url: str, photo: bytes
) -> tuple[tuple[float, int], float, Sequence[Answer]]:
    """Keep sending photos while something is stopped.

    Returns:
        What stop() returned, when it was called, and every answer.
    """
    answers: list[Answer] = []
    is_over = threading.Event()

    def call() -> None:
        while not is_over.is_set():
            begun = time.monotonic()
            reply = _post(url, photo, _PICTURES)
            ended = time.monotonic()
            may_retry = "Retry-After" in reply.headers
            answers.append(Answer(begun, ended, reply.status, may_retry))

    with ThreadPoolExecutor(_CALLERS) as pool:
        callers = [pool.submit(call) for _ in range(_CALLERS)]
        try:
            _comes_true(lambda: len(answers) >= _CALLERS)
            stopped_at = time.monotonic()
            result = stop()
        finally:
            is_over.set()
    for caller in callers:
        caller.result()
    return result, stopped_at, answers


def check_answers(answers: Sequence[Answer], stopped_at: float) -> int:
    """How many requests under way at the stop got their prediction.

    Raises:
        CheckFailed: None did, or one got neither a prediction nor 503 with Retry-After.
    """
    for answer in answers:
        is_clean = answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.may_retry
        if answer.status != HTTPStatus.OK and not is_clean:
            raise CheckFailed(
                f"expected 200, or 503 with Retry-After, received {answer.status}"
            )
    finished = [
        answer
        for answer in answers
        if answer.status == HTTPStatus.OK and answer.begun < stopped_at < answer.ended
    ]
    if not finished:
        raise CheckFailed("expected requests under way to be answered, none was")
    return len(finished)


def _post(url: str, photo: bytes, pictures: int) -> urllib3.BaseHTTPResponse:
    fields = [("image", ("photo", photo, "application/octet-stream"))] * pictures
    try:
        return urllib3.request(
            "POST", url, fields=fields, retries=False, timeout=_TIMEOUT_SECONDS
        )
    except urllib3.exceptions.HTTPError as error:
        raise CheckFailed(f"expected an answer of {url}: {error}") from error


def _comes_true(is_true: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + _TIMEOUT_SECONDS
    while not is_true():
        if time.monotonic() > ends_at:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
