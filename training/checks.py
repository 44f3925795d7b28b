"""What is wrong with the photos, found before any work is spent on them.

Owns rules about counts and equal files; unreadable ones are found by decoding, and
photos that only look the same by near_duplicates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from training.datasets import Photo, Split
from training.errors import UnfitData
from training.folders import as_text

MIN_PICTURES_PER_CLASS = 5
IMBALANCE_RATIO = 3.0
SMALL_TEST_SPLIT = 100
SMALL_VALIDATION_SPLIT = 50
SMALL_TRAIN_CLASS = 20
LISTED_FILES = 20
_PARTS = ("train", "validation", "test")


def check_split(split: Split) -> tuple[str, ...]:
    """Sentences about what is odd but no reason to stop.

    Raises:
        UnfitData: Fewer than two classes, a class with fewer than
            MIN_PICTURES_PER_CLASS pictures, a part that lacks a class, or a name that
            is no text; the message lists everything that was found.
    """
    problems = _unreadable_names(split) + (_too_few(split) or _missing_classes(split))
    if problems:
        raise UnfitData("\n".join(f"- {problem}" for problem in problems))
    findings = _copies(split) + _imbalance(split) + _small_parts(split)
    return split.left_out + tuple(findings)


def check_folds(split: Split, folds: int) -> None:
    """See that every fold can hold every class.

    Raises:
        UnfitData: A class has fewer different pictures than there are folds.
    """
    digests: dict[str, set[str]] = {label: set() for label in split.labels}
    for photo in split.photos:
        digests[photo.label].add(photo.digest)
    fewest = min(split.labels, key=lambda label: len(digests[label]))
    if len(digests[fewest]) < folds:
        raise UnfitData(
            f"expected as many different pictures of each class as --folds {folds}, "
            f"found {len(digests[fewest])} of '{fewest}'"
        )


def photo_name(photo: Photo) -> str:
    """Class folder and file name, without the machine's own folders; always text."""
    return as_text("/".join(photo.path.parts[-2:]))


def _unreadable_names(split: Split) -> list[str]:
    """Names go into JSON and HTML; a folder's name may be any bytes."""
    names = [name for name in (split.name, *split.labels) if not _is_text(name)]
    return [f"expected folder names in UTF-8, found {ascii(name)}" for name in names]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _too_few(split: Split) -> list[str]:
    if len(split.labels) < 2:
        return [
            f"expected two or more classes (one folder each), found "
            f"{len(split.labels)}: {', '.join(split.labels)}"
        ]
    counts = Counter(photo.label for photo in split.photos)
    return [
        f"expected at least {MIN_PICTURES_PER_CLASS} pictures of '{label}', found "
        f"{counts[label]}"
        for label in split.labels
        if counts[label] < MIN_PICTURES_PER_CLASS
    ]


def _missing_classes(split: Split) -> list[str]:
    problems = []
    for part in _PARTS:
        present = {photo.label for photo in getattr(split, part)}
        missing = [label for label in split.labels if label not in present]
        if missing:
            problems.append(f"the {part} part has no picture of {', '.join(missing)}")
    return problems


def _copies(split: Split) -> list[str]:
    """Equal files in two parts flatter the score; under two labels they confuse it."""
    homes: dict[str, list[tuple[str, Photo]]] = {}
    for part in _PARTS:
        for photo in getattr(split, part):
            homes.setdefault(photo.digest, []).append((part, photo))
    copies = [home for home in homes.values() if len(home) > 1]
    across = [home for home in copies if _differ(part for part, _ in home)]
    torn = [home for home in copies if _differ(photo.label for _, photo in home)]
    inside = [
        home
        for home in copies
        if not _differ((part, photo.label) for part, photo in home)
    ]
    groups = (
        ("files that stand in two parts of the given split", across),
        ("files that stand under two different labels", torn),
        ("files that stand twice in one part", inside),
    )
    return [
        f"{text}: {len(group)}\n{_list_homes(group)}" for text, group in groups if group
    ]


def _differ(values: Iterable[object]) -> bool:
    return len(set(values)) > 1


def _list_homes(homes: list[list[tuple[str, Photo]]]) -> str:
    """One line a file, with all the places where it lies."""
    lines = [
        "- " + " = ".join(f"{part}: {photo_name(photo)}" for part, photo in home)
        for home in homes[:LISTED_FILES]
    ]
    hidden = len(homes) - LISTED_FILES
    return "\n".join(lines + ([f"- and {hidden} more"] if hidden > 0 else []))


def _imbalance(split: Split) -> list[str]:
    ranked = Counter(photo.label for photo in split.train).most_common()
    (most, many), (least, few) = ranked[0], ranked[-1]
    if many < IMBALANCE_RATIO * few:
        return []
    return [f"'{most}' has {many / few:.1f} times the train pictures of '{least}'"]


def _small_parts(split: Split) -> list[str]:
    """What too few photos make uncertain, part by part."""
    findings = []
    if len(split.test) < SMALL_TEST_SPLIT:
        findings.append(
            f"only {len(split.test)} test pictures: read the interval, not the accuracy"
        )
    if len(split.validation) < SMALL_VALIDATION_SPLIT:
        findings.append(
            f"only {len(split.validation)} validation pictures: they decide when "
            "training stops and how sure scores are"
        )
    counts = Counter(photo.label for photo in split.train)
    few = [label for label in split.labels if counts[label] < SMALL_TRAIN_CLASS]
    if few:
        more = f" and {len(few) - 5} more" if len(few) > 5 else ""
        findings.append(
            f"fewer than {SMALL_TRAIN_CLASS} train pictures of "
            f"{', '.join(few[:5])}{more}"
        )
    return findings
