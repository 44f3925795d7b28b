"""The page before a gateway with narrow limits and a key: what is sent, and how."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.integration.browser import running_browser
from tests.integration.gateway_process import running_gateway
from tests.unit.gateway.drawing import encode

KEY = "a-key-of-sixteen-characters"
MAX_IMAGES = 3
MAX_BODY_BYTES = 64 * 1024


@pytest.fixture(name="gateway", scope="module")
def _gateway(tiny_server, tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"browser {KEY}\n", encoding="utf-8")
    with running_gateway(
        model_address=f"localhost:{tiny_server.grpc_port}",
        models="tiny",
        api_keys_file=keys,
        max_images=MAX_IMAGES,
        max_body_bytes=MAX_BODY_BYTES,
    ) as gateway:
        yield gateway


@pytest.fixture(name="session", scope="module")
def _session(gateway):
    """Opened as a person does who gave the key to the browser's own question."""
    address = gateway.url.replace("http://", f"http://any:{KEY}@")
    with running_browser(address) as browser:
        yield browser


@pytest.fixture(name="page")
def _page(session):
    session.open()
    return session


@pytest.fixture(name="photo")
def _photo():
    return encode(Image.new("RGB", (60, 30), "#f00"), "PNG")


def count_posts(gateway):
    """How often /predict was asked, by the gateway's own log."""
    return sum("method=POST path=/predict status=200" in line for line in gateway.lines)


def test_key(page, photo):
    """The key that the browser was given opens /predict and /explain as well."""
    said = page.drop(red_png=photo)["red.png"]
    page.one("#answers button").click()
    page.wait_for_status("The yellow parts")

    assert said.startswith("red 57.6 %")


@pytest.mark.parametrize("padding, requests", [(0, 3), (25_000, 4)])
def test_split(page, gateway, photo, padding, requests):
    """Seven photos go three at a time, of 25 kB each two; all are answered."""
    asked = count_posts(gateway)
    photos = {f"photo{number}_png": photo + bytes(padding) for number in range(7)}

    said = page.drop(**photos)

    assert list(said) == [f"photo{number}.png" for number in range(7)]
    assert all(text.startswith("red 57.6 %") for text in said.values())
    assert count_posts(gateway) == asked + requests


def test_too_many_without_script(page, photo, tmp_path):
    """Without JavaScript the form sends all at once: a sentence names the limit."""
    for number in range(MAX_IMAGES + 1):
        (tmp_path / f"{number}.png").write_bytes(photo)
    paths = "\n".join(str(path) for path in sorted(tmp_path.iterdir()))
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.driver.refresh()
        page.one("#image").send_keys(paths)
        page.one("button[type=submit]").click()
        page.wait_until(lambda: page.all("[role=alert]"))
    finally:
        page.command("Emulation.setScriptExecutionDisabled", value=False)

    assert "Expected at most 3 pictures, received 4" in page.one("[role=alert]").text
