"""The body of scripts/check-images: an overlay's images, each run as its pod does.

Exit codes: 0 every check held; 1 one did not, the message says which; 2 a bad command
line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import check_podman as podman
from check_podman import Running
from check_requests import (
    HalfSent,
    answers_while,
    check_answers,
    check_probes,
    classify,
    is_answered,
    wait_until_away,
    wait_until_started,
)
from check_workloads import CheckFailed, Workload, read_workloads

ROOT = Path(__file__).resolve().parent.parent
# What the README promises of an image without TensorFlow.
GATEWAY_BYTES_LIMIT = 250_000_000
_MEGABYTE = 1_000_000


def main() -> int:
    """Check what the command line names; return the exit code."""
    options = parse_arguments(sys.argv[1:])
    try:
        _run(options)
    except CheckFailed as error:
        print(f"check-images: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The overlay, the photo and the options."""
    parser = argparse.ArgumentParser(
        prog="scripts/check-images",
        description="Run built images as an overlay's pods.",
    )
    parser.add_argument("overlay", choices=("kind", "embedded"))
    parser.add_argument("photo", type=Path)
    parser.add_argument(
        "--stand-in",
        metavar="IMAGE",
        help="our model server's image, in place of TensorFlow Serving's",
    )
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    photo = read_photo(options.photo)
    workloads = read_workloads(_render(options.overlay))
    if options.stand_in:
        workloads = tuple(_stand_in(found, options.stand_in) for found in workloads)
    for workload in workloads:
        check_size(workload.name, podman.size_of(workload.container["image"]))
    podman.remove(workloads)
    try:
        _check_pods(workloads, photo)
    finally:
        podman.remove(workloads)


def read_photo(path: Path) -> bytes:
    """The bytes of the photo.

    Raises:
        CheckFailed: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckFailed(f"expected a photo at {path}: {error.strerror}") from error


def check_size(name: str, size_bytes: int) -> None:
    """Print what an image weighs.

    Raises:
        CheckFailed: It is the gateway's and too heavy.
    """
    print(f"{name}: image of {size_bytes / _MEGABYTE:,.0f} MB")
    if name == "gateway" and size_bytes >= GATEWAY_BYTES_LIMIT:
        raise CheckFailed(
            f"gateway: expected less than {GATEWAY_BYTES_LIMIT / _MEGABYTE:.0f} MB, "
            f"received {size_bytes / _MEGABYTE:.1f}"
        )


def _stand_in(workload: Workload, image: str) -> Workload:
    if workload.is_ours:
        return workload
    print(f"{workload.name}: {image} stands in for {workload.container['image']}")
    return workload.with_our_server(image)


def _render(overlay: str) -> str:
    command = ["kubectl", "kustomize", str(ROOT / "kube-config" / "overlays" / overlay)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CheckFailed(
            "kubectl is missing; see https://kubernetes.io/docs/tasks/tools"
        ) from error
    if done.returncode:
        raise CheckFailed(f"kubectl: {done.stderr.strip()}")
    return done.stdout


def _check_pods(workloads: Sequence[Workload], photo: bytes) -> None:
    """Start all, ask a photo, stop the gateway, start it again, stop the server."""
    pods: dict[str, Running] = {}
    for workload in workloads:
        pods[workload.name] = _start(workload, pods)
    gateway, server = pods["gateway"], pods["model-server"]
    print(f"photo: {classify(_predict(gateway), photo)}")
    for running in pods.values():
        podman.check_confined(running)
        podman.run_pre_stop(running)
        print(f"{running.workload.name}: probes answered, confined, nothing written")
    _stop_gateway(gateway, photo)
    podman.remove([gateway.workload])
    gateway = _start(gateway.workload, {"model-server": server})
    _stop_server(server, _predict(gateway), photo)


def _predict(gateway: Running) -> str:
    return f"http://{gateway.authority('http')}/predict"


def _start(workload: Workload, pods: dict[str, Running]) -> Running:
    begun = time.monotonic()
    addresses = {name: running.address for name, running in pods.items()}
    running = podman.play(workload, addresses)
    wait_until_started(running)
    print(f"{workload.name}: started in {time.monotonic() - begun:.1f} s")
    check_probes(running)
    return running


def _stop_gateway(gateway: Running, photo: bytes) -> None:
    """An upload that is half sent at SIGTERM is answered, and nobody new comes in."""
    upload = HalfSent(gateway.authority("http"), photo)
    # Connections are taken in their order: after this answer the upload has begun.
    is_answered(gateway, "livenessProbe")
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(podman.stop, gateway)
        wait_until_away(gateway)
        status = upload.finish()
        seconds, code = stopping.result()
    if status != HTTPStatus.OK or code:
        raise CheckFailed(
            f"gateway: expected the upload under way to get 200 and exit code 0, "
            f"received {status} and {code}"
        )
    print(
        f"gateway: stopped {seconds:.1f} s after SIGTERM, the upload under way got 200"
    )


def _stop_server(server: Running, url: str, photo: bytes) -> None:
    """What the model server has taken in at SIGTERM is answered; later comes 503."""
    (seconds, code), stopped_at, answers = answers_while(
        lambda: podman.stop(server), url, photo
    )
    if not server.workload.is_ours:
        print(f"model-server: stopped {seconds:.1f} s after SIGTERM, without a drain")
        return
    finished = check_answers(answers, stopped_at)
    refused = sum(answer.status != HTTPStatus.OK for answer in answers)
    if code:
        raise CheckFailed(f"model-server: expected exit code 0, received {code}")
    print(
        f"model-server: stopped {seconds:.1f} s after SIGTERM, "
        f"{finished} requests under way got 200, {refused} later ones 503"
    )


if __name__ == "__main__":
    sys.exit(main())
