"""tensorflow_model_server's command line: text to Settings.

Owns the syntax; the flags themselves are the fields of Settings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Annotated, get_args, get_type_hints

from serving.settings import WITHOUT_EFFECT, Settings

_TRUE, _FALSE = ("true", "1"), ("false", "0")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_INT64 = range(-(2**63), 2**63)
_TYPE_NAMES = {bool: "bool", int: "int", float: "float", str: "string"}
Value = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What was said: the settings, and the words that are no flag of ours."""

    settings: Settings
    unknown: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The flags that were given and change nothing, sorted."""
        return tuple(sorted(self.named & WITHOUT_EFFECT))


class UnreadableFlag(ValueError):
    """A flag's value is not of its type, which the text says, or help is wanted, where
    there is none: show the usage."""


def read_flags(arguments: Sequence[str]) -> CommandLine:
    """Read `--flag=value`, `--flag` for a bool; the last of two wins.

    Raises:
        UnreadableFlag: A value does not parse, or --help is among the words.
    """
    kinds = {name: get_args(hint)[0] for name, hint in _hints().items()}
    values: dict[str, Value] = {}
    unknown = []
    for word in arguments:
        if word == "--help":
            raise UnreadableFlag
        name, has_value, text = word.removeprefix("--").partition("=")
        kind = kinds.get(name) if word.startswith("--") else None
        if kind is None or (not has_value and kind is not bool):
            unknown.append(word)
        else:
            values[name] = _parse(name, kind, text if has_value else "true")
    return CommandLine(
        settings=Settings(**values),
        unknown=tuple(unknown),
        named=frozenset(values),
    )


def _hints() -> dict[str, type[Annotated]]:
    return get_type_hints(Settings, include_extras=True)


def _parse(name: str, kind: type[Value], text: str) -> Value:
    if kind is str:
        return text
    if kind is bool and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    if kind is int and _WHOLE_NUMBER.fullmatch(text) and int(text) in _INT64:
        return int(text)
    if kind is float:
        try:
            return float(text)
        except ValueError:
            pass
    raise UnreadableFlag(f"--{name} expected {_TYPE_NAMES[kind]}, received {text!r}")


def describe_usage(program: str) -> str:
    """The usage text: one line per flag with default, type and meaning."""
    hints = _hints()
    lines = [f"usage: {program}", "Flags:"]
    for flag in fields(Settings):
        kind, text = get_args(hints[flag.name])
        default = str(flag.default).lower() if kind is bool else flag.default
        note = " (accepted, no effect here)" if flag.name in WITHOUT_EFFECT else ""
        shown = f"--{flag.name}={default}"
        lines.append(f"\t{shown:<48}\t{_TYPE_NAMES[kind]}\t{text}{note}")
    return "\n".join(lines)


def describe_version() -> str:
    """The two lines of --version, from the installed packages."""
    return (
        f"TensorFlow ModelServer: {version('tensorflow-serving-api')}\n"
        f"TensorFlow Library: {version('tensorflow')}"
    )
