"""The two file formats of scores: CSV and Parquet.

Owns bytes on disk, not when they are written. Either way the joined file depends on
the rows alone, not on how they were cut into parts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

ROW_GROUP = 65_536
_ERROR_COLUMNS = ["path", "error"]


@dataclass(frozen=True)
class ScoreFormat:
    """How rows lie on disk.

    write_part(rows, path, is_first) writes some rows, join(parts, path) puts parts
    together, list_errors(path) gives (path, error) of the rows that have one.
    """

    write_part: Callable[[pa.Table, Path, bool], None]
    join: Callable[[Sequence[Path], Path], None]
    list_errors: Callable[[Path], Iterator[tuple[str, str]]]


def _write_csv_part(rows: pa.Table, path: Path, is_first: bool) -> None:
    """Only the first has a header: parts after each other are the file so far.

    Arrow writes the shortest digits that give the same float32 back.
    """
    csv.write_csv(rows, path, csv.WriteOptions(include_header=is_first))


def _join_csv(parts: Sequence[Path], path: Path) -> None:
    with path.open("wb") as joined:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, joined)


def _list_csv_errors(path: Path) -> Iterator[tuple[str, str]]:
    reader = csv.open_csv(
        path,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            include_columns=_ERROR_COLUMNS,
            column_types={name: pa.string() for name in _ERROR_COLUMNS},
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        ),
    )
    with reader:
        for batch in reader:
            yield from _errors_in(batch)


def _write_parquet_part(rows: pa.Table, path: Path, _is_first: bool) -> None:
    pq.write_table(rows, path)


def _join_parquet(parts: Sequence[Path], path: Path) -> None:
    pending = pq.read_table(parts[0], partitioning=None)
    with pq.ParquetWriter(path, pending.schema) as writer:
        for part in parts[1:]:
            rows = pq.read_table(part, partitioning=None)
            pending = pa.concat_tables([pending, rows])
            while len(pending) > ROW_GROUP:
                writer.write_table(pending.slice(0, ROW_GROUP).combine_chunks())
                pending = pending.slice(ROW_GROUP)
        writer.write_table(pending.combine_chunks(), row_group_size=ROW_GROUP)


def _list_parquet_errors(path: Path) -> Iterator[tuple[str, str]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=_ERROR_COLUMNS):
            yield from _errors_in(batch)


def _errors_in(batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    for path, error in zip(batch["path"].to_pylist(), batch["error"].to_pylist()):
        if error is not None:
            yield path, error


FORMATS = {
    ".csv": ScoreFormat(_write_csv_part, _join_csv, _list_csv_errors),
    ".parquet": ScoreFormat(_write_parquet_part, _join_parquet, _list_parquet_errors),
}
