"""Environment to settings: defaults, every variable, all bad values at once."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gateway.settings import (
    PREFIX,
    Settings,
    SettingsError,
    variable_name,
)

GOOD = {
    "GATEWAY_HOST": ("127.0.0.1", "127.0.0.1"),
    "GATEWAY_PORT": ("9000", 9000),
    "GATEWAY_WORKERS": ("2", 2),
    "GATEWAY_THREADS": ("4", 4),
    "GATEWAY_MAX_IN_FLIGHT": ("100", 100),
    "GATEWAY_MODEL_ADDRESS": ("model-server:8500", "model-server:8500"),
    "GATEWAY_MODELS": ("pizza, cats", ("pizza", "cats")),
    "GATEWAY_MODEL_TIMEOUT_SECONDS": ("2.5", 2.5),
    "GATEWAY_MAX_IMAGE_BYTES": ("1000", 1000),
    "GATEWAY_MAX_IMAGE_PIXELS": ("2000", 2000),
    "GATEWAY_MAX_IMAGES": ("128", 128),
    "GATEWAY_MAX_BODY_BYTES": ("1000000", 1_000_000),
    "GATEWAY_URL_FETCH": ("OFF", "off"),
    "GATEWAY_FETCH_TIMEOUT_SECONDS": ("1", 1.0),
    "GATEWAY_LOG_LEVEL": ("WARNING", "warning"),
    "GATEWAY_LOG_FORMAT": ("JSON", "json"),
    "GATEWAY_API_KEYS_FILE": ("/etc/keys", "/etc/keys"),
    "GATEWAY_RATE_LIMIT": ("60/minute;500/day", "60/minute;500/day"),
    "GATEWAY_TRUSTED_PROXIES": ("1", 1),
    "GATEWAY_PREDICTION_LOG": ("/log/a.jsonl", "/log/a.jsonl"),
    "GATEWAY_KEEP_PHOTOS": ("/log/photos", "/log/photos"),
    "GATEWAY_REPORTS_DIR": ("models", "models"),
    "GATEWAY_CANARY_FILE": ("/etc/canary.json", "/etc/canary.json"),
}
# A setting that makes sense beside another one only.
NEEDS = {"GATEWAY_KEEP_PHOTOS": {"GATEWAY_PREDICTION_LOG": "/log/a.jsonl"}}


def test_defaults():
    """An empty environment gives what a laptop needs."""
    settings = Settings.from_env({})

    assert settings == Settings()
    assert (settings.port, settings.model_address) == (8080, "localhost:8500")
    assert settings.default_model == "default"


@pytest.mark.parametrize("name", GOOD)
def test_variable(name):
    """Each variable sets the field of its name, and nothing else."""
    text, expected = GOOD[name]

    needs = NEEDS.get(name, {})

    settings = Settings.from_env({name: text, **needs})

    without = Settings.from_env(needs)
    changed = {
        field.name: getattr(settings, field.name)
        for field in fields(Settings)
        if getattr(settings, field.name) != getattr(without, field.name)
    }
    assert changed == {name.removeprefix(PREFIX).lower(): expected}


def test_every_field():
    """The table above leaves out no setting."""
    assert set(GOOD) == {variable_name(field) for field in fields(Settings)}


@pytest.mark.parametrize(
    "name, text",
    [
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", "-1"),
        ("GATEWAY_PORT", ""),
        ("GATEWAY_HOST", " "),
        ("GATEWAY_WORKERS", "0"),
        ("GATEWAY_THREADS", "1.5"),
        ("GATEWAY_MODEL_ADDRESS", ""),
        ("GATEWAY_MODEL_ADDRESS", "http://localhost:8501"),
        ("GATEWAY_MODEL_ADDRESS", "model-server"),
        ("GATEWAY_MODEL_ADDRESS", "model server:8500"),
        ("GATEWAY_MODEL_ADDRESS", "localhost:0"),
        ("GATEWAY_MODEL_ADDRESS", "localhost:65536"),
        ("GATEWAY_MODEL_ADDRESS", "::1:8500"),
        ("GATEWAY_MODELS", "a,,b"),
        ("GATEWAY_MODELS", "a,a"),
        ("GATEWAY_MODELS", ""),
        ("GATEWAY_MODEL_TIMEOUT_SECONDS", "0"),
        ("GATEWAY_MODEL_TIMEOUT_SECONDS", "nan"),
        ("GATEWAY_MODEL_TIMEOUT_SECONDS", "inf"),
        ("GATEWAY_MAX_IMAGE_BYTES", "10MB"),
        ("GATEWAY_MAX_IMAGE_PIXELS", "0"),
        ("GATEWAY_MAX_IMAGES", "0"),
        ("GATEWAY_MAX_IMAGES", "129"),
        ("GATEWAY_MAX_BODY_BYTES", "2GB"),
        ("GATEWAY_URL_FETCH", "public,all"),
        ("GATEWAY_URL_FETCH", "http://a.example"),
        ("GATEWAY_LOG_LEVEL", "loud"),
        ("GATEWAY_LOG_FORMAT", "xml"),
        ("GATEWAY_MAX_IN_FLIGHT", "0"),
        ("GATEWAY_RATE_LIMIT", "60"),
        ("GATEWAY_RATE_LIMIT", "0/minute"),
        ("GATEWAY_RATE_LIMIT", "5/fortnight"),
        ("GATEWAY_RATE_LIMIT", "-1/second"),
        ("GATEWAY_RATE_LIMIT", ""),
        ("GATEWAY_TRUSTED_PROXIES", "-1"),
        ("GATEWAY_API_KEYS_FILE", ""),
        ("GATEWAY_PREDICTION_LOG", " "),
    ],
)
def test_bad_value(name, text):
    """A value that cannot be used is named, with the rule and what was received."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: text})

    assert str(caught.value).startswith(f"{name}: expected ")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1:8500",
        "[::1]:8500",
        "model-server.ns.svc.cluster.local.:8500",
        "dns:///model-server:8500",
        "dns://10.0.0.10/model-server:8500",
        "ipv4:127.0.0.1:8500,127.0.0.1:8501",
        "unix:/run/model.sock",
    ],
)
def test_address(address):
    """A host and its port, or any target of gRPC's."""
    settings = Settings.from_env({"GATEWAY_MODEL_ADDRESS": f" {address} "})

    assert settings.model_address == address


def test_all_bad_values():
    """One start shows every mistake, one a line."""
    environ = {"GATEWAY_PORT": "x", "GATEWAY_MODELS": "", "GATEWAY_THREADS": "2"}

    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)

    names = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert names == ["GATEWAY_PORT", "GATEWAY_MODELS"]


def test_photos_need_the_log():
    """Photos that no line of a log names would be of no use."""
    for log in ({}, {"GATEWAY_PREDICTION_LOG": "off"}):
        with pytest.raises(SettingsError, match="GATEWAY_PREDICTION_LOG beside it"):
            Settings.from_env({"GATEWAY_KEEP_PHOTOS": "/log/photos", **log})


def test_service_link():
    """What Kubernetes writes for a Service named gateway is explained."""
    with pytest.raises(SettingsError, match="enableServiceLinks"):
        Settings.from_env({"GATEWAY_PORT": "tcp://10.0.0.1:80"})


def test_other_names():
    """Variables that are not settings are left alone."""
    environ = {"GATEWAY_SERVICE_HOST": "10.0.0.1", "PORT": "1"}

    assert Settings.from_env(environ) == Settings()
