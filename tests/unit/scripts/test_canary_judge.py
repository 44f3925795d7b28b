"""When a canary is worse, and when it only looks so."""

from __future__ import annotations

import math

import pytest

from canary_config import CanaryFailed
from canary_gateway import Answer
from canary_judge import Evidence, Golden, Limits, check_golden, find_faults
from canary_statistics import Counts
from canary_watch import draw_table, since

LABELS = frozenset({"a", "b"})
VERSIONS = {"stable": 1, "canary": 2}


def answers(text, seconds=0.01, labels=LABELS):
    """One answer for each letter, its label; None for a dot."""
    return tuple(
        None if letter == "." else Answer(1, letter, labels, seconds) for letter in text
    )


def judge(golden=Golden(), live=None, **limits):
    """What speaks against a canary, the first word of each sentence."""
    faults = find_faults(Evidence(VERSIONS, golden, live or {}), Limits(**limits))
    return [fault.split(":")[0] for fault in faults]


@pytest.mark.parametrize(
    "lost, won, faults",
    [
        (0, 0, []),
        # 1/64 is chance, 1/128 is not.
        (6, 0, []),
        (7, 0, ["accuracy"]),
        # 20 of 30 heads or more: 4.9 %.
        (20, 10, []),
        (0, 20, []),
    ],
)
def test_accuracy(lost, won, faults):
    """Of photos that only one side has right, the canary must not have too few."""
    kept = 60
    truth = "a" * (kept + lost + won)
    stable = "a" * kept + "a" * lost + "b" * won
    canary = "a" * kept + "b" * lost + "a" * won
    golden = Golden(tuple(truth), answers(stable), answers(canary))

    assert judge(golden, disagreement=1) == faults


def test_sabotage():
    """A canary that is wrong about everything is told with its figures."""
    golden = Golden(("a",) * 20, answers("a" * 20), answers("b" * 20))

    faults = find_faults(Evidence(VERSIONS, golden), Limits())

    assert faults == (
        "accuracy: 0 of 20 golden photos right, stable 20; 20 lost and 0 won, by "
        "chance with probability 9.5e-07",
        "disagreement: 20 of 20 golden photos named otherwise than by stable, surely "
        "more than 25%",
    )


@pytest.mark.parametrize(
    # Wilson's lower bound of 35 and 34 of 100 is 0.264 and 0.255, of 33 it is 0.246.
    "count, faults",
    [(33, []), (35, ["disagreement"])],
)
def test_disagreement(count, faults):
    """Photos whose label nobody knows show a canary that names a third anew."""
    canary = "b" * count + "a" * (100 - count)
    golden = Golden((None,) * 100, answers("a" * 100), answers(canary))

    assert judge(golden) == faults


def test_labels():
    """Other classes are a fault whatever they score."""
    other = answers("a", labels=frozenset({"a", "c"}))

    assert judge(Golden(("a",), answers("a"), other)) == ["labels"]


def test_golden_errors():
    """Seven of twenty photos without an answer are no accident; two may be."""
    truth = ("a",) * 20
    # Chance by hand: (20 over 7) / (40 over 7) = 77520 / 18643560 = 0.0042.
    worse = Golden(truth, answers("a" * 20), answers("." * 7 + "a" * 13))
    as_good = Golden(truth, answers("a" * 20), answers("." * 2 + "a" * 18))

    assert judge(worse) == ["errors"]
    assert not judge(as_good)


# By hand, 100 / 1000 * 99 / 999 ...: two of them 0.0099, which many looks would meet by
# accident; three 0.00097.
@pytest.mark.parametrize(
    "failures, faults", [(0, []), (2, []), (3, ["errors"]), (4, ["errors"])]
)
def test_live_errors(failures, faults):
    """Of 100 requests some failed and of 900 none: is it chance, however often seen?"""
    live = {
        "stable": Counts((math.inf,), (900,)),
        "canary": Counts((math.inf,), (100 - failures,), failures),
    }

    assert judge(live=live) == faults


@pytest.mark.parametrize(
    "slow, slowdown, faults",
    [
        # Half of the canary's requests in the next bucket: p95 from 1.9 to 3.8.
        (50, 1.5, ["p95"]),
        (50, 3.0, []),
        # Two of 100 are what stable has as well.
        (2, 1.5, []),
    ],
)
def test_live_p95(slow, slowdown, faults):
    """Slower by the factor, and beyond chance."""
    edges = (1.0, 2.0, 4.0, math.inf)
    live = {
        "stable": Counts(edges, (0, 980, 20, 0)),
        "canary": Counts(edges, (0, 100 - slow, slow, 0)),
    }

    assert judge(live=live, slowdown=slowdown) == faults


def test_slow_by_accident():
    """One slow answer of two is no p95."""
    edges = (1.0, 4.0, math.inf)
    live = {"stable": Counts(edges, (50, 1, 0)), "canary": Counts(edges, (1, 1, 0))}

    assert not judge(live=live)


def test_since():
    """What was there before does not count; a restarted gateway began at nothing."""
    before = {"canary": Counts((1.0, math.inf), (5, 1), 2)}
    now = {"canary": Counts((1.0, math.inf), (9, 1), 3)}

    assert since(now, before) == {"canary": Counts((1.0, math.inf), (4, 0), 1)}
    assert since(before, now) == before
    assert since(now, {}) == now


def test_table():
    """Both versions side by side, with intervals where there are labels."""
    golden = Golden(("a",) * 10, answers("a" * 10), answers("a" * 9 + "b"))

    lines = list(draw_table(Evidence(VERSIONS, golden)))

    assert lines[0].split("  ")[-1] == "canary (version 2)"
    # Wilson's interval of 10 and 9 of 10.
    assert "10 of 10: 1.000 (0.722 to 1.000)" in lines[1]
    assert "9 of 10: 0.900 (0.596 to 0.982)" in lines[1]
    assert lines[2].endswith("1 of 10")


@pytest.mark.parametrize(
    "golden, sentence",
    [
        (
            Golden(("a",) * 9, answers("a" * 9), answers("aaaaaa...")),
            "expected both versions to answer 7 golden photos, they answered 6",
        ),
        (
            Golden(("a", "cats") * 4, answers("a" * 8), answers("a" * 8)),
            "expected golden photos in folders named a, b, received cats",
        ),
    ],
)
def test_photos_that_say_nothing(golden, sentence):
    """Without answers or with other folders than labels no canary could fail."""
    with pytest.raises(CanaryFailed, match=sentence):
        check_golden(golden)


def test_photos_that_say_something():
    """Seven answers are enough, and photos without a class folder need no label."""
    check_golden(Golden((None,) * 7, answers("a" * 7), answers("b" * 7)))
