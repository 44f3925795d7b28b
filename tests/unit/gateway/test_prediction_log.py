"""What the prediction log keeps, and what may happen to its file."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from datetime import UTC, datetime

import pytest

from gateway.app import create_app
from gateway.errors import ModelTimeout
from gateway.prediction_log import Correction, PredictionLog, read_lines
from gateway.settings import Settings
from tests.unit.gateway.sending import send_form, send_raw


@pytest.fixture(name="log_file")
def _log_file(tmp_path):
    return tmp_path / "logs" / "predictions.jsonl"


@pytest.fixture(name="photos")
def _photos(tmp_path):
    return tmp_path / "photos"


@pytest.fixture(name="web")
def _web(client, fetch, log_file, photos):
    """A gateway that keeps everything."""
    settings = Settings(
        models=("tiny", "second"),
        prediction_log=str(log_file),
        keep_photos=str(photos),
    )
    return create_app(settings, client, fetch).test_client()


def lines_of(path):
    """The lines of a log, each a JSON object."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_line(web, log_file, red):
    """One line a picture: when, what was asked, who said what, and the hash."""
    before = datetime.now(UTC)

    reply = send_raw(web, red, headers={"X-Request-ID": "id-1"})

    (line,) = lines_of(log_file)
    age_seconds = (datetime.fromisoformat(line.pop("time")) - before).total_seconds()
    # Cut to milliseconds, the time may lie just before.
    assert -0.001 <= age_seconds < 60
    assert line == {
        "request_id": "id-1",
        "index": 0,
        "model": "tiny",
        "version": 1,
        "label": "red",
        "score": reply.json["predictions"][0]["score"],
        "sha256": hashlib.sha256(red).hexdigest(),
    }


def test_batch(web, log_file, red, encode_picture):
    """A batch has a line for each picture that was answered, by its place."""
    photo = encode_picture()

    send_form(web, red, b"no picture", photo)

    found = [(line["index"], line["sha256"]) for line in lines_of(log_file)]
    assert found == [
        (0, hashlib.sha256(red).hexdigest()),
        (2, hashlib.sha256(photo).hexdigest()),
    ]


def test_no_line(web, client, log_file, red):
    """Without an answer there is nothing to keep."""
    send_raw(web, b"no picture")
    client.failure = ModelTimeout("too slow")
    send_raw(web, red)
    web.get("/models")

    assert lines_of(log_file) == []


def test_photos(web, photos, red):
    """A photo is kept once, whole, under its hash; only its owner's group may read."""
    for _ in range(3):
        send_raw(web, red)

    (kept,) = [path for path in photos.rglob("*") if path.is_file()]
    assert kept.read_bytes() == red
    assert kept.name == hashlib.sha256(red).hexdigest()
    assert kept.stat().st_mode & 0o007 == 0


def test_photos_only_when_asked(client, log_file, tmp_path, red):
    """The log alone keeps no photo anywhere."""
    settings = Settings(models=("tiny",), prediction_log=str(log_file))
    send_raw(create_app(settings, client).test_client(), red)

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [log_file]
    assert red not in log_file.read_bytes()


def test_rotation(web, log_file, red):
    """A log that is moved away is begun anew, and no line is lost."""
    send_raw(web, red)
    log_file.rename(log_file.with_suffix(".1"))

    send_raw(web, red)

    assert len(lines_of(log_file)) == len(lines_of(log_file.with_suffix(".1"))) == 1


def test_many_writers(log_file):
    """Lines of several writers never mix: here eight, 200 lines each."""
    start = threading.Barrier(8)
    correction = Correction("id-" + "x" * 100, 0, "y" * 2000, None)

    def write():
        log = PredictionLog(log_file)
        start.wait(30)
        for _ in range(200):
            log.add_correction(correction)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    lines = lines_of(log_file)
    assert len(lines) == 1600
    assert {line["feedback"] for line in lines} == {correction.label}


def test_full_disk(client, red, caplog):
    """A log that cannot be written spoils no answer; the request's log says so.

    /dev/full opens like a file and refuses every byte.
    """
    settings = Settings(models=("tiny",), prediction_log="/dev/full")
    web = create_app(settings, client).test_client()

    reply = send_raw(web, red, headers={"X-Request-ID": "id-1"})

    assert reply.status_code == 200
    (event,) = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert "request_id=id-1" in event and "No space left" in event


def test_nowhere(tmp_path):
    """A place where nothing can be written is told at once."""
    (tmp_path / "file").touch()

    with pytest.raises(OSError):
        PredictionLog(tmp_path / "file" / "log")
    with pytest.raises(OSError):
        PredictionLog(tmp_path)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ('{"time": "1", "a": 1}\n', [{"time": "1", "a": 1}]),
        # A full disk cut the first line; the next one stands right behind it.
        (
            '{"time": "1", "lab{"time": "2", "a": "{\\"time\\": 3"}\n',
            [None, {"time": "2", "a": '{"time": 3'}],
        ),
        ('{"time": "1", "a"', [None]),
        ("\n", [None]),
        ("[1]\nnull\n5\n", [None] * 3),
        ('{"time": ' + "[" * 100_000, [None]),
        ("\x00\xff\n", [None]),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".gz"])
def test_read(tmp_path, text, expected, suffix):
    """Whole lines are read, also from a packed log; the others are counted."""
    path = tmp_path / f"log{suffix}"
    data = text.encode("latin-1")
    path.write_bytes(gzip.compress(data) if suffix == ".gz" else data)

    assert list(read_lines(path)) == expected
