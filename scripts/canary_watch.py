"""Looks at a canary again and again: golden photos once, live requests each round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from canary_config import CANARY, STABLE, CanaryFailed
from canary_gateway import Answer, Gateway
from canary_judge import FEWEST_PHOTOS, Evidence, Golden
from canary_statistics import Counts
from training.evaluate import wilson_interval

PHOTO_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tiff"})


def find_photos(folder: Path, most: int) -> list[tuple[Path, str | None]]:
    """Photos and their labels, spread evenly over the sorted names.

    A folder of class folders tells the labels; one of photos does not.

    Raises:
        CanaryFailed: Fewer photos than could ever show anything.
    """
    found: list[tuple[Path, str | None]] = [
        (path, None if path.parent == folder else path.parent.name)
        for path in sorted([*folder.glob("*"), *folder.glob("*/*")])
        if path.suffix.lower() in PHOTO_ENDINGS and path.is_file()
    ]
    if len(found) < FEWEST_PHOTOS:
        raise CanaryFailed(
            f"expected at least {FEWEST_PHOTOS} golden photos in {folder}, fewer show "
            f"nothing; received {len(found)}"
        )
    count = min(most, len(found))
    return [found[place * len(found) // count] for place in range(count)]


def ask_golden(gateway: Gateway, photos: list[tuple[Path, str | None]]) -> Golden:
    """Both versions about each photo, by turns first, so that neither has it easier."""
    answers: dict[str, list[Answer | None]] = {STABLE: [], CANARY: []}
    for place, (path, _) in enumerate(photos):
        data = path.read_bytes()
        for side in (STABLE, CANARY) if place % 2 else (CANARY, STABLE):
            answers[side].append(gateway.ask(data, side))
    return Golden(
        tuple(label for _, label in photos),
        tuple(answers[STABLE]),
        tuple(answers[CANARY]),
    )


def since(now: Mapping[str, Counts], then: Mapping[str, Counts]) -> dict[str, Counts]:
    """What was counted in between; a gateway that started anew began at nothing."""
    return {side: _since(now[side], then.get(side, Counts())) for side in now}


def _since(now: Counts, then: Counts) -> Counts:
    known = dict(zip(then.edges, then.found))
    found = tuple(
        count - known.get(edge, 0) for edge, count in zip(now.edges, now.found)
    )
    failures = now.failures - then.failures
    if min((*found, failures)) < 0:
        return now
    return Counts(now.edges, found, failures)


def draw_table(evidence: Evidence) -> Iterator[str]:
    """Lines for people: what is known of both versions, side by side."""
    versions, golden = evidence.versions, evidence.golden
    yield _row("", *(f"{side} (version {versions[side]})" for side in (STABLE, CANARY)))
    if golden.known:
        yield _row("golden photos right", *map(_accuracy(golden), (STABLE, CANARY)))
    if both := len(golden.both()):
        yield _row("golden disagreement", "", f"{golden.disagreements} of {both}")
    for what, sides in (("golden", golden.counts()), ("live", evidence.live)):
        pair = [sides.get(side, Counts()) for side in (STABLE, CANARY)]
        if any(counts.requests for counts in pair):
            yield _row(f"{what} requests", *(str(counts.requests) for counts in pair))
            yield _row(f"{what} errors", *(str(counts.failures) for counts in pair))
            yield _row(f"{what} p95, model", *map(_milliseconds, pair))


def _accuracy(golden: Golden) -> Callable[[str], str]:
    def tell(side: str) -> str:
        right = golden.right(side)
        low, high = wilson_interval(right, golden.known)
        share = right / golden.known
        return f"{right} of {golden.known}: {share:.3f} ({low:.3f} to {high:.3f})"

    return tell


def _milliseconds(counts: Counts) -> str:
    seconds = counts.p95_seconds
    return "-" if seconds is None else f"{1000 * seconds:.1f} ms"


def _row(name: str, *cells: str) -> str:
    return f"{name:22}" + "".join(f"{cell:36}" for cell in cells).rstrip()
