"""Which rows can be near each other at all: most pairs are ruled out unseen.

Owns the geometry; what a row is a picture of is no concern here.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    places = [other @ axes for other in others]
    cells = [_cut_cells(place, _CELL_ROWS) for place in places]
    boxes = [_boxes(place, cell) for place, cell in zip(places, cells, strict=True)]
    own_places = rows @ axes
    for own in _cut_cells(own_places, block_rows):
        low, high = own_places[own].min(axis=0), own_places[own].max(axis=0)
        found = []
        for cell, (lows, highs) in zip(cells, boxes, strict=True):
            gaps = np.maximum(0, np.maximum(lows - high, low - highs))
            is_near = (gaps**2).sum(axis=1) <= radius**2
            near = [part for part, is_in in zip(cell, is_near, strict=True) if is_in]
            found.append(np.sort(np.concatenate([*near, np.empty(0, np.int64)])))
        yield own, tuple(part.astype(np.int64) for part in found)


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


def _boxes(
    places: NDArray[np.float32], cells: list[NDArray[np.int64]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The lowest and the highest corner of each cell."""
    lows = np.stack([places[cell].min(axis=0) for cell in cells])
    highs = np.stack([places[cell].max(axis=0) for cell in cells])
    return lows, highs
