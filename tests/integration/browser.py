"""Debian's Chromium without a window, driven by selenium; nothing is downloaded."""

from __future__ import annotations

import base64
import shutil
from contextlib import contextmanager

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WAIT_SECONDS = 20
# Root may not use Chromium's sandbox; the rest keeps it from calling anybody.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_SEND_FILES = """
const [kind, files] = arguments;
const transfer = new DataTransfer();
for (const [name, type, text] of files) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type }));
}
const how = { bubbles: true, cancelable: true };
const target = document.querySelector("main");
if (kind === "paste") {
  target.dispatchEvent(new ClipboardEvent(kind, { ...how, clipboardData: transfer }));
} else {
  target.dispatchEvent(new DragEvent(kind, { ...how, dataTransfer: transfer }));
}
"""


class Browser:
    """One Chromium with the page open, and what a person does and sees there."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url

    @contextmanager
    def reloaded(self):
        """The page freshly loaded; nothing may complain in the console meanwhile."""
        self.read_log()
        self.open()
        yield self
        assert not self.read_log()

    def open(self, width=1200, **features):
        """Load the page anew, on a screen so wide; features such as color_scheme."""
        is_phone = width < 600
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        self.command("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        preferred = {"color-scheme": "light", "reduced-motion": "reduce"}
        preferred |= {name.replace("_", "-"): value for name, value in features.items()}
        self.command(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": f"prefers-{name}", "value": value}
                for name, value in preferred.items()
            ],
        )
        self.driver.get(self.url)

    def command(self, name, **parameters):
        """One command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *values):
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *values)

    def send_files(self, kind, files):
        """A drop, dragover or paste event that carries files: bytes by their names."""
        listed = [
            [name, "", base64.b64encode(data).decode()] for name, data in files.items()
        ]
        self.run(_SEND_FILES, kind, listed)

    def drop(self, **files):
        """Drop files on the page, red_png=... as red.png; their answers' texts."""
        named = {name.replace("_", "."): data for name, data in files.items()}
        self.send_files("drop", named)
        return self.wait_for_cards(len(files))

    def wait_for_cards(self, count):
        """The answers' texts by file name, once so many are there and all complete."""
        self.wait_until(
            lambda: len(self.all("#answers .card")) == count
            and not self.all("#answers [aria-busy=true]")
        )
        names = [caption.text for caption in self.all("#answers figcaption")]
        texts = [" ".join(said.text.split()) for said in self.all("#answers .said")]
        return dict(zip(names, texts, strict=True))

    def press(self, key):
        """One key, for whatever has the focus; what has it then."""
        ActionChains(self.driver).send_keys(key).perform()
        return self.driver.switch_to.active_element

    def cut_network(self, is_cut):
        """Unplug the browser, or plug it in again."""
        self.command("Network.enable")
        self.command(
            "Network.emulateNetworkConditions",
            offline=is_cut,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def all(self, selector):
        """The elements a CSS selector finds."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The only element a CSS selector finds."""
        (element,) = self.all(selector)
        return element

    def wait_until(self, is_so):
        """Wait for a condition; fails after WAIT_SECONDS."""
        return WebDriverWait(self.driver, WAIT_SECONDS, 0.02).until(lambda _: is_so())

    def wait_for_status(self, words):
        """Wait until a screen reader is told something that holds these words."""
        status = self.one("#status")
        self.wait_until(
            lambda: words in " ".join(status.get_attribute("textContent").split())
        )

    def read_log(self):
        """What the console said since it was last asked, but for refused requests."""
        lines = [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in lines if "Failed to load resource" not in line]


@contextmanager
def running_browser(url):
    """A Browser on a page; skips where Chromium is not installed."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(programs[1]))
    try:
        yield Browser(driver, url)
    finally:
        driver.quit()
