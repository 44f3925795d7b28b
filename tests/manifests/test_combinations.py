"""Every combination of components renders, and leaves nothing dangling.

All subsets of what may be added to an overlay; and all subsets of what the overlays
come with, alone and with everything added. All subsets of everything would be a
thousand renders more and take a minute and a half.
"""

from __future__ import annotations

from itertools import chain, combinations

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


def subsets(names):
    """Every set of these names, the empty one too."""
    names = sorted(names)
    sizes = range(len(names) + 1)
    return map(frozenset, chain.from_iterable(combinations(names, n) for n in sizes))


def every_list(overlay):
    """The lists of components that this file tries for an overlay."""
    listed, added = overlay_components(overlay), choices(overlay)
    fixed = listed & NOT_A_CHOICE
    for chosen in subsets(added):
        yield frozenset(listed | chosen)
    for kept in subsets(listed - fixed):
        yield frozenset(kept | fixed)
        yield frozenset(kept | fixed | added)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_combinations(overlay):
    """What is named exists, whatever is left out or added."""
    lists = set(every_list(overlay))

    assert len(lists) >= 30
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
