"""The polled config file: what is applied, and what a bad file changes."""

from __future__ import annotations

import threading

import pytest

from serving.availability import wait_for_new
from serving.config_poller import ConfigPoller
from serving.errors import ServingError, invalid_argument
from serving.model_config import read_config_file
from serving.reload import reload_from_file
from tests.unit.serving.fakes import Disk, config

TIMEOUT_SECONDS = 30


class ConfigFile:
    """A file of models under /models, and a poller of it over a store."""

    def __init__(self, path, store):
        self.path = path
        self._store = store
        self.poller = ConfigPoller(
            lambda: read_config_file(str(path)),
            lambda message: reload_from_file(store, message),
        )

    def poll(self, text):
        """Write the file and look at it; the names served after that."""
        self.path.write_text(text, encoding="utf-8")
        self.poller.poll()
        return self._store.served_names()


def entry(name, rest=""):
    """One model as text."""
    return (
        f'config {{ name: "{name}" base_path: "/models/{name}" '
        f'model_platform: "tensorflow" {rest} }}'
    )


def models(*entries):
    """The file's text."""
    return f"model_config_list {{ {' '.join(entries)} }}"


@pytest.fixture(name="store")
def _store(make_store):
    store = make_store(Disk(a=[1], b=[2]))
    wait_for_new(store, store.apply([config("a")]))
    return store


@pytest.fixture(name="file")
def _file(tmp_path, store):
    return ConfigFile(tmp_path / "models.config", store)


def test_changed_file(file):
    """What the file says now is served; commas and colons are fine."""
    text = 'model_config_list: { config: { name: "b", base_path: "/models/b", '
    text += 'model_platform: "tensorflow" } }'

    both = file.poll(models(entry("a"), entry("b")))
    one = file.poll(text)
    none = file.poll("model_config_list {}")

    assert (both, one, none) == ({"a", "b"}, {"b"}, set())


@pytest.mark.parametrize(
    "text",
    [
        "model_config_list { config { name",
        "nonsense",
        "",
        models(entry("a"), entry("a")),
        models('config { name: "b" base_path: "b" model_platform: "tensorflow" }'),
        models('config { name: "b" base_path: "/models/b" }'),
        models(entry("b", "version_labels { key: 'stable' value: 2 }")),
        "custom_model_config {}",
    ],
)
def test_bad_file(file, text, caplog):
    """A file that is not valid is told once; what was served stays."""
    served = [file.poll(text) for _ in range(3)]

    assert served == [{"a"}] * 3
    refusals = [r for r in caplog.records if "model_config_refused" in r.message]
    assert len(refusals) == 1


def test_missing_file(file, store):
    """A file that is gone changes nothing; when it is back it counts again."""
    file.poller.poll()
    gone = store.served_names()

    assert gone == {"a"}
    assert file.poll(models(entry("b"))) == {"b"}


def test_label_waits(file, store):
    """A label whose version comes later is set by the first poll after that."""
    text = models(entry("a", "version_labels { key: 'stable' value: 2 }"))
    file.poll(text)
    before = store.served_names()
    store.apply([config("a", base_path="/elsewhere/b")])
    assert store.wait_until(lambda: store.statuses("a")[0].version == 2, 30)
    assert store.wait_until(
        lambda: store.statuses("a")[0].state.name == "AVAILABLE", 30
    )

    file.poll(text)

    assert before == {"a"}
    with pytest.raises(ServingError):
        store.apply([config("a", labels={"stable": 7})])


def test_file_wins(file, store):
    """An unchanged file is applied over what a call said meanwhile."""
    text = models(entry("a"))
    file.poll(text)
    store.apply([config("b")])

    assert file.poll(text) == {"a"}


def test_request_log(file, caplog):
    """A log collector is refused after the models were applied."""
    served = file.poll(models(entry("b", "logging_config {}")))

    assert served == {"b"}
    assert "No request-logger-creator provided." in caplog.text


def test_thread(caplog):
    """The thread looks every period, and neither an error nor a bug ends it."""
    outcomes = [invalid_argument("no"), ZeroDivisionError("a bug"), None]
    is_done = threading.Event()

    def apply(_):
        outcome = outcomes.pop(0)
        if not outcomes:
            is_done.set()
            poller.stop()
        if outcome is not None:
            raise outcome

    poller = ConfigPoller(lambda: None, apply)
    poller.start(0.001)

    assert is_done.wait(TIMEOUT_SECONDS)
    assert "event=bug" in caplog.text
