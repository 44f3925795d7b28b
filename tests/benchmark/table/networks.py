"""The networks as every system wants them, exported once and kept below .benchmark/.

prepare is made for a process of its own (own_process.py): TensorFlow is imported there.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark.peers.environments import ROOT

NAMES = ("mobilenetv2-160", "efficientnet-lite0-224", "xception-299")
# What the files depend on.
_SOURCES = (
    "gateway/contract.py",
    "tests/benchmark/exported_models.py",
    *(
        f"training/{name}.py"
        for name in ("efficientnet_lite", "export", "fold", "model", "other_formats")
    ),
)


@dataclass(frozen=True)
class Network:
    """Files of one network; its pictures are squares of that side."""

    name: str
    folder: Path

    @property
    def side(self):
        """In pixels; the name ends with it."""
        return int(self.name.rpartition("-")[2])

    @property
    def base_path(self):
        """What a model server is told; the version folder is below."""
        return self.folder / "model"

    @property
    def version(self):
        """The SavedModel."""
        return self.base_path / "1"

    @property
    def keras_file(self):
        """The same network and weights, nothing folded or frozen."""
        return self.folder / "classifier.keras"

    @property
    def openvino_file(self):
        """The same for OpenVINO."""
        return self.folder / "openvino" / "model.xml"


def find_network(name):
    """Where the network lies, or will; elsewhere when the code that exports changed."""
    digest = hashlib.sha256()
    for source in _SOURCES:
        digest.update((ROOT / source).read_bytes())
    folder = ROOT / ".benchmark" / "networks" / f"{name}-{digest.hexdigest()[:12]}"
    return Network(name, folder)


def prepare(network):
    """Export what is not there yet; written aside, then renamed."""
    if network.folder.is_dir():
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # pylint: disable=import-outside-toplevel  # it takes seconds, and memory
    from gateway.contract import read_contract
    from tests.benchmark.exported_models import build_classifier, export_network
    from training.other_formats import write_format

    aside = Network(
        network.name, network.folder.with_name(f"{network.name}-unfinished")
    )
    shutil.rmtree(aside.folder, ignore_errors=True)
    for old in network.folder.parent.glob(f"{network.name}-*"):
        shutil.rmtree(old)
    export_network(network.name, aside.base_path)
    build_classifier(network.name).keras_model().save(aside.keras_file)
    aside.openvino_file.parent.mkdir()
    contract_file = aside.version / "assets.extra" / "contract.json"
    contract = read_contract(contract_file.read_text(encoding="utf-8"))
    write_format(aside.version, contract, "openvino", aside.openvino_file.parent)
    aside.folder.rename(network.folder)
