"""The body of scripts/demo: train if needed, start both servers, classify one photo."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import urllib3

from demo_servers import (
    ROOT,
    STOP_SECONDS,
    DemoFailed,
    Ports,
    check_running,
    free_port,
    from_here,
    start_servers,
)
from training.datasets import Photo, Split, load_split
from training.errors import TrainingError


def main() -> int:
    """0 after Ctrl-C or --once, 1 with a sentence when something failed."""
    options = _parse_arguments(sys.argv[1:])
    # A closed terminal, too: nobody else would ever end the servers. nohup still does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        _run(*options)
    except (DemoFailed, TrainingError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped")
        return 0
    return 0


def _parse_arguments(arguments: list[str]) -> tuple[str, bool, list[str]]:
    """(data, whether to end after one photo, arguments for training)."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Train on photos, start the model server and the gateway, "
        "classify one photo. Other options, such as --skip-unreadable, go to training.",
    )
    parser.add_argument(
        "data",
        nargs="?",
        default="solar-cells",
        help="a folder with one folder of photos per class, or a named data set "
        "(default: solar-cells)",
    )
    parser.add_argument("--once", action="store_true", help="end after one photo")
    options, rest = parser.parse_known_args(arguments)
    return options.data, options.once, rest


def _run(data: str, is_once: bool, training_options: list[str]) -> None:
    """All of it, in order; servers are stopped on every way out."""
    data = str(Path(data).resolve()) if Path(data).is_dir() else data
    datasets_dir = Path(os.environ.get("DATASETS_DIR", ROOT / "datasets")).resolve()
    split = load_split(data, datasets_dir)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", split.name)
    output = ROOT / "models" / name
    if _is_trained(output, split):
        print(f"demo: reusing {from_here(output)} (delete the folder to train again)")
    else:
        options = ["--data", data, "--output", str(output), *training_options]
        _train(options, datasets_dir)
    ports = Ports(*(free_port(port) for port in (8080, 8500, 8501)))
    with ExitStack() as servers:
        running = start_servers(servers, name, output, ports)
        _show(_choose_photo(split), name, output, ports)
        if not is_once:
            print("\nBoth servers stay up until Ctrl-C.", flush=True)
            while True:
                check_running(running)
                time.sleep(1.0)
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


def _train(options: list[str], datasets_dir: Path) -> None:
    print("demo: training a classifier", flush=True)
    command = [sys.executable, "-m", "training", *options]
    environment = {**os.environ, "DATASETS_DIR": str(datasets_dir)}
    # A session of its own: it hears of Ctrl-C once, from here, and has time to tidy up.
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, start_new_session=True
    ) as training:
        try:
            code = training.wait()
        except KeyboardInterrupt:
            training.send_signal(signal.SIGINT)
            training.wait(STOP_SECONDS)
            raise
    if code:
        raise DemoFailed("training did not finish; its last lines say why")


def _choose_photo(split: Split) -> Photo:
    """The first test photo of the most frequent class, whatever the answer will be."""
    [(label, _)] = Counter(photo.label for photo in split.test).most_common(1)
    return next(photo for photo in split.test if photo.label == label)


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
    version_folder = from_here(output / str(answer["version"]))
    report = version_folder / "assets.extra" / "report"
    test = json.loads((report / "report.json").read_text(encoding="utf-8"))["test"]
    low, high = test["interval_95"]
    form = _write_form(from_here(photo.path))
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
