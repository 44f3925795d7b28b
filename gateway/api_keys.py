"""The API keys of a file: who has which; compared in constant time; knows no Flask."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from gateway.file_stamp import read_stamp

SHORTEST_KEY = 16
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})[ \t]+(?P<key>[!-~]{1,512})")
logger = logging.getLogger(__name__)


class KeysFileError(ValueError):
    """The file of keys cannot be used; the message never holds a key."""


@dataclass(frozen=True)
class _Key:
    """A caller's name and the SHA-256 of its key: the key itself is not kept."""

    name: str
    digest: bytes


class KeyRing:
    """The keys of a file; read again when the file is another one."""

    def __init__(self, path: Path) -> None:
        """Raises KeysFileError if the file cannot be used."""
        self._path = path
        self._keys = read_keys(path)
        self._seen = read_stamp(path)

    def find(self, key: str) -> str | None:
        """The name of the caller whose key this is.

        Every known key is compared, so that the time tells nothing of which one fits.
        """
        self._follow_file()
        digest = _digest(key)
        name = None
        for known in self._keys:
            if hmac.compare_digest(known.digest, digest):
                name = known.name
        return name

    def _follow_file(self) -> None:
        """A mounted Secret changes under us; a broken file leaves what was known."""
        stamp = read_stamp(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._keys = read_keys(self._path)
        except KeysFileError as error:
            logger.error("the old API keys stay: %s", error)


def read_keys(path: Path) -> tuple[_Key, ...]:
    """The keys of a file of lines NAME KEY; blank lines and # comments are skipped.

    Raises:
        KeysFileError: Unreadable, without keys, a bad line, or a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeysFileError(
            f"expected a file of API keys at {path}: {error}"
        ) from error
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            keys.append(_read_line(line.strip(), f"{path}, line {number}"))
    if not keys:
        raise KeysFileError(f"{path}: expected lines NAME KEY, received none")
    if len({key.digest for key in keys}) != len(keys):
        raise KeysFileError(f"{path}: expected different keys, received one twice")
    return tuple(keys)


def _read_line(line: str, place: str) -> _Key:
    match = _LINE.fullmatch(line)
    if match is None:
        raise KeysFileError(f"{place}: expected NAME KEY, plain characters, one blank")
    if len(match["key"]) < SHORTEST_KEY:
        raise KeysFileError(f"{place}: expected a key of {SHORTEST_KEY} characters")
    return _Key(match["name"], _digest(match["key"]))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
