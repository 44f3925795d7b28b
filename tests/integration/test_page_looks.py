"""The page's looks in a real browser: contrast, phones, motion, its content policy."""

from __future__ import annotations

import pytest

from tests.integration.browser import running_browser
from tests.integration.gateway_process import running_gateway

# Source: WCAG 2.2, 1.4.3 (contrast of text) and 2.5.8 (size of targets).
TEXT_CONTRAST = 4.5
TARGET_PIXELS = 24
PHONE_PIXELS = 360
# Each text on the page with its color and the first opaque background around it.
SHOWN_TEXTS = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const texts = [];
while (walker.nextNode()) {
  const words = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!words || !element.checkVisibility() || element.closest(".unseen")) continue;
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") {
    behind = behind.parentElement;
  }
  const ink = getComputedStyle(element).color;
  const paper = getComputedStyle(behind).backgroundColor;
  const numbers = [ink, paper].map((color) => color.match(/\\d+/g).map(Number));
  texts.push([words, ...numbers]);
}
return texts;
"""
SMALL_TARGETS = """
const kinds = "label, select, button, summary, [type=text]";
const isSmall = (target) =>
  target.checkVisibility() &&
  getComputedStyle(target).cursor !== "default" &&
  target.getBoundingClientRect().height < arguments[0];
return [...document.querySelectorAll(kinds)].filter(isSmall);
"""


@pytest.fixture(name="page", scope="module")
def _page(tiny_server):
    """A browser on a gateway before the tiny model."""
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        with running_browser(gateway.url) as browser:
            yield browser


@pytest.fixture(name="photo", scope="module")
def _photo(encode_picture):
    return encode_picture("RGB", "PNG", size=(300, 200))


def luminance(color):
    """Relative luminance of an sRGB color as WCAG 2.2 defines it, 0-1."""
    shares = [level / 255 for level in color[:3]]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """The ratio of two colors, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_rule():
    """The yardstick itself: black on white is 21, a color on itself 1."""
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((9, 9, 9), (9, 9, 9)) == pytest.approx(1)


@pytest.mark.parametrize("scheme, is_dark", [("light", False), ("dark", True)])
def test_contrast(page, photo, scheme, is_dark):
    """Every text can be read in both color schemes, answers and errors included."""
    page.open(color_scheme=scheme)
    page.drop(photo_png=photo, notes_txt=b"text")

    texts = page.run(SHOWN_TEXTS)

    said = [words for words, _, _ in texts]
    assert {"What is in the photo?", "Choose photos", "That did not work"} <= set(said)
    faint = [text for text in texts if contrast(text[1], text[2]) < TEXT_CONTRAST]
    assert not faint
    paper = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (luminance([int(n) for n in paper[4:-1].split(",")]) < 0.1) is is_dark


def test_phone(page, photo):
    """On a phone nothing is wider than the screen, and the camera has its button."""
    page.open(width=PHONE_PIXELS)
    page.drop(photo_png=photo, notes_txt=b"text")

    assert page.run("return document.documentElement.scrollWidth") <= PHONE_PIXELS
    assert page.one("label[for=camera]").is_displayed()
    assert not page.one(".invitation").is_displayed()
    assert not page.run(SMALL_TARGETS, TARGET_PIXELS)


def test_desktop(page):
    """With a mouse the page invites to drop photos and offers no camera."""
    page.open()

    assert page.one(".invitation").is_displayed()
    assert not page.one("label[for=camera]").is_displayed()
    assert not page.one("button[type=submit]").is_displayed()


@pytest.mark.parametrize(
    "motion, animation", [("reduce", "none"), ("no-preference", "grow")]
)
def test_motion(page, photo, motion, animation):
    """Bars grow, but not for people who asked for less motion."""
    page.open(reduced_motion=motion)
    page.drop(photo_png=photo)

    fill = page.all("#answers .fill")[0]
    assert fill.value_of_css_property("animation-name") == animation


def test_drop_target(page, photo):
    """The place to drop shows that a dragged file would land there."""
    page.open()
    before = page.one(".drop").value_of_css_property("border-top-color")

    page.send_files("dragover", {"photo.png": photo})

    assert page.one(".drop").value_of_css_property("border-top-color") != before


def test_no_preview(page, encode_picture):
    """A format the browser cannot draw is answered without a broken picture."""
    page.open()

    said = page.drop(photo_tiff=encode_picture("RGB", "TIFF"))["photo.tiff"]

    assert "answered by tiny" in said
    assert not page.one("#answers img").is_displayed()
    page.one("#answers button").click()
    page.wait_until(page.one("#answers img").is_displayed)


def test_content_policy(page, photo):
    """Nothing the page does is refused; an inline script, were there one, would be."""
    page.open()
    page.read_log()
    page.drop(photo_png=photo, notes_txt=b"text")
    page.one("#answers button[aria-pressed]").click()
    page.wait_for_status("The yellow parts")
    quiet = page.read_log()

    page.run(
        "const script = document.createElement('script');"
        "script.textContent = 'document.title = 1';"
        "document.body.append(script);"
    )

    refused = page.read_log()
    assert quiet == []
    assert len(refused) == 1 and "Content Security Policy" in refused[0]
    assert page.driver.title == "What is in the photo?"
