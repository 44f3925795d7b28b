"""When --mixed_precision=bfloat16 is taken, and what is said when it is not."""

from __future__ import annotations

import pytest

from serving.half_precision import computes_in_bfloat16
from serving.session_config import read_session_config
from serving.settings import Settings

ASKED = Settings(mixed_precision="bfloat16")
CPU = "processor\t: 0\nflags\t\t: fpu {flags} sse2\nbugs\t\t: amx_bf16\n\n"


@pytest.fixture(name="write_cpu")
def _write_cpu(tmp_path):
    """A function that writes what Linux tells of two cores with such flags."""

    def write(flags):
        path = tmp_path / "cpuinfo"
        path.write_text(2 * CPU.format(flags=flags), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("flags", ["amx_bf16", "avx512_bf16", "avx512_bf16 amx_bf16"])
def test_taken(write_cpu, flags, caplog):
    """A processor with bfloat16 instructions is used, without a word."""
    assert computes_in_bfloat16(ASKED, write_cpu(flags))
    assert not caplog.messages


@pytest.mark.parametrize("flags", ["", "avx2", "avx512f", "amx_tile", "not_amx_bf16"])
def test_not_taken(write_cpu, flags, caplog):
    """Another one serves in float32, and one warning says why."""
    assert not computes_in_bfloat16(ASKED, write_cpu(flags))

    (message,) = caplog.messages
    assert "event=mixed_precision_off precision=float32" in message
    assert "expected a processor with amx_bf16 or avx512_bf16, found none" in message


def test_no_facts(tmp_path, caplog):
    """A system that does not tell serves in float32 too."""
    assert not computes_in_bfloat16(ASKED, tmp_path / "cpuinfo")
    assert len(caplog.messages) == 1


def test_not_asked(write_cpu, caplog):
    """Without the flag nothing changes, and nothing is said."""
    assert not computes_in_bfloat16(Settings(), write_cpu("amx_bf16"))
    assert not caplog.messages


@pytest.mark.parametrize(
    "settings, is_on",
    [
        (Settings(), False),
        (ASKED, True),
        (Settings(mixed_precision="bfloat16", engine="openvino"), False),
    ],
)
def test_session(settings, is_on):
    """TensorFlow's sessions compute in it where the processor can, unless OpenVINO
    does: what is left to TensorFlow then stays exact."""
    config = read_session_config(settings)

    rewrites = config.graph_options.rewrite_options
    is_possible = computes_in_bfloat16(ASKED)
    found = rewrites.auto_mixed_precision_onednn_bfloat16 == rewrites.ON
    assert found == (is_on and is_possible)
