"""Take an exported model to another runtime: python -m training.convert.

Exit codes: 0 when the converted model was written and answers as the exported one, 1
with a sentence when not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.program import run_program

if TYPE_CHECKING:
    from training.conversion import Conversion

FORMATS = ("onnx", "openvino")
_HALF_PRECISION = (
    "Half precision: on a CPU with bfloat16 OpenVINO computes in it unless told "
    "otherwise (INFERENCE_PRECISION_HINT=f32); what that changes is measured and "
    "printed. The SavedModel itself stays float32. TensorFlow Serving and the embedded "
    "server (python -m serving) compute in bfloat16 with --mixed_precision=bfloat16; "
    "the embedded server runs the SavedModel by OpenVINO with --engine=openvino."
)


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """One conversion; photos are files and folders to compare scores on."""

    model: Path
    format: str
    output: Path
    photos: list[str]


def parse_arguments(arguments: list[str]) -> ConvertConfig:
    """One conversion's configuration; a wrong argument ends with the usage."""
    parser = argparse.ArgumentParser(
        prog="python -m training.convert",
        description="Write an exported model as ONNX or for OpenVINO, with its "
        "contract beside it, and compare its scores with the SavedModel's.",
        epilog=_HALF_PRECISION,
    )
    add = parser.add_argument
    add(
        "photos",
        nargs="*",
        metavar="PHOTOS",
        help="picture files and folders of them to compare scores on; without any it "
        "is done on noise alone",
    )
    add(
        "--model",
        required=True,
        type=Path,
        metavar="models/NAME[/VERSION]",
        help="what training exported; without a version the highest",
    )
    add("--to", required=True, choices=FORMATS, dest="format", help="the format")
    add(
        "--output",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="a new folder: model.onnx, or model.xml and model.bin; contract.json; "
        "conversion.json, which says what was compared",
    )
    return ConvertConfig(**vars(parser.parse_args(arguments)))


def main() -> int:
    """Convert once and say how close it is."""
    config = parse_arguments(sys.argv[1:])
    return run_program("convert", lambda: _convert(config), "nothing was written")


def _convert(config: ConvertConfig) -> None:
    # pylint: disable-next=import-outside-toplevel
    from training.conversion import convert_model

    _tell(convert_model(config.model, config.format, config.output, config.photos))


def _tell(conversion: Conversion) -> None:
    exact, own = conversion.in_float32, conversion.as_it_comes
    print(f"model  {conversion.model_file}")
    print(
        f"scores differ by at most {exact.difference:.1e} from the SavedModel's "
        f"({exact.noise} pictures of noise, {exact.photos} photos)"
    )
    print(
        f"as OpenVINO computes on this machine unless told otherwise ({own.precision}):"
        f" by at most {own.difference:.1e}, with another best label on "
        f"{own.other_labels} of {own.photos} photos"
    )


if __name__ == "__main__":
    sys.exit(main())
