"""Which rows can be near each other at all: most pairs are ruled out unseen.

Owns the geometry; what a row is a picture of is no concern here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Measured on the 70,000 thumbnails of Fashion-MNIST: a fifth of all pairs remains, and
# the search takes a quarter of the processor time; 16 axes rule out no more.
_AXES = 8
_CELL_ROWS = 64
_SAMPLED_ROWS = 10_000
_SLACK = 1e-3  # for float32's rounding


def near_blocks(
    rows: NDArray[np.float32],
    others: tuple[NDArray[np.float32], ...],
    min_product: float,
    block_rows: int,
) -> Iterator[tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]]:
    """Some of the rows, and of each of the others all that may be near one of them.

    Rows of length 1 with a product of at least min_product lie within a distance of
    sqrt(2 - 2 min_product), in all directions and so along a few main ones: boxes
    further apart than that hold no such pair. Every pair that is near comes up; rows
    of length 0 are near nothing.

    Args:
        rows: float32, shape (n, values), of length 1 or 0.
        others: One or more of the same form.
        min_product: 0-1.
        block_rows: As many rows come at once, at most.

    Yields:
        Indices of rows, each once, and indices of each of others.
    """
    axes = _main_axes(rows)
    radius = float(np.sqrt(2 - 2 * min_product)) + _SLACK
    grids = [_Grid.over(other @ axes) for other in others]
    places = rows @ axes
    for block in _cut_cells(places, block_rows):
        near = [grid.near_box(places[block], radius) for grid in grids]
        yield block.astype(np.int64), tuple(near)


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Places in cells of neighbors; lows and highs are the corners of the cells."""

    cells: list[NDArray[np.int64]]
    lows: NDArray[np.float32]
    highs: NDArray[np.float32]

    @classmethod
    def over(cls, places: NDArray[np.float32]) -> _Grid:
        """The places, shape (n, axes), cut into cells."""
        cells = _cut_cells(places, _CELL_ROWS)
        return cls(
            cells=cells,
            lows=np.stack([places[cell].min(axis=0) for cell in cells]),
            highs=np.stack([places[cell].max(axis=0) for cell in cells]),
        )

    def near_box(self, places: NDArray[np.float32], radius: float) -> NDArray[np.int64]:
        """All in cells that lie within the radius of the box around the places."""
        low, high = places.min(axis=0), places.max(axis=0)
        gaps = np.maximum(0, np.maximum(self.lows - high, low - self.highs))
        numbers = np.flatnonzero((gaps**2).sum(axis=1) <= radius**2)
        near = [self.cells[number] for number in numbers]
        return np.sort(np.concatenate([*near, np.empty(0, np.int64)])).astype(np.int64)


def _main_axes(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The directions in which rows differ most, as columns of length 1."""
    sample = rows[:: -(-len(rows) // _SAMPLED_ROWS)]
    centered = sample - sample.mean(axis=0)
    _, directions = np.linalg.eigh(centered.T @ centered)  # the widest come last
    return directions[:, -_AXES:].astype(np.float32)


def _cut_cells(places: NDArray[np.float32], max_rows: int) -> list[NDArray[np.int64]]:
    """Indices of all places in cells of neighbors: halved where they spread most."""
    cells, waiting = [], [np.arange(len(places))]
    while waiting:
        cell = waiting.pop()
        if len(cell) <= max_rows:
            cells.append(cell)
            continue
        inside = places[cell]
        widest = int(np.argmax(inside.max(axis=0) - inside.min(axis=0)))
        halves = np.argsort(inside[:, widest], kind="stable")
        middle = len(cell) // 2
        waiting += [cell[halves[middle:]], cell[halves[:middle]]]
    return cells
