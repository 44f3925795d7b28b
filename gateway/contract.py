"""The contract: what a model says about itself; read, checked and written here only.

Owns the JSON, not how it travels.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

SCHEMA_VERSION = 1
PREDICT_SIGNATURE = "serving_default"
EXPLAIN_SIGNATURE = "explain"
CONTRACT_SIGNATURE = "contract"
CONTRACT_OUTPUT = "contract"


class InvalidContract(ValueError):
    """The text is not a contract this code can follow; the message says why."""


@dataclass(frozen=True, kw_only=True)
class ImageContract:
    """The pixels a model takes: uint8 RGB 0-255, (height, width), one resize rule."""

    height: int
    width: int
    resize: str

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width


@dataclass(frozen=True, kw_only=True)
class TensorNames:
    """The names set at export; nobody else writes them down."""

    images: str = "images"
    scores: str = "scores"
    heatmap: str = "heatmap"


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Which photos a model learned from and was judged on."""

    name: str
    fingerprint: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Accuracy on the held-out test split, with its 95 % Wilson interval; all 0-1."""

    test_accuracy: float
    interval_low: float
    interval_high: float


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything a caller must know of one model version; labels in score order.

    data and evaluation are None for weights that were taken as they were published:
    nothing was learned or judged here.
    """

    model: str
    task: str
    labels: tuple[str, ...]
    image: ImageContract
    tensors: TensorNames
    data: DataFacts | None
    evaluation: Evaluation | None
    backbone: str
    code_revision: str
    library_versions: dict[str, str]
    created_at: str
    threshold: float | None = None
    temperature: float | None = None
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The text that travels in the model; read_contract takes it back."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


_PARTS = {
    "image": ImageContract,
    "tensors": TensorNames,
    "data": DataFacts,
    "evaluation": Evaluation,
}
_MAY_BE_NULL = ("data", "evaluation")


def read_contract(text: str | bytes) -> Contract:
    """Parse and check one contract.

    Raises:
        InvalidContract: Not JSON, another schema version, a field missing or of the
            wrong kind, or labels that are not at least two different names.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidContract(f"expected a JSON contract: {error}") from error
    if not isinstance(document, dict):
        raise InvalidContract("expected a JSON object as contract")
    if document.get("schema_version") != SCHEMA_VERSION:
        raise InvalidContract(
            f"expected contract schema version {SCHEMA_VERSION}, "
            f"received {document.get('schema_version')!r}"
        )
    parts = {name: _read_part(kind, document, name) for name, kind in _PARTS.items()}
    contract = _build(Contract, {**document, **parts}, "contract")
    return _checked(contract)


def _read_part(kind: type, document: dict[str, Any], name: str) -> object:
    part = document.get(name)
    if part is None and name in document and name in _MAY_BE_NULL:
        return None
    if not isinstance(part, dict):
        raise InvalidContract(f"expected an object as '{name}', received {part!r}")
    return _build(kind, part, name)


def _build(kind: type, values: dict[str, Any], name: str) -> Any:
    """Fields we do not know are left out: a newer writer may say more."""
    known = {field.name for field in fields(kind)}
    try:
        return kind(**{key: value for key, value in values.items() if key in known})
    except TypeError as error:
        raise InvalidContract(f"'{name}' in the contract: {error}") from error


def _checked(contract: Contract) -> Contract:
    """The contract with its labels as a tuple, once its numbers and names hold."""
    labels = contract.labels
    if not isinstance(labels, list) or not all(
        isinstance(name, str) for name in labels
    ):
        raise InvalidContract(
            f"expected a list of names as labels, received {labels!r}"
        )
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise InvalidContract(f"expected two or more different labels: {labels!r}")
    image = contract.image
    if not all(isinstance(side, int) and side > 0 for side in image.size):
        raise InvalidContract(f"expected a positive image size, received {image.size}")
    return Contract(**{**vars(contract), "labels": tuple(labels)})
