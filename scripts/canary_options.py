"""The command line of scripts/canary: what may be said, and what is refused."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from canary_judge import FEWEST_PHOTOS, Limits


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command and its options; whatever cannot be meant ends with code 2."""
    parser = argparse.ArgumentParser(
        prog="scripts/canary",
        description="Give a new version a share of the requests, judge it, go on or "
        "back. Exit code 3: it was worse and was aborted.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="load a version and give it a share")
    start.add_argument("version", type=_version)
    start.add_argument("--percent", type=_percent, default=10.0)
    start.add_argument("--sticky", action="store_true", help="by X-Request-ID")
    start.add_argument("--stable", type=_version, help="if no version is labeled yet")
    start.add_argument("--watch", action="store_true", help="judge live requests")
    start.add_argument("--seconds", type=_amount, default=600.0, help="with --watch")
    start.add_argument("--every", type=_amount, default=5.0, help="seconds a round")
    start.add_argument("--promote", action="store_true", help="when the time is over")
    status = commands.add_parser("status", help="what is served, and how it does")
    promote = commands.add_parser("promote", help="make the canary the stable version")
    abort = commands.add_parser("abort", help="go back to the stable version")
    abort.add_argument("--reason", default="a person said so")
    for command in (start, status):
        _add_judging(command)
    for command in (start, status, promote, abort):
        _add_places(command)
    options = parser.parse_args(arguments)
    if bool(options.models_config) != bool(options.canary_file):
        parser.error("expected --models-config and --canary-file, received one of them")
    return options


def _add_judging(command: argparse.ArgumentParser) -> None:
    limits = Limits()
    command.add_argument("--golden", type=Path, help="a folder of class folders")
    command.add_argument(
        "--photos", type=_photos, default=200, help="at most, of --golden"
    )
    command.add_argument(
        "--max-disagreement", type=_amount, default=limits.disagreement, help="0-1"
    )
    command.add_argument("--max-slowdown", type=_amount, default=limits.slowdown)


def _add_places(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", help="if models.config names several")
    command.add_argument("--gateway", default="http://localhost:8080")
    command.add_argument("--patience", type=_amount, default=300.0, help="s for a step")
    command.add_argument("--models-config", type=Path, help="the server's, here")
    command.add_argument("--canary-file", type=Path, help="the gateway's, here")
    command.add_argument("--namespace", default="image-classifier")
    command.add_argument("--context", help="kubectl's")


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a version, received {text!r}")
    return int(text)


def _percent(text: str) -> float:
    if not _amount(text) <= 100:
        raise argparse.ArgumentTypeError(f"expected 0 to 100, received {text!r}")
    return float(text)


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected more than 0, received {text!r}")
    return value


def _photos(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= FEWEST_PHOTOS):
        raise argparse.ArgumentTypeError(
            f"expected at least {FEWEST_PHOTOS}, received {text!r}"
        )
    return int(text)
