"""The page in a real browser: photos go in, labels and sentences come out."""

from __future__ import annotations

import io

import pytest
import urllib3
from PIL import Image
from selenium.webdriver.common.keys import Keys

from serving.served_model import ModelConfig
from tests.integration.browser import running_browser
from tests.integration.gateway_process import running_gateway
from tests.tiny_model import write_tiny_model

MAX_IMAGE_BYTES = 100_000
# e / (e + 1 + 1): the tiny model's softmax of a flat red, green or blue picture.
SURE = "57.6 %"
SHOWN_CONTROLS = """
const controls = document.querySelectorAll("input, select, button, summary, a");
return [...controls].filter((control) => control.checkVisibility());
"""


def draw_flat(color, size=(60, 30)):
    """A PNG of one color."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


RED, GREEN, BLUE = (draw_flat(color) for color in ("#f00", "#0f0", "#00f"))


@pytest.fixture(name="gateway", scope="module")
def _gateway(start_model_server, tmp_path_factory):
    """A gateway before the tiny model, under two names."""
    base_path = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_model(base_path)
    names = ("tiny", "second")
    server = start_model_server(
        configs=[ModelConfig(name=name, base_path=str(base_path)) for name in names]
    )
    with running_gateway(
        model_address=f"localhost:{server.grpc_port}",
        models=",".join(names),
        max_image_bytes=MAX_IMAGE_BYTES,
    ) as gateway:
        yield gateway


@pytest.fixture(name="session", scope="module")
def _session(gateway):
    with running_browser(gateway.url) as browser:
        yield browser


@pytest.fixture(name="page")
def _page(session):
    with session.reloaded() as page:
        yield page


def count_posts(gateway, path):
    """How often the gateway was asked, by its own log."""
    return sum(f"method=POST path={path} " in line for line in gateway.lines)


def test_drop(page):
    """A dropped photo is shown at once, with its label, bars and who answered."""
    said = page.drop(red_png=RED)["red.png"]

    assert said.startswith(f"red {SURE}")
    assert "answered by tiny, version 1, in " in said
    widths = [fill.get_attribute("width") for fill in page.all("#answers .fill")]
    assert [round(float(width.rstrip("%"))) for width in widths] == [58, 21, 21]
    assert page.one("#answers img").get_attribute("src").startswith("blob:")
    assert page.run("return document.querySelector('#answers img').naturalWidth") == 60


def test_paste(page):
    """A pasted picture is answered like a dropped one."""
    page.send_files("paste", {"image.png": BLUE})

    assert page.wait_for_cards(1)["image.png"].startswith(f"blue {SURE}")


def test_choose(page, tmp_path):
    """Files chosen in the dialog are answered; the same one may be chosen again."""
    (tmp_path / "green.png").write_bytes(GREEN)

    for count in (1, 2):
        page.one("#image").send_keys(str(tmp_path / "green.png"))
        said = page.wait_for_cards(count)

    assert said["green.png"].startswith(f"green {SURE}")


def test_several(page, gateway):
    """One request; each photo is answered in its place, a bad one by a sentence."""
    asked = count_posts(gateway, "/predict")

    said = page.drop(red_png=RED, notes_txt=b"text", blue_png=BLUE)

    assert list(said) == ["red.png", "notes.txt", "blue.png"]
    assert said["red.png"].startswith("red") and said["blue.png"].startswith("blue")
    assert "The upload is not a format we read; convert it first." in said["notes.txt"]
    assert "Expected a file of JPEG, PNG" in said["notes.txt"]
    assert "Try again" not in said["notes.txt"]
    assert count_posts(gateway, "/predict") == asked + 1


def test_announcement(page):
    """A screen reader is told each outcome in words."""
    page.drop(red_png=RED, notes_txt=b"text")

    page.wait_for_status(f"red.png: red, {SURE}. notes.txt: The upload is not a format")
    assert page.one("#status").aria_role == "status"


def test_too_large(page, gateway):
    """A photo above the limit is not even sent; the sentence names both numbers."""
    asked = count_posts(gateway, "/predict")

    said = page.drop(big_png=RED + bytes(MAX_IMAGE_BYTES))["big.png"]

    assert "more bytes than allowed" in said
    assert f"Expected at most {MAX_IMAGE_BYTES} bytes, received" in said
    assert count_posts(gateway, "/predict") == asked


def test_gateway_away(page):
    """Without a network the photo says so; trying again brings the answer."""
    page.cut_network(True)
    try:
        said = page.drop(red_png=RED)["red.png"]
    finally:
        page.cut_network(False)

    page.one("#answers .problem + button").click()
    page.wait_for_status("red.png: red")

    assert "The gateway cannot be reached" in said
    assert page.wait_for_cards(1)["red.png"].startswith(f"red {SURE}")


def test_model_picker(page):
    """The chosen model is the one that answers."""
    page.one("#model option:last-child").click()

    assert "answered by second, version 1" in page.drop(red_png=RED)["red.png"]


def test_heatmap(page, gateway):
    """A click lays the heatmap over the photo, the next takes it off, asked once."""
    asked = count_posts(gateway, "/explain")
    page.drop(red_png=RED)
    button, photo = page.one("#answers button"), page.one("#answers img")
    preview = photo.get_attribute("src")

    seen = []
    for words in ("The yellow parts", "as it is", "The yellow parts"):
        button.click()
        page.wait_for_status(words)
        seen.append((button.get_attribute("aria-pressed"), photo.get_attribute("src")))

    heatmap = seen[0][1]
    assert heatmap.startswith("blob:") and heatmap != preview
    assert seen == [("true", heatmap), ("false", preview), ("true", heatmap)]
    assert photo.accessible_name == "Heatmap over red.png"
    assert page.run("return document.querySelector('#answers img').naturalWidth") == 60
    assert count_posts(gateway, "/explain") == asked + 1


def test_keyboard(page, tmp_path):
    """Without a mouse: tab to the button, choose, tab to the heatmap, press space."""
    (tmp_path / "red.png").write_bytes(RED)

    chooser = page.press(Keys.TAB)
    outline = page.one("label[for=image]").value_of_css_property("outline-style")
    chooser.send_keys(str(tmp_path / "red.png"))
    page.wait_for_cards(1)
    button = [page.press(Keys.TAB) for _ in range(3)][-1]
    page.press(Keys.SPACE)
    page.wait_for_status("The yellow parts")

    assert (chooser.get_attribute("id"), outline) == ("image", "solid")
    assert button == page.one("#answers button")
    assert button.get_attribute("aria-pressed") == "true"


def test_names(page):
    """Everything that can be operated has a name for those who do not see it."""
    page.drop(red_png=RED)

    names = [element.accessible_name for element in page.run(SHOWN_CONTROLS)]

    assert names == [
        "Choose photos",
        "or the address of a photo on the web",
        "Model",
        "What decided it",
        "The API, with examples",
        "Models as JSON",
    ]
    assert page.one("img").accessible_name == "red.png"


def test_links(page):
    """Each link leads to a page that is there."""
    links = [link.get_attribute("href") for link in page.all("a")]

    assert [link.removeprefix(page.url) for link in links] == ["/docs", "/models"]
    with urllib3.PoolManager() as pool:
        assert [pool.request("GET", link).status for link in links] == [200, 200]


def test_address(page):
    """An address is posted by the form itself; a refusal is a sentence on the page."""
    page.one("summary").click()
    page.one("#url").send_keys("http://127.0.0.1/red.png")
    page.one("button[type=submit]").click()

    page.wait_until(lambda: page.all("[role=alert]"))
    assert "use a public http(s) address" in page.one("[role=alert]").text


def test_without_script(page, tmp_path):
    """The form alone, as a browser without JavaScript has it, gives the same answer."""
    (tmp_path / "red.png").write_bytes(RED)
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.driver.refresh()
        page.one("#image").send_keys(str(tmp_path / "red.png"))
        page.one("button[type=submit]").click()
        said = page.wait_for_cards(1)["Photo 1"]
    finally:
        page.command("Emulation.setScriptExecutionDisabled", value=False)

    assert "is-scripted" not in page.driver.page_source
    assert said.startswith(f"red {SURE}")
    assert "answered by tiny, version 1" in said
    assert not page.all("#answers button")
