"""The page for people: the form, the answer, the sentence when it fails."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import json
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from gateway.errors import GatewayError, ModelUnavailable, UnsupportedImage
from tests.tiny_model import tiny_contract


def post_form(web, data, **fields):
    """What a browser sends for the page's form."""
    fields["image"] = (io.BytesIO(data), "photo.jpg" if data else "")
    return web.post("/", data=fields, content_type="multipart/form-data")


def read_shown(reply):
    """The page's text as people get it: without what page.js clones, in one line."""
    shown = re.sub(r"<template.*?</template>", "", reply.text, flags=re.DOTALL)
    return " ".join(shown.split())


class TagBalance(HTMLParser):
    """Collects elements that are opened but never closed, or the other way round."""

    VOID = {"meta", "link", "img", "input"}

    def __init__(self):
        super().__init__()
        self.open_tags = []
        self.problems = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open_tags.append(tag)
        self.problems += [
            name for name, _ in attrs if name == "style" or "on" == name[:2]
        ]

    def handle_endtag(self, tag):
        if not self.open_tags or self.open_tags.pop() != tag:
            self.problems.append(tag)


def test_form(web):
    """The page posts files to itself, offers the models and says how good they are."""
    page = read_shown(web.get("/"))

    form = re.search(r"<form (.*?)>", page)[1]
    assert 'method="post" action="/" enctype="multipart/form-data"' in form
    assert re.findall(r"<option( selected)?>(\w+)</option>", page) == [
        (" selected", "tiny"),
        ("", "second"),
    ]
    assert "100.0&nbsp;% of" in page and "20.0–100.0&nbsp;%" in page
    assert "http://" not in page


def test_ways_to_choose(web):
    """One input takes several files, one the camera; both name the formats we read."""
    page = read_shown(web.get("/"))

    chosen, photographed = re.findall(r'<input id="\w+" type="file" (.*?)>', page)
    assert "multiple" in chosen and "capture" not in chosen
    assert 'capture="environment"' in photographed
    for formats in (chosen, photographed):
        assert 'name="image"' in formats
        assert 'accept="image/jpeg,image/png,image/webp,image/gif,' in formats
    assert page.count('<label for="image">') == page.count('<label for="camera">') == 1


def test_limits_for_the_script(web):
    """The form carries the limits and addresses that page.js must keep to."""
    form = re.search(r"<form (.*?)>", web.get("/").text)[1]
    told = dict(re.findall(r'data-([\w-]+)="(.*?)"', form))

    assert (told["predict"], told["explain"]) == ("/predict", "/explain")
    assert told["max-image-bytes"] == "200000"
    assert told["max-images"] == "32"
    assert told["max-body-bytes"] == str(32 * 1024 * 1024)


@pytest.mark.parametrize("can_explain, told", [(True, []), (False, ["tiny", "second"])])
def test_unexplained(web, client, can_explain, told):
    """The form names the models that have no heatmap to show."""
    client.can_explain = can_explain

    form = re.search(r"<form (.*?)>", web.get("/").text)[1]

    text = re.search(r'data-unexplained="(.*?)"', form)[1]
    assert json.loads(html.unescape(text)) == told


def test_summaries(web):
    """Each error has its sentence in the page, for what page.js is told by code."""
    page = web.get("/").text

    summaries = dict(re.findall(r'<p data-code="(\w+)">(.*?)</p>', page))

    assert len(summaries) == len(GatewayError.__subclasses__())
    assert summaries["unsupported_image"] == str(UnsupportedImage.__doc__)


def test_answer(web, red):
    """The answer shows the photo, the best label, all bars and who answered."""
    reply = post_form(web, red, model="second")

    assert reply.status_code == 200
    page = read_shown(reply)
    assert "<strong>red</strong> <span>100.0&nbsp;%</span>" in page
    assert page.count('class="fill" width="0.00%"') == 2
    assert "answered by second, version 1" in page
    assert "<option selected>second</option>" in page
    photo = base64.b64decode(re.search(r"base64,([^\"]+)\"", page)[1])
    assert Image.open(io.BytesIO(photo)).size == (60, 30)


