"""The same share of every kind: how many of each go into a part."""

from __future__ import annotations

import math


def take_share(kinds: list[list[str]], fraction: float) -> list[str]:
    """The first of each kind, together that fraction (0-1) of all, one at the least.

    Where rounding down leaves some over, the kinds with the largest remainders give
    one more each.
    """
    total = max(1, round(fraction * sum(map(len, kinds))))
    shares = [fraction * len(kind) for kind in kinds]
    counts = [math.floor(share) for share in shares]
    order = sorted(range(len(kinds)), key=lambda index: counts[index] - shares[index])
    for index in order[: total - sum(counts)]:
        counts[index] += 1
    return [
        name for kind, count in zip(kinds, counts, strict=True) for name in kind[:count]
    ]
