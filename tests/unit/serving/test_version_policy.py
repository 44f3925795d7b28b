"""Which folders are versions, and which versions are wanted."""

from __future__ import annotations

import pytest

from serving.version_policy import VersionPolicy, list_version_folders


@pytest.mark.parametrize(
    "policy, present, wanted",
    [
        (VersionPolicy(), {1, 2, 10}, {10}),
        (VersionPolicy(latest=2), {1, 2, 10}, {2, 10}),
        (VersionPolicy(latest=5), {1, 2}, {1, 2}),
        (VersionPolicy(latest=0), {1, 2}, {2}),
        (VersionPolicy(latest=None), {1, 2, 10}, {1, 2, 10}),
        (VersionPolicy(specific=frozenset({2, 3})), {1, 2}, {2}),
        (VersionPolicy(specific=frozenset()), {1, 2}, set()),
        (VersionPolicy(), set(), set()),
    ],
)
def test_select(policy, present, wanted):
    """A policy picks the wanted versions out of those that exist."""
    assert policy.select(present) == wanted


def test_version_names(tmp_path):
    """Only names that are whole int64 numbers count; zeros in front are allowed."""
    for name in ("1", "00000123", "5.tmp", "a", "-3", "9223372036854775808", "٣"):
        (tmp_path / name).mkdir()

    found = list_version_folders(str(tmp_path))

    assert found == {
        1: tmp_path / "1",
        123: tmp_path / "00000123",
        -3: tmp_path / "-3",
    }
    assert list_version_folders(f"file://{tmp_path}") == found


def test_twin_names(tmp_path):
    """Of two names for one number the last in sorted order wins."""
    for name in ("7", "007"):
        (tmp_path / name).mkdir()

    assert list_version_folders(str(tmp_path)) == {7: tmp_path / "7"}


def test_missing_base_path(tmp_path):
    """A base path that is not there is an error, not an empty list."""
    with pytest.raises(OSError):
        list_version_folders(str(tmp_path / "missing"))


@pytest.mark.parametrize("base_path", ["gs://bucket/models", "s3://m", "models"])
def test_remote_base_path(base_path):
    """What is on no disk of this machine is told, not looked for in the folder here."""
    with pytest.raises(OSError, match=f"expected a path or file://, .*{base_path}"):
        list_version_folders(base_path)
