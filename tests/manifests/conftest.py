"""Each manifest test runs once per overlay that exists."""

from __future__ import annotations

import pytest

from tests.manifests.rendered import OVERLAYS, Objects


@pytest.fixture(name="objects", params=OVERLAYS)
def rendered_objects(request):
    """The objects of one overlay."""
    return Objects(request.param)
