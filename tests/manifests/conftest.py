"""Each manifest test runs on every overlay, as it is and with all that may be added."""

from __future__ import annotations

import pytest

from tests.manifests.rendered import OVERLAYS, Objects, choices, overlay_components
from tests.manifests.stand_ins import copied_checkout, script_runner

__all__ = ["copied_checkout", "script_runner"]

VARIANTS = [(overlay, added) for overlay in OVERLAYS for added in ("alone", "all")]


@pytest.fixture(name="objects", params=VARIANTS, ids="-".join)
def rendered_objects(request):
    """The objects of one variant."""
    overlay, added = request.param
    if added == "alone":
        return Objects(overlay)
    return Objects(overlay, frozenset(overlay_components(overlay) | choices(overlay)))


@pytest.fixture(name="full", params=OVERLAYS)
def full_objects(request):
    """The objects of an overlay with all that may be added."""
    overlay = request.param
    return Objects(overlay, frozenset(overlay_components(overlay) | choices(overlay)))
