"""The API page in a real browser: one language for all examples, copied at a click."""

from __future__ import annotations

import threading

import pytest
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.openapi_page import LANGUAGES
from gateway.settings import Settings
from tests.integration.browser import running_browser
from tests.unit.gateway.explaining import ExplainingClient

# The languages of all examples that can be seen.
SHOWN = """
const shown = [...document.querySelectorAll(".samples pre")].filter(
  (sample) => sample.checkVisibility());
return shown.map((sample) => sample.className);
"""
TEXT = "return document.querySelector(arguments[0]).textContent"
CLICK = "document.querySelector(arguments[0]).click()"
MANY = 20


@pytest.fixture(name="address", scope="module")
def _address():
    app = create_app(Settings(models=("tiny",)), ExplainingClient())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(name="session", scope="module")
def _session(address):
    with running_browser(f"{address}/docs") as browser:
        yield browser


@pytest.fixture(name="page")
def _page(session):
    with session.reloaded() as page:
        yield page


def test_one_language_for_all(page):
    """What is chosen at one example is shown at every other, and nothing else."""
    before = page.run(SHOWN)

    page.run(CLICK, "label[for=predict-python]")
    after = page.run(SHOWN)

    assert len(before) >= MANY and set(before) == {"curl"}
    assert len(after) == len(before) and set(after) == {"python"}


def test_keys_choose(page):
    """An arrow key takes the next language, as in any group of radio buttons."""
    page.run("document.querySelector('#predict-curl').focus()")

    page.press("\ue014")

    assert set(page.run(SHOWN)) == {"python"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_copy(page, address, language):
    """A click copies the example that is shown, as it is shown."""
    page.command(
        "Browser.grantPermissions",
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
        origin=address,
    )
    page.run(CLICK, f"label[for=predict-{language}]")

    page.run(CLICK, "#predict .copy")
    page.wait_until(lambda: page.run(TEXT, "#predict .copy") == "Copied")

    copied = page.run("return navigator.clipboard.readText()")
    shown = page.run(TEXT, f"#predict .{language} code")
    assert copied == shown
    assert f"{address}/predict" in copied


def test_other_address(page, address):
    """Examples call the gateway by the address that this browser knows."""
    page.driver.get(page.url.replace("127.0.0.1", "localhost"))

    shown = page.run(TEXT, "#predict .curl")

    assert address.replace("127.0.0.1", "localhost") + "/predict" in shown
    assert "127.0.0.1" not in shown


def test_without_javascript(page):
    """Without JavaScript a language is chosen for its own example; nothing is lost."""
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.driver.get(page.url)
        assert not page.all(".copy")

        page.one("label[for=predict-javascript]").click()

        shown = [
            one for one in page.all("#predict pre[aria-label]") if one.is_displayed()
        ]
        assert [one.get_attribute("class") for one in shown] == ["javascript"]
        assert "await fetch(" in shown[0].text
    finally:
        page.command("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits(page, width, scheme):
    """On no screen does the page have to be moved sideways."""
    page.open(width=width, color_scheme=scheme)

    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
