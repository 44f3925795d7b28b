"""Is the canary worse than the stable version? The rules, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from canary_config import CANARY, STABLE, CanaryFailed
from canary_gateway import Answer
from canary_statistics import Counts, chance_of_losses, chance_of_more
from training.evaluate import wilson_interval

# The golden photos are judged once.
ONE_LOOK = 0.01
# Live requests are judged again and again: each look is another chance to err.
MANY_LOOKS = 0.001
# With fewer, even a canary that is wrong about each would pass: 0.5^7 < 0.01 < 0.5^6.
FEWEST_PHOTOS = 7


@dataclass(frozen=True)
class Limits:
    """What is too much although it is no accident.

    disagreement is a share of the golden photos, 0-1; slowdown is p95 / stable's p95.
    """

    disagreement: float = 0.25
    slowdown: float = 1.5


@dataclass(frozen=True)
class Golden:
    """What both versions say of the same photos, in one order; None: no answer.

    truth holds the right labels, None where nobody knows.
    """

    truth: tuple[str | None, ...] = ()
    stable: tuple[Answer | None, ...] = ()
    canary: tuple[Answer | None, ...] = ()

    def right(self, side: str) -> int:
        """How many photos one side names right."""
        return sum(
            answer is not None and answer.label == truth
            for truth, answer in zip(self.truth, getattr(self, side))
            if truth is not None
        )

    @property
    def known(self) -> int:
        """Photos whose right label is known."""
        return sum(truth is not None for truth in self.truth)

    def both(self) -> list[tuple[Answer, Answer]]:
        """Stable's and the canary's answer to each photo that both answered."""
        pairs = zip(self.stable, self.canary)
        return [(one, other) for one, other in pairs if one and other]

    @property
    def disagreements(self) -> int:
        """Photos that the two name differently."""
        return sum(one.label != other.label for one, other in self.both())

    def counts(self) -> dict[str, Counts]:
        """By side, answers and failures."""
        return {
            side: Counts.from_seconds(
                [answer.seconds for answer in answers if answer],
                answers.count(None),
            )
            for side, answers in ((STABLE, self.stable), (CANARY, self.canary))
        }


@dataclass(frozen=True)
class Evidence:
    """All that is known of the two versions; live by side."""

    versions: Mapping[str, int]
    golden: Golden = field(default_factory=Golden)
    live: Mapping[str, Counts] = field(default_factory=dict)


def check_golden(golden: Golden) -> None:
    """Make sure that photos against which nothing speaks could have said something.

    Raises:
        CanaryFailed: Too few were answered, or their folders are no labels.
    """
    both = golden.both()
    if len(both) < FEWEST_PHOTOS:
        raise CanaryFailed(
            f"expected both versions to answer {FEWEST_PHOTOS} golden photos, they "
            f"answered {len(both)}"
        )
    labels = both[0][0].labels
    unknown = {name for name in golden.truth if name is not None} - labels
    if unknown:
        raise CanaryFailed(
            f"expected golden photos in folders named {_names(labels)}, received "
            f"{_names(frozenset(unknown))}"
        )


def find_faults(evidence: Evidence, limits: Limits) -> tuple[str, ...]:
    """Why the canary is worse, one sentence each; none if nothing speaks against it."""
    golden = evidence.golden
    return (
        *_label_faults(golden),
        *_accuracy_faults(golden),
        *_disagreement_faults(golden, limits),
        *_service_faults("golden photos", golden.counts(), limits, ONE_LOOK),
        *_service_faults("live requests", evidence.live, limits, MANY_LOOKS),
    )


def _label_faults(golden: Golden) -> Iterator[str]:
    for stable, canary in golden.both()[:1]:
        if stable.labels != canary.labels:
            yield (
                f"labels: expected {_names(stable.labels)}, the canary knows "
                f"{_names(canary.labels)}"
            )


def _accuracy_faults(golden: Golden) -> Iterator[str]:
    """On the same photos: of those that only one side has right, who has more?"""
    lost = won = 0
    for truth, stable, canary in zip(golden.truth, golden.stable, golden.canary):
        if truth is not None and stable and canary:
            is_right = (stable.label == truth, canary.label == truth)
            lost += is_right == (True, False)
            won += is_right == (False, True)
    chance = chance_of_losses(lost, won)
    if chance < ONE_LOOK:
        yield (
            f"accuracy: {golden.right(CANARY)} of {golden.known} golden photos right, "
            f"stable {golden.right(STABLE)}; {lost} lost and {won} won, by chance with "
            f"probability {chance:.1e}"
        )


def _disagreement_faults(golden: Golden, limits: Limits) -> Iterator[str]:
    count = len(golden.both())
    if not count:
        return
    low, _ = wilson_interval(golden.disagreements, count)
    if low > limits.disagreement:
        yield (
            f"disagreement: {golden.disagreements} of {count} golden photos named "
            f"otherwise than by stable, surely more than {limits.disagreement:.0%}"
        )


def _service_faults(
    what: str, sides: Mapping[str, Counts], limits: Limits, alpha: float
) -> Iterator[str]:
    """Errors and p95 of requests that met both sides at the same time."""
    stable, canary = sides.get(STABLE, Counts()), sides.get(CANARY, Counts())
    chance = chance_of_more(
        canary.failures, canary.requests, stable.failures, stable.requests
    )
    if chance < alpha:
        yield (
            f"errors: {canary.failures} of {canary.requests} {what}, stable "
            f"{stable.failures} of {stable.requests}, by chance with probability "
            f"{chance:.1e}"
        )
    slow, usual = canary.p95_seconds, stable.p95_seconds
    if slow is None or usual is None or slow <= usual * limits.slowdown:
        return
    edge = stable.edge_above(usual)
    chance = chance_of_more(
        canary.slower_than(edge),
        canary.answers,
        stable.slower_than(edge),
        stable.answers,
    )
    if chance < alpha:
        yield (
            f"p95: {1000 * slow:.1f} ms of {canary.answers} {what}, stable "
            f"{1000 * usual:.1f} ms, more than {limits.slowdown:g} times as long, by "
            f"chance with probability {chance:.1e}"
        )


def _names(labels: frozenset[str]) -> str:
    return ", ".join(sorted(labels)[:10])
