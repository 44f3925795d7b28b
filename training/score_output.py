"""Rows become one CSV or Parquet file, through parts that outlive an interruption.

Owns the files beside the output: NAME.run.json says what the rows are of, NAME.parts/
holds those that are done. A file appears whole or not at all: each is written aside and
renamed, so a run that is killed leaves whole rows and goes on behind them.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from training.errors import ScoringRefused
from training.score_files import FORMATS


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What decides whether rows belong together; digests are of SHA-256."""

    model: str
    version: int
    model_digest: str
    photos: int
    photos_digest: str


_IN_WORDS = {
    "model": "another model",
    "version": "another version",
    "model_digest": "other model files",
    "photos": "another number of photos",
    "photos_digest": "another list of photos",
}


class ScoreOutput:
    """The rows of one run, done and to come; made by open_output.

    done is how many rows are on disk.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._format = FORMATS[output.suffix]
        self._pending: list[pa.Table] = []
        chain = self._chain()
        self.done = chain[-1][0] if chain else 0

    @property
    def is_complete(self) -> bool:
        """True once the output itself is there."""
        return self._output.exists()

    def append(self, rows: pa.Table) -> None:
        """Take the next rows; flush brings them to disk."""
        self._pending.append(rows)

    def flush(self) -> None:
        """Write what was taken since the last part, as a part of its own."""
        if not self._pending:
            return
        rows = pa.concat_tables(self._pending)
        end = self.done + len(rows)
        name = f"{self.done:012d}-{end:012d}{self._output.suffix}"
        with _written_aside(_parts_folder(self._output) / name) as aside:
            self._format.write_part(rows, aside, self.done == 0)
        self.done, self._pending = end, []

    def finish(self) -> None:
        """All rows are there: the parts become the output and are gone."""
        self.flush()
        with _written_aside(self._output) as aside:
            self._format.join([path for _, path in self._chain()], aside)
        _drop_parts(self._output)

    def list_errors(self) -> Iterator[tuple[str, str]]:
        """(path, error) of the photos that have no scores, read from the output."""
        return self._format.list_errors(self._output)

    def _chain(self) -> list[tuple[int, Path]]:
        return _chain(_parts_folder(self._output), self._output.suffix)


@contextmanager
def open_output(output: Path, facts: RunFacts, restarts: bool) -> Iterator[ScoreOutput]:
    """The rows of this run so far; nobody else writes them meanwhile.

    Args:
        output: A .csv or .parquet file; its folder is created if missing.
        facts: What the rows are of.
        restarts: Throw away what is there, whatever it is of.

    Raises:
        ScoringRefused: What is there is of other photos or another model, another run
            is writing it, or the disk does not take it.
    """
    facts_file = output.with_name(f"{output.name}.run.json")
    with _disk_told(output):
        _check_foreign(output, facts_file, restarts)
        output.parent.mkdir(parents=True, exist_ok=True)
        file = facts_file.open("a+", encoding="utf-8")
    with file:
        _lock(file, output)
        with _disk_told(output):
            _settle(output, file, facts, restarts)
        yield ScoreOutput(output)


def _check_foreign(output: Path, facts_file: Path, restarts: bool) -> None:
    if output.is_dir():
        raise ScoringRefused(f"expected a file as output, '{output}' is a folder")
    if output.exists() and not facts_file.exists() and not restarts:
        raise ScoringRefused(
            f"'{output}' is there already and not known to be of this run; name "
            "another --output, or replace it with --restart"
        )


def _lock(file: TextIO, output: Path) -> None:
    """The lock ends with the process, however that ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ScoringRefused(f"another run is writing '{output}' now") from error


def _settle(output: Path, file: TextIO, facts: RunFacts, restarts: bool) -> None:
    """Keep rows of the same facts, refuse others; a fresh run writes its facts."""
    chain = _chain(_parts_folder(output), output.suffix)
    if (output.exists() or chain) and not restarts:
        _check_same(output, file, facts)
        _drop_parts(output, keep=() if output.exists() else chain)
        return
    output.unlink(missing_ok=True)
    _drop_parts(output)
    file.truncate(0)
    file.write(json.dumps(asdict(facts), indent=2) + "\n")
    file.flush()


def _drop_parts(output: Path, keep: Sequence[tuple[int, Path]] = ()) -> None:
    """Remove parts but those to keep, half-written ones and those behind a gap too."""
    folder = _parts_folder(output)
    kept = {path for _, path in keep}
    for path in folder.glob("*"):
        if path not in kept:
            path.unlink()
    if folder.exists() and not kept:
        folder.rmdir()


def _check_same(output: Path, file: TextIO, facts: RunFacts) -> None:
    file.seek(0)
    try:
        known = dict(json.load(file))
    except (ValueError, TypeError):
        known = {}
    differing = [
        f"{_IN_WORDS[name]} (there {known.get(name, 'unknown')}, now {value})"
        for name, value in asdict(facts).items()
        if known.get(name) != value
    ]
    if differing:
        raise ScoringRefused(
            f"the rows of '{output}' are of another run: {', '.join(differing)}; name "
            "another --output, or score all photos anew with --restart"
        )


def _parts_folder(output: Path) -> Path:
    return output.with_name(f"{output.name}.parts")


def _chain(folder: Path, suffix: str) -> list[tuple[int, Path]]:
    """(rows up to its end, path) of the parts, from row 0 on without a gap."""
    name = re.compile(rf"(\d+)-(\d+){re.escape(suffix)}")
    found = {}
    for path in sorted(folder.glob(f"*{suffix}")):
        if match := name.fullmatch(path.name):
            found[int(match[1])] = (int(match[2]), path)
    chain, end = [], 0
    while end in found:
        chain.append(found[end])
        end = chain[-1][0]
    return chain


@contextmanager
def _written_aside(path: Path) -> Iterator[Path]:
    aside = path.with_name(f".{path.name}.writing")
    with _disk_told(path):
        path.parent.mkdir(exist_ok=True)
        yield aside
        os.replace(aside, path)


@contextmanager
def _disk_told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScoringRefused(f"could not write '{path}': {error}") from error