def test_several(web, client, red):
    """Several photos are answered in their places; a bad one by its sentence."""
    blue = io.BytesIO()
    Image.new("RGB", (900, 30), (0, 0, 255)).save(blue, "PNG")
    files = [red, b"text", blue.getvalue()]
    sent = {"image": [(io.BytesIO(data), "a.png") for data in files]}

    reply = web.post("/", data=sent, content_type="multipart/form-data")

    page = read_shown(reply)
    cards = page.split('<li class="card">')[1:]
    assert reply.status_code == 200 and len(cards) == 3
    assert "<strong>red</strong>" in cards[0]
    assert "not a format we read" in cards[1] and "<img" not in cards[1]
    assert "<strong>blue</strong>" in cards[2]
    photo = base64.b64decode(re.search(r"base64,([^\"]+)\"", cards[2])[1])
    assert Image.open(io.BytesIO(photo)).width == 320
    assert [len(batch) for _, batch in client.batches] == [2]


def test_too_many(web, settings, red):
    """One photo more than a request may hold is a sentence that names both numbers."""
    files = [(io.BytesIO(red), "a.png") for _ in range(settings.max_images + 1)]

    reply = web.post("/", data={"image": files}, content_type="multipart/form-data")

    assert reply.status_code == 413
    assert "Expected at most 32 pictures, received 33" in read_shown(reply)


def test_published_weights(web, client):
    """A model that was not judged here is offered without any percentage."""
    contract = dataclasses.replace(tiny_contract(), data=None, evaluation=None)
    client.versions = {1: contract}

    page = read_shown(web.get("/"))
    model = web.get("/models").json["models"][0]

    assert "as it was published, not judged on photos here. It knows red" in page
    assert "&nbsp;%" not in page
    assert (model["accuracy"], model["test_pictures"]) == (None, None)


def test_many_labels(web, client, red):
    """A thousand classes show the ten best and how many are left out."""
    labels = tuple(f"class {number}" for number in range(1000))
    client.versions = {1: tiny_contract(labels=labels)}

    page = read_shown(post_form(web, red))

    assert page.count('class="fill"') == 10
    assert "and 990 labels below these" in page


def test_hostile_label(web, client, red):
    """A label is text, never markup."""
    client.versions = {1: tiny_contract(labels=("<b>x</b>", "&amp;"))}

    page = post_form(web, red).text

    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page and "&amp;amp;" in page


@pytest.mark.parametrize(
    "data, status, sentence",
    [
        (b"", 400, "holds no picture"),
        (b"text", 415, "not a format we read"),
        (b"x" * 300_000, 413, "more bytes than allowed"),
    ],
)
def test_error(web, data, status, sentence):
    """A failure is a sentence on the same page, with the form to try again."""
    reply = post_form(web, data)

    assert (reply.status_code, reply.mimetype) == (status, "text/html")
    assert 'role="alert"' in reply.text and sentence in reply.text
    assert "<form" in reply.text


def test_model_away(web, client, red):
    """Without a model server the page still opens and says what is wrong."""
    client.failure = ModelUnavailable("model 'tiny': away")

    form, answer = web.get("/"), post_form(web, red)

    assert form.status_code == 200 and "No model answers" in form.text
    assert answer.status_code == 503 and "Retry-After" in answer.headers
    assert "trying again later helps" in answer.text


def test_markup(web, client, red):
    """Every element is closed, nothing is styled or scripted inline: CSP forbids it."""
    pages = [web.get("/"), post_form(web, red), post_form(web, b"text")]
    client.failure = ModelUnavailable("away")
    pages.append(web.get("/"))

    for page in pages:
        balance = TagBalance()
        balance.feed(page.text)
        assert not balance.open_tags
        assert not balance.problems


@pytest.mark.parametrize("name", ["page.css", "page.js", "icon.svg"])
def test_static(web, name):
    """The page's own files are there."""
    with web.get(f"/static/{name}") as reply:
        assert reply.status_code == 200

    assert f"/static/{name}" in web.get("/").text
