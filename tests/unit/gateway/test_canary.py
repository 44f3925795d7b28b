"""The file of canaries: what it may say, whom it takes, and how it is followed."""

from __future__ import annotations

import json
import os

import pytest

from gateway.canary import (
    LOOK_SECONDS,
    Canary,
    CanaryFile,
    CanaryFileError,
    read_canaries,
)

REQUEST_IDS = [f"request-{number}" for number in range(10_000)]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "canary.json"


def write(path, document):
    """Replace the file as scripts/canary does: another inode, in one step."""
    text = document if isinstance(document, str) else json.dumps(document)
    aside = path.with_suffix(".aside")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


def follow(path, clock, document):
    """The file's next word, one look later."""
    write(path, document)
    clock.now += LOOK_SECONDS


def taken(canary):
    """The ids that a canary gets."""
    return {text for text in REQUEST_IDS if canary.takes(text)}


@pytest.mark.parametrize("is_sticky", [False, True])
def test_share(is_sticky):
    """A tenth of 10,000 requests is a tenth, within chance."""
    canary = Canary(percent=10, sticky=is_sticky)

    count = len(taken(canary))

    # Binomial: 1000 and a standard deviation of sqrt(10000 * 0.1 * 0.9) = 30; six of
    # them are passed once in a billion runs.
    assert 1000 - 180 <= count <= 1000 + 180


@pytest.mark.parametrize("is_sticky", [False, True])
@pytest.mark.parametrize("percent, count", [(0, 0), (100, len(REQUEST_IDS))])
def test_none_and_all(percent, count, is_sticky):
    """Nothing is nobody and a hundred percent is everybody, without exception."""
    assert len(taken(Canary(percent=percent, sticky=is_sticky))) == count


def test_sticky():
    """The same ids are chosen again, and a larger share keeps those of a smaller."""
    small = taken(Canary(percent=10, sticky=True))

    assert taken(Canary(percent=10, sticky=True)) == small
    assert small < taken(Canary(percent=50, sticky=True))


def test_not_sticky():
    """One caller that always sends one id is on both sides in turn."""
    canary = Canary(percent=50)

    # All alike once in 2^199 runs.
    assert {canary.takes("one id") for _ in range(200)} == {True, False}


def test_file(path):
    """Names and shares are read; what is not said is as usual."""
    write(path, {"pizza": {"percent": 12.5, "sticky": True}, "cats": {}})

    assert read_canaries(path) == {
        "pizza": Canary(percent=12.5, sticky=True),
        "cats": Canary(percent=0, label="canary", stable="stable", sticky=False),
    }


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "expected a file of JSON"),
        ("[]", "expected an object with a member per model"),
        ('{"m": 10}', "expected an object of percent, label, stable, sticky, reason"),
        ('{"m": {"precent": 10}}', "received {'precent': 10}"),
        ('{"m": {"percent": "10"}}', "expected float as 'percent', received 10"),
        ('{"m": {"percent": true}}', "expected float as 'percent', received True"),
        ('{"m": {"percent": NaN}}', "expected a percent from 0 to 100, received nan"),
        ('{"m": {"percent": 100.1}}', "from 0 to 100, received 100.1"),
        ('{"m": {"percent": -1}}', "from 0 to 100, received -1"),
        ('{"m": {"sticky": 1}}', "expected bool as 'sticky', received 1"),
        ('{"m": {"label": null}}', "expected str as 'label', received None"),
        ('{"m": {"label": "stable"}}', "received 'stable' and 'stable'"),
        ('{"m": {"label": ""}}', "expected different texts"),
        ("[" * 100_000, "expected a file of JSON"),
    ],
)
def test_bad_files(path, text, sentence):
    """What cannot be meant is refused with what was expected and received."""
    write(path, text)

    with pytest.raises(CanaryFileError) as refusal:
        read_canaries(path)
    assert sentence in str(refusal.value)


def test_follow(path):
    """A changed file counts at the next look, and looks are a second apart."""
    write(path, {"m": {"percent": 1}})
    clock = Clock()
    file = CanaryFile(path, clock)

    write(path, {"m": {"percent": 2}})
    assert not file.follow()
    assert file.find("m").percent == 1
    clock.now += LOOK_SECONDS

    assert file.follow()
    assert file.find("m").percent == 2
    assert file.find("other") is None
    clock.now += LOOK_SECONDS
    assert not file.follow()


@pytest.mark.parametrize("how", ["broken", "gone"])
def test_broken_later(path, caplog, how):
    """A file that breaks or goes leaves the last word and is told of once."""
    write(path, {"m": {"percent": 10}})
    clock = Clock()
    file = CanaryFile(path, clock)
    if how == "gone":
        path.unlink()
        clock.now += LOOK_SECONDS
    else:
        follow(path, clock, '{"m": {"percent"')

    for _ in range(3):
        file.follow()
        clock.now += LOOK_SECONDS

    assert file.is_broken
    assert file.find("m").percent == 10
    assert caplog.text.count("event=canary_file_refused") == 1
    follow(path, clock, {"m": {"percent": 20}})
    assert file.follow()
    assert not file.is_broken
    assert file.find("m").percent == 20


def test_broken_at_start(path):
    """With no word before it nobody gets a canary, whatever version is loaded."""
    file = CanaryFile(path)

    assert file.is_broken
    assert file.find("any model") == Canary(percent=0)


def test_reason_is_logged(path, caplog):
    """Why a share was changed stands in every gateway's log."""
    caplog.set_level("INFO")
    write(path, {"m": {"percent": 0, "reason": "accuracy fell"}})

    CanaryFile(path)

    assert "event=canary model=m percent=0" in caplog.text
    assert 'reason="accuracy fell"' in caplog.text
