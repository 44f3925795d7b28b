"""The training's report of a served version, where the gateway may show it."""

import pytest

from gateway.app import create_app
from gateway.settings import Settings
from tests.tiny_model import tiny_contract, write_report
from tests.unit.gateway.conftest import FakeClient

ADDRESS = "/models/tiny/versions/1/report"
REPORT = "<!doctype html><style>p {}</style><p>0.97 of 200 photos"


@pytest.fixture(name="client")
def _client(tmp_path):
    """A gateway beside a folder with one report and something that is none."""
    write_report(tmp_path / "models", REPORT)
    (tmp_path / "models" / "tiny" / "2").mkdir()
    (tmp_path / "models" / "other" / "1").mkdir(parents=True)
    settings = Settings(models=("tiny",), reports_dir=str(tmp_path / "models"))
    return create_app(settings, FakeClient({1: tiny_contract()})).test_client()


def test_report(client):
    """It is sent as it is; its own styles may work, scripts and other sites not."""
    reply = client.get(ADDRESS)

    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert reply.text == REPORT
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_relative_folder(client, tmp_path, monkeypatch):
    """A folder named from where the gateway was started is found as well."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(models=("tiny",), reports_dir="models")
    other = create_app(settings, FakeClient({1: tiny_contract()})).test_client()

    assert other.get(ADDRESS).text == client.get(ADDRESS).text == REPORT


@pytest.mark.parametrize(
    "address, code",
    [
        ("/models/tiny/versions/2/report", "no_report"),
        ("/models/tiny/versions/3/report", "no_report"),
        ("/models/other/versions/1/report", "unknown_model"),
        ("/models/../versions/1/report", "unknown_model"),
        ("/models/%2e%2e/versions/1/report", "unknown_model"),
        ("/models/tiny/versions/-1/report", "no_report"),
        ("/models/tiny/versions/../report", "no_report"),
        ("/models/tiny/versions/%2e%2e/report", "no_report"),
        ("/models/tiny/versions/..%2f1/report", "not_found"),
        (f"/models/tiny/versions/{'9' * 400}/report", "no_report"),
    ],
)
def test_no_such_report(client, address, code):
    """What is not a report of a served model is a 404, wherever the path leads."""
    reply = client.get(address)

    assert (reply.status_code, reply.json["code"]) == (404, code)


def test_off():
    """Without the folder nobody sees a report."""
    app = create_app(Settings(models=("tiny",)), FakeClient({1: tiny_contract()}))

    reply = app.test_client().get(ADDRESS)

    assert (reply.status_code, reply.json["code"]) == (404, "no_report")


def test_link(client):
    """The page links to the report where there is one."""
    page = client.get("/").text

    assert f'href="{ADDRESS}"' in page
