"""Combinations of components render, and leave nothing dangling.

Every pair of what may be added to an overlay, one alone, none and all; and all of them
with any part of the overlay's own left out. Components meet in pairs: one patches what
another brings. All subsets of all would be 600 renders and minutes.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.manifests import test_references, test_schema
from tests.manifests.rendered import (
    NOT_A_CHOICE,
    OVERLAYS,
    Objects,
    choices,
    overlay_components,
)

CHECKS = (
    test_references.test_claims,
    test_references.test_config_maps_are_used,
    test_references.test_deployment_selectors,
    test_references.test_services,
    test_schema.test_names_are_unique,
)


def every_list(overlay):
    """The lists of components that this file tries for an overlay."""
    listed, added = overlay_components(overlay), choices(overlay)
    fixed = listed & NOT_A_CHOICE
    for count in (0, 1, 2, len(added)):
        for chosen in combinations(sorted(added), count):
            yield frozenset(listed.union(chosen))
    for left_out in listed - fixed:
        yield frozenset(listed - {left_out} | added)
    yield from (frozenset(fixed), frozenset(fixed | added))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_combinations(overlay):
    """What is named exists, whatever is left out or added."""
    lists = set(every_list(overlay))

    assert len(lists) > 15
    for components in lists:
        objects = Objects(overlay, components)
        for check in CHECKS:
            check(objects)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_variants_are_the_overlays(overlay):
    """The overlay's own list, rendered as a combination, gives the overlay."""
    listed = frozenset(overlay_components(overlay))

    assert Objects(overlay, listed).all == Objects(overlay).all


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_lists_are_sorted(overlay):
    """Components stand by the alphabet: canary before those that patch it."""
    text = Objects(overlay).components_as_listed()

    assert text == sorted(text)
