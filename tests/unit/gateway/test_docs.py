"""GET /docs: a page of one piece, whole without JavaScript and other sites."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from gateway.app import create_app
from gateway.errors import GatewayError
from gateway.openapi import build_document, operations_of
from gateway.settings import Settings

HOST = {"Host": "photos.example.org:8443"}


class Page(HTMLParser):
    """What a page consists of: ids, links, files, examples, and its text."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.files, self.inline = [], [], [], []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Sort an element's attributes."""
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        if tag in ("link", "script", "img"):
            self.files.append(values.get("href") or values.get("src"))
        names = [name for name in values if name.startswith("on") or name == "style"]
        self.inline.extend(names + [tag] * (tag == "style"))

    def handle_data(self, data):
        """All text, however deep."""
        self.text += data


@pytest.fixture(name="page")
def _page(web):
    return Page(web.get("/docs", headers=HOST).text)


def test_whole(page, settings):
    """Every operation, schema and error is on the page."""
    document = build_document(settings)

    operations = {one["operationId"] for _, _, one in operations_of(document)}
    schemas = {f"schema-{name}" for name in document["components"]["schemas"]}
    assert operations | schemas <= set(page.ids)
    for _, _, operation in operations_of(document):
        assert operation["summary"] in page.text
    for kind in GatewayError.__subclasses__():
        assert kind.code in page.text and kind.summary() in page.text


def test_links(web, page):
    """Every link on the page leads somewhere, and no id is there twice."""
    inside = {link[1:] for link in page.links if link.startswith("#")}
    outside = {link for link in page.links if not link.startswith("#")}

    assert len(page.ids) == len(set(page.ids))
    assert inside <= set(page.ids)
    assert outside == {"/openapi.json", "/"}
    assert {web.get(link).status_code for link in outside} == {200}


def test_policy(web, page):
    """Nothing is inline, all files are our own and there."""
    assert not page.inline
    assert len(page.files) == 4
    assert all(name.startswith("/static/") for name in page.files)
    for name in page.files:
        with web.get(name) as reply:
            assert reply.status_code == 200


def test_base_url(page):
    """Examples call the host that was asked."""
    assert "http://photos.example.org:8443/predict" in page.text
    assert "localhost" not in page.text


@pytest.mark.parametrize(
    "host", ["", 'a"; rm -rf ~ #', "a'b", "two words", "$(id)", "<b>"]
)
def test_bad_host(web, host):
    """What is no host's name stands in no example."""
    page = web.get("/docs", headers={"Host": host})

    assert page.status_code == 200
    assert not host or host not in Page(page.text).text
    assert "http://localhost:8080/predict" in page.text


def test_hostile_names(client):
    """A model's name is text on the page, quoted in a shell and in an address."""
    name = "<i>'; id #"
    web = create_app(Settings(models=(name,)), client).test_client()

    text = web.get("/docs").text

    assert "<i>" not in text
    assert "curl http://localhost/v2/models/%3Ci%3E%27%3B%20id%20%23" in Page(text).text


def test_keys(client, tmp_path):
    """Who needs a key reads how to send it, and examples send one."""
    key = "a-key-of-sixteen-letters"
    (tmp_path / "keys").write_text(f"ann {key}\n", "utf-8")
    guarded = Settings(api_keys_file=str(tmp_path / "keys"))
    webs = [
        create_app(limits, client).test_client() for limits in (guarded, Settings())
    ]

    texts = [
        Page(web.get("/docs", headers={"X-API-Key": key}).text).text for web in webs
    ]

    for words in (
        "need an API key",
        "Authorization: Bearer",
        "X-API-Key: your-api-key",
    ):
        assert [words in text for text in texts] == [True, False]
    assert key not in texts[0]


@pytest.mark.parametrize("url_fetch, is_shown", [("public", True), ("off", False)])
def test_fetching(client, url_fetch, is_shown):
    """An address of a photo is an example where the gateway fetches any."""
    web = create_app(Settings(url_fetch=url_fetch), client).test_client()

    page = Page(web.get("/docs").text)

    assert ("# a photo on the web" in page.text) == is_shown
