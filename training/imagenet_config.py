"""Every knob of an export of ImageNet's classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ImagenetConfig:
    """One export; side is the picture's in pixels, None for the network's own."""

    output: Path
    datasets_dir: Path
    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    side: int | None = None
    labels_file: Path | None = None
