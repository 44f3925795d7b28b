"""What the gateway can be told from outside; read once, from a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from gateway.reach import Reach

PREFIX = "GATEWAY_"
LOG_FORMATS = ("keyvalue", "json")
# Of gRPC's names for targets those that are no host's.
_GRPC_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:")
_HOST_AND_PORT = re.compile(
    r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.%]+\]):(?P<port>[0-9]{1,5})"
)
# What a setting says when nobody asked for its room.
OFF = "off"


class SettingsError(ValueError):
    """One or more settings cannot be used; the message lists all of them."""


def _number(kind: type, low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise ValueError(f"expected a number from {low} to {high}")
        return value

    return read


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("expected some text")
    return text.strip()


def _address(text: str) -> str:
    """host:port, or what gRPC itself takes as a target."""
    address = text.strip()
    match = _HOST_AND_PORT.fullmatch(address)
    is_place = match is not None and 0 < int(match["port"]) <= 65535
    if not is_place and not address.startswith(_GRPC_SCHEMES):
        raise ValueError("expected host:port of the model server's gRPC API")
    return address


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text.strip().lower()

    return read


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise ValueError("expected different names, separated by commas")
    return names


def _reach(text: str) -> str:
    Reach.from_text(text)
    return text.strip().lower()


def _rate_limit(text: str) -> str:
    """Read as flask-limiter reads it: 60/minute, or several joined by ';'."""
    # pylint: disable-next=import-outside-toplevel  # most gateways limit nobody
    from limits import parse_many

    if text.strip().lower() == OFF:
        return OFF
    try:
        limits = parse_many(text)
    except ValueError:
        limits = []
    if not limits or not all(limit.amount for limit in limits):
        raise ValueError("expected a rate such as 60/minute, or off")
    return text.strip()


_MEGABYTE = 1024 * 1024
_READERS: Mapping[str, Callable[[str], Any]] = {
    "host": _text,
    "port": _number(int, 0, 65535),
    "workers": _number(int, 1, 64),
    "threads": _number(int, 1, 256),
    "max_in_flight": _number(int, 1, 900),
    "model_address": _address,
    "models": _names,
    "model_timeout_seconds": _number(float, 0.05, 600),
    "max_image_bytes": _number(int, 1, 256 * _MEGABYTE),
    "max_image_pixels": _number(int, 1, 1_000_000_000),
    # serving/batching.config refuses a call of more than 128.
    "max_images": _number(int, 1, 128),
    "max_body_bytes": _number(int, 1, 1024 * _MEGABYTE),
    "url_fetch": _reach,
    "fetch_timeout_seconds": _number(float, 0.05, 600),
    "log_level": _choice("debug", "info", "warning", "error"),
    "log_format": _choice(*LOG_FORMATS),
    "api_keys_file": _text,
    "rate_limit": _rate_limit,
    "trusted_proxies": _number(int, 0, 10),
    "prediction_log": _text,
    "keep_photos": _text,
    "reports_dir": _text,
    "canary_file": _text,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the gateway can be told from outside. Defaults suit a laptop.

    Deadlines shrink inward: ingress 15 s > fetch 4 s + model 5 s + decoding.
    """

    host: str = "0.0.0.0"
    port: int = 8080
    workers: int = 1
    threads: int = 16
    max_in_flight: int = 64
    model_address: str = "localhost:8500"
    models: tuple[str, ...] = ("default",)
    model_timeout_seconds: float = 5.0
    max_image_bytes: int = 10 * _MEGABYTE
    max_image_pixels: int = 50_000_000
    max_images: int = 32
    max_body_bytes: int = 32 * _MEGABYTE
    url_fetch: str = "public"
    fetch_timeout_seconds: float = 4.0
    log_level: str = "info"
    log_format: str = "keyvalue"
    api_keys_file: str = OFF
    rate_limit: str = OFF
    trusted_proxies: int = 0
    prediction_log: str = OFF
    keep_photos: str = OFF
    reports_dir: str = OFF
    canary_file: str = OFF

    @property
    def default_model(self) -> str:
        """The model that answers when a caller names none: the first."""
        return self.models[0]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read GATEWAY_* names; other names are left alone.

        Raises:
            SettingsError: Lists every bad value, one a line.
        """
        values: dict[str, Any] = {}
        problems = []
        for field in fields(cls):
            text = environ.get(variable_name(field))
            if text is None:
                continue
            try:
                values[field.name] = _READERS[field.name](text)
            except ValueError as error:
                problems.append(_describe(variable_name(field), text, error))
        keeps_photos = values.get("keep_photos", OFF) != OFF
        if keeps_photos and values.get("prediction_log", OFF) == OFF:
            problems.append(
                f"{PREFIX}KEEP_PHOTOS: expected {PREFIX}PREDICTION_LOG beside it, "
                "received none"
            )
        if problems:
            raise SettingsError("\n".join(problems))
        return cls(**values)


def variable_name(field: Field[Any]) -> str:
    """The environment variable of one setting."""
    return PREFIX + field.name.upper()


def _describe(name: str, text: str, error: ValueError) -> str:
    problem = f"{name}: {error}, received {text!r}"
    if text.startswith("tcp://"):
        # Kubernetes writes NAME_PORT for every Service of the namespace.
        problem += " (a Kubernetes service link: set enableServiceLinks: false)"
    return problem
