"""Which model should answer, and which one did; knows neither HTTP nor gRPC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.contract import Contract
from gateway.errors import UnknownModel


@dataclass(frozen=True)
class Target:
    """Which model should answer: a version by number or by label, or the latest."""

    model: str
    version: int | None = None
    label: str | None = None


@dataclass(frozen=True)
class ServedModel:
    """One version of a model, what it says about itself, and if it can explain."""

    name: str
    version: int
    contract: Contract
    can_explain: bool = False

    @property
    def target(self) -> Target:
        """This very version."""
        return Target(self.name, self.version)


@dataclass(frozen=True)
class Reply:
    """Scores, float32 of shape (n, classes), and the version that gave them."""

    version: int
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class ExplainedReply:
    """A reply with float32 heatmaps of shape (n, rows, columns), 0-1, one a picture."""

    reply: Reply
    heatmaps: NDArray[np.float32]


def choose_target(
    name: str | None,
    models: Sequence[str],
    version: int | None = None,
    label: str | None = None,
) -> Target:
    """The model a caller named, or the first of those served; and its version.

    Raises:
        UnknownModel: The gateway serves no model of that name.
    """
    if name and name not in models:
        raise UnknownModel(
            f"expected one of {', '.join(models)}, received {name[:100]}"
        )
    return Target(name or models[0], version, label)
