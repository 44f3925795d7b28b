"""The body of scripts/demo: train if needed, start both servers, classify one photo."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from training.datasets import Photo, Split, load_split
from training.errors import TrainingError

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "demo"
START_SECONDS = 120.0
STOP_SECONDS = 30.0


class DemoFailed(Exception):
    """The demo cannot go on; the message says what to look at."""


@dataclass(frozen=True)
class Ports:
    """Where this run listens: the usual ports, or free ones where those are taken."""

    http: int
    grpc: int
    rest: int


def main() -> int:
    """0 after Ctrl-C or --once, 1 with a sentence when something failed."""
    options = _parse_arguments()
    # A closed terminal, too: nobody else would ever end the servers. nohup still does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        _run(options.data, options.once)
    except (DemoFailed, TrainingError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped")
        return 0
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("data", nargs="?", default="solar-cells")
    parser.add_argument("--once", action="store_true", help="end after one photo")
    return parser.parse_args()


def _run(data: str, is_once: bool) -> None:
    """All of it, in order; servers are stopped on every way out."""
    data = str(Path(data).resolve()) if Path(data).is_dir() else data
    datasets_dir = Path(os.environ.get("DATASETS_DIR", ROOT / "datasets")).resolve()
    split = load_split(data, datasets_dir)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", split.name)
    output = ROOT / "models" / name
    if _is_trained(output, split):
        print(f"demo: reusing {_from_here(output)} (delete the folder to train again)")
    else:
        _train(data, output, datasets_dir)
    ports = Ports(*(_free_port(port) for port in (8080, 8500, 8501)))
    with ExitStack() as servers:
        _start_servers(servers, name, output, ports)
        _show(_choose_photo(split), name, output, ports)
        if not is_once:
            print("\nBoth servers stay up until Ctrl-C.")
            signal.pause()
    print("demo: both servers stopped")


def _is_trained(output: Path, split: Split) -> bool:
    """The newest version was made from these very photos."""
    versions = [path for path in output.glob("*") if path.name.isdecimal()]
    if not versions:
        return False
    newest = max(versions, key=lambda path: int(path.name))
    try:
        contract = json.loads((newest / "assets.extra" / "contract.json").read_bytes())
        return contract["data"]["fingerprint"] == split.fingerprint
    except (OSError, ValueError, LookupError, TypeError):
        return False  # somebody else's folder


def _train(data: str, output: Path, datasets_dir: Path) -> None:
    print(f"demo: training a classifier on {data}")
    command = [sys.executable, "-m", "training", "--data", data, "--output", output]
    environment = {**os.environ, "DATASETS_DIR": str(datasets_dir)}
    done = subprocess.run(command, env=environment, cwd=ROOT, check=False)
    if done.returncode:
        raise DemoFailed("training did not finish; its last lines say why")


def _free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                print(f"demo: port {preferred} is taken; using another one")
                continue
            return probe.getsockname()[1]
    raise DemoFailed("no free port")


def _start_servers(servers: ExitStack, name: str, output: Path, ports: Ports) -> None:
    """Start model server and gateway, stop them with the stack; wait until ready."""
    serving = [
        f"--port={ports.grpc}",
        f"--rest_api_port={ports.rest}",
        f"--model_name={name}",
        f"--model_base_path={output}",
        "--enable_batching=true",
        "--batching_parameters_file=serving/batching.config",
    ]
    gateway = {
        "GATEWAY_PORT": str(ports.http),
        "GATEWAY_MODEL_ADDRESS": f"localhost:{ports.grpc}",
        "GATEWAY_MODELS": name,
    }
    print("demo: starting the model server and the gateway", end="", flush=True)
    running = [
        servers.enter_context(_server("serving", serving, {})),
        servers.enter_context(_server("gateway", [], gateway)),
    ]
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(ports.http):
        for process in running:
            if process.poll() is not None:
                raise DemoFailed(f"a server ended early; see {_from_here(LOGS)}")
        if time.monotonic() > deadline:
            raise DemoFailed(f"not ready in {START_SECONDS:.0f} s")
        print(".", end="", flush=True)
        time.sleep(0.5)
    print(" ready")


@contextmanager
def _server(
    package: str, flags: list[str], settings: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **settings}
    command = [sys.executable, "-m", package, *flags]
    with (LOGS / f"{package}.log").open("wb") as log:
        # A session of its own: Ctrl-C reaches this script, which stops in order.
        with subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _is_ready(port: int) -> bool:
    try:
        reply = urllib3.request(
            "GET", f"http://localhost:{port}/readyz", retries=False, timeout=5.0
        )
    except urllib3.exceptions.HTTPError:
        return False
    return reply.status == 200


def _choose_photo(split: Split) -> Photo:
    """The first test photo of the most frequent class, whatever the answer will be."""
    [(label, _)] = Counter(photo.label for photo in split.test).most_common(1)
    return next(photo for photo in split.test if photo.label == label)


def _from_here(path: Path) -> Path:
    """The path as the reader's own shell takes it, short where that is possible."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path.absolute()


def _write_form(path: Path) -> str:
    """curl's form field; commas and semicolons of a bare name are curl's own."""
    text = str(path)
    if any(sign in text for sign in ',;"\\'):
        text = '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
    return shlex.quote(f"image=@{text}")


def _show(photo: Photo, name: str, output: Path, ports: Ports) -> None:
    """Classify one test photo and print what a reader can repeat and open."""
    address = f"http://localhost:{ports.http}"
    fields = {"image": (photo.path.name, photo.path.read_bytes())}
    reply = urllib3.request("POST", f"{address}/predict", fields=fields, timeout=30.0)
    if reply.status != 200:
        raise DemoFailed(f"the gateway answered {reply.status}: {reply.data.decode()}")
    answer = reply.json()
    version_folder = _from_here(output / str(answer["version"]))
    report = version_folder / "assets.extra" / "report"
    test = json.loads((report / "report.json").read_text(encoding="utf-8"))["test"]
    low, high = test["interval_95"]
    form = _write_form(_from_here(photo.path))
    print(f"\n$ curl -F {form} {address}/predict")
    print(json.dumps(answer, indent=2))
    print(f"\ntrue label     {photo.label}")
    print(
        f"test accuracy  {test['accuracy']:.4f} (95 % interval {low:.4f} to "
        f"{high:.4f}, {test['count']} photos never used for training)"
    )
    print(f"model          {name}, version {answer['version']} in {version_folder}")
    print(f"page           {address}/")
    print(f"report         {report / 'report.html'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
