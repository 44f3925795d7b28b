"""Whether --mixed_precision=bfloat16 is worth it on this machine."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from serving.settings import Settings

logger = logging.getLogger(__name__)

# Processors without these compute bfloat16 by way of float32: slower, and less exact.
_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_CPU_FACTS = Path("/proc/cpuinfo")


def computes_in_bfloat16(settings: Settings, cpu_facts: Path = _CPU_FACTS) -> bool:
    """Whether it was asked for and the processor has instructions for it.

    A machine without them serves in float32 and says so: one manifest may run on nodes
    of several kinds.

    Args:
        settings: Asks for it or not.
        cpu_facts: What Linux tells of the processor; elsewhere there is no such file.
    """
    if settings.mixed_precision != "bfloat16":
        return False
    try:
        text = cpu_facts.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = re.findall(r"^flags\s*:(.*)$", text, re.MULTILINE)
    is_fast = bool(_FLAGS & {flag for line in lines for flag in line.split()})
    if not is_fast:
        logger.warning(
            "event=mixed_precision_off precision=float32 reason=%r",
            f"expected a processor with {' or '.join(sorted(_FLAGS))}, found none",
        )
    return is_fast
