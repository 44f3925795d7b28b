"""A part takes the same share of every kind."""

import pytest

from training.strata import take_share


@pytest.mark.parametrize(
    "sizes, fraction, expected",
    [
        ([8, 4], 0.25, [2, 1]),
        # 1.5, 0.75 and 0.75 of 12: three in all, the two left over to the last two.
        ([6, 3, 3], 0.25, [1, 1, 1]),
        # 2.5 and 2.5 of 10: five in all, and the first of equals gives one more.
        ([5, 5], 0.5, [3, 2]),
        # A tenth of three is less than one, and one is the least.
        ([1, 2], 0.1, [0, 1]),
        ([20], 0.15, [3]),
    ],
)
def test_shares(sizes, fraction, expected):
    """Shares add up to that of all, and none is a whole photo off its own."""
    kinds = [
        [f"{kind}-{number}" for number in range(size)]
        for kind, size in enumerate(sizes)
    ]

    taken = take_share(kinds, fraction)

    assert taken == [
        f"{kind}-{number}"
        for kind, count in enumerate(expected)
        for number in range(count)
    ]
