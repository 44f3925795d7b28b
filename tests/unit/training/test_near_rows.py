"""Rows that are near are found, and most that are not are never looked at."""

import numpy as np
import pytest

from training.near_rows import near_blocks


def draw_rows(count, seed, spread=0.4):
    """Rows of length 1 around twenty directions, and two rows of zeros."""
    chance = np.random.default_rng(seed)
    centers = np.random.default_rng(7).normal(size=(20, 32))
    rows = centers[chance.integers(20, size=count)]
    rows = rows + spread * chance.normal(size=rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[:2] = 0
    return rows.astype(np.float32)


@pytest.mark.parametrize("min_product", [0.0, 0.8, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("block_rows", [1, 7, 1000])
def test_nothing_is_missed(min_product, block_rows):
    """Every pair that reaches the product stands in a block; each row stands in one."""
    rows, others = draw_rows(300, seed=1), draw_rows(200, seed=2)
    others[5] = rows[5]
    expected = np.argwhere(rows @ others.T >= max(min_product, 1e-6))

    blocks = list(near_blocks(rows, (others,), min_product, block_rows))

    seen = np.zeros((300, 200), bool)
    for own, (near,) in blocks:
        assert len(own) <= block_rows
        seen[np.ix_(own, near)] = True
    assert np.array_equal(
        np.sort(np.concatenate([own for own, _ in blocks])), range(300)
    )
    assert seen[expected[:, 0], expected[:, 1]].all()


def test_most_is_ruled_out():
    """Of rows that lie in clusters, few pairs are compared at a high product."""
    rows = draw_rows(4000, seed=3, spread=0.1)

    blocks = near_blocks(rows, (rows, rows), 0.98, 64)

    compared = sum(len(own) * len(part) for own, near in blocks for part in near)
    assert compared < 0.2 * 2 * 4000**2


def test_equal_rows():
    """Rows that are all the same are all near, whatever the size of a block."""
    rows = np.full((50, 4), 0.5, np.float32)

    blocks = list(near_blocks(rows, (rows,), 0.99, 8))

    assert all(len(near) == 50 for _, (near,) in blocks)
