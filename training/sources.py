"""Named data sets: where each one's photos come from.

Owns names and downloads, not how photos are split. TensorFlow and kagglehub are
imported only by the download that needs them: reading a folder stays quick.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.errors import UnknownData

SOLAR_CELLS = "solar-cells"
SOLAR_CELLS_WEIGHTED = "solar-cells-weighted"
FASHION_MNIST = "fashion-mnist"
_KAGGLE = {
    "pizza-not-pizza": "carlosrunner/pizza-not-pizza",
    "pizza-vs-ice-cream": "hemendrasr/pizza-vs-ice-cream",
}
_CATS_VS_DOGS_URL = (
    "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
)
# Keras' own copy. Source of the MD5 sums: README of zalandoresearch/fashion-mnist.
_FASHION_MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_FASHION_MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


@dataclass(frozen=True)
class ListedPhoto:
    """A picture that a data set names, and its label.

    weight says how much it counts, above 0; kind is what a label's photos are told
    apart by when they are split, since each part gets its share of every kind.
    """

    path: Path
    label: str
    weight: float = 1.0
    kind: str = ""


def find_source(name: str, datasets_dir: Path) -> Path:
    """The folder of a named data set: a ready copy, an installed package, a download.

    Raises:
        UnknownData: No data set of that name, or its source could not be reached.
    """
    ready = datasets_dir / name
    if name and os.path.isdir(ready):
        return ready
    if name in (SOLAR_CELLS, SOLAR_CELLS_WEIGHTED):
        return _solar_cells_folder()
    if name in _KAGGLE:
        return _download(name, lambda: _from_kaggle(_KAGGLE[name]))
    if name == "cats-vs-dogs":
        return _download(name, lambda: _from_keras(_CATS_VS_DOGS_URL))
    if name == FASHION_MNIST:
        return _download(name, _fashion_mnist_from_keras)
    named = {SOLAR_CELLS, SOLAR_CELLS_WEIGHTED, FASHION_MNIST, "cats-vs-dogs", *_KAGGLE}
    known = ", ".join(sorted(named))
    raise UnknownData(f"expected a folder or one of {known}; received '{name}'")


def read_solar_cells(folder: Path, is_weighted: bool = False) -> list[ListedPhoto]:
    """Each cell's picture with one of two labels.

    The experts' defect probability is 0, 1/3, 2/3 or 1. A cell is defective from 0.5
    on, and all weigh and are split alike. Weighted, as in the paper: a cell of which
    they were not sure counts as defective and weighs as much as its probability; the
    kinds, mono- or polycrystalline by probability, are split evenly.
    Source: Deitsch et al. 2019, "Automatic classification of defective photovoltaic
    module cells in electroluminescence images"; labels.csv of the elpv data set.
    """
    rows = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()
    listing = []
    for row in rows:
        name, told, crystal = row.split()
        probability = float(told)
        if not is_weighted:
            label = "defective" if probability >= 0.5 else "functional"
            listing.append(ListedPhoto(folder / name, label))
            continue
        label = "defective" if probability else "functional"
        kind = f"{crystal} {probability:.2f}"
        listing.append(ListedPhoto(folder / name, label, probability or 1.0, kind))
    return listing


def _solar_cells_folder() -> Path:
    spec = importlib.util.find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise UnknownData(
            "the solar-cells photos come with the package elpv-dataset: install it"
        )
    return Path(spec.origin).parent / "data"


def _download(name: str, fetch: Callable[[], Path]) -> Path:
    try:
        return _below_wrappers(fetch())
    # keras.utils.get_file raises a plain Exception when an address cannot be reached.
    except Exception as error:  # pylint: disable=broad-exception-caught
        raise UnknownData(
            f"'{name}' could not be downloaded; put a copy into a folder of that name "
            f"and name its parent in DATASETS_DIR ({error})"
        ) from error


def _from_kaggle(handle: str) -> Path:
    import kagglehub  # pylint: disable=import-outside-toplevel

    return Path(kagglehub.dataset_download(handle))


def _from_keras(url: str) -> Path:
    import keras  # pylint: disable=import-outside-toplevel

    return Path(keras.utils.get_file(origin=url, extract=True))


def _fashion_mnist_from_keras() -> Path:
    """The folder that keras.datasets.fashion_mnist keeps its four files in."""
    import keras  # pylint: disable=import-outside-toplevel

    files = [
        keras.utils.get_file(
            name,
            origin=f"{_FASHION_MNIST_URL}/{name}",
            cache_subdir="datasets/fashion-mnist",
            md5_hash=md5,
        )
        for name, md5 in _FASHION_MNIST_MD5.items()
    ]
    return Path(files[0]).parent


def _below_wrappers(folder: Path) -> Path:
    """Archives wrap their folders: go down while there is nothing but one folder."""
    while True:
        folders = [path for path in folder.iterdir() if path.is_dir()]
        if len(folders) != 1:
            return folder
        folder = folders[0]
