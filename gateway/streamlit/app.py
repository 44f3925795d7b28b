"""The Streamlit front end: a photo in, what the gateway says of it out.

Knows the gateway's public API and nothing else of this project:
GATEWAY_URL=http://localhost:8080 streamlit run gateway/streamlit/app.py
GATEWAY_API_KEY is sent along where the gateway wants a key.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import requests
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

DEFAULT_URL = "http://localhost:8080"
# Longer than a gateway's own deadlines (fetch 4 s + model 5 s + decoding), so that its
# sentence arrives and not ours.
TIMEOUT_SECONDS = (3.05, 15)
SHOWN_SCORES = 10
LEGEND = "The yellow parts counted most for this answer."
# A photo is not sent again at every click, and a new model version is seen after this.
REMEMBERED_SECONDS = 60
REMEMBERED_PHOTOS = 64


class NoAnswer(Exception):
    """The gateway refused or is not there; the text is a sentence for people."""


@dataclass(frozen=True)
class Gateway:
    """One gateway by its address, and the key it may want."""

    url: str
    key: str = field(default="", repr=False)

    def ask(self, method: str, path: str, **parts: Any) -> requests.Response:
        """One request; parts as the requests library takes them.

        Raises:
            NoAnswer: No answer, or a problem document.
        """
        headers = {"X-API-Key": self.key} if self.key else {}
        headers |= parts.pop("headers", {})
        url = self.url.rstrip("/") + path
        try:
            reply = requests.request(
                method, url, headers=headers, timeout=TIMEOUT_SECONDS, **parts
            )
        except requests.RequestException as error:
            raise NoAnswer(f"The gateway at {self.url} does not answer.") from error
        if not reply.ok:
            raise NoAnswer(_read_problem(reply))
        return reply


def _read_json(gateway: Gateway, reply: requests.Response, field_name: str) -> Any:
    """One field of a JSON reply.

    Raises:
        NoAnswer: There is none: something else answers at that address.
    """
    try:
        return reply.json()[field_name]
    except (ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"What answers at {gateway.url} is no gateway.") from error


def _read_problem(reply: requests.Response) -> str:
    """The sentence of a problem document; without one, the status."""
    try:
        detail = str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered with the status {reply.status_code}."
    return f"{detail[:1].upper()}{detail[1:].rstrip('.')}."


@st.cache_data(ttl=REMEMBERED_SECONDS, show_spinner=False)
def list_models(gateway: Gateway) -> list[dict[str, Any]]:
    """What the gateway serves, the default first."""
    return _read_json(gateway, gateway.ask("GET", "/models"), "models")


@st.cache_data(
    ttl=REMEMBERED_SECONDS,
    max_entries=REMEMBERED_PHOTOS,
    show_spinner="Looking at it …",
)
def classify(gateway: Gateway, model: str, photo: bytes) -> dict[str, Any]:
    """The gateway's reply about one photo."""
    wishes = {"model": model, "top": SHOWN_SCORES}
    return _send_photo(gateway, "/predict", photo, wishes, "application/json").json()


@st.cache_data(
    ttl=REMEMBERED_SECONDS,
    max_entries=REMEMBERED_PHOTOS,
    show_spinner="Asking what decided it …",
)
def explain(gateway: Gateway, model: str, version: int, photo: bytes) -> bytes:
    """The photo with the heatmap over it, as a PNG, from the version that answered."""
    wishes = {"model": model, "version": version}
    return _send_photo(gateway, "/explain", photo, wishes, "image/png").content


def _send_photo(
    gateway: Gateway, path: str, photo: bytes, wishes: dict[str, Any], accept: str
) -> requests.Response:
    headers = {"Accept": accept, "Content-Type": "application/octet-stream"}
    return gateway.ask("POST", path, params=wishes, data=photo, headers=headers)


def percent(share: float) -> str:
    """0.985 as 98.5 %, with a blank that does not break."""
    return f"{100 * share:.1f}\u00a0%"


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it is: a label may hold anything."""
    return "".join(
        f"\\{sign}" if sign in "\\`*_{}[]()<>#+-.!|~:$&" else sign for sign in text
    )


def choose_model(gateway: Gateway) -> str:
    """The model picker, with how good the chosen one is."""
    models = {model["name"]: model for model in list_models(gateway)}
    name = st.selectbox("Model", list(models))
    accuracy = models[name].get("accuracy")
    if accuracy:
        st.caption(
            f"Right on {percent(accuracy['test_accuracy'])} of "
            f"{models[name]['test_pictures']} photos it had never seen."
        )
    return name


def show_answer(gateway: Gateway, model: str, photo: bytes, key: str) -> None:
    """One photo beside its label and bars; the heatmap over it when asked for."""
    try:
        reply = classify(gateway, model, photo)
    except NoAnswer as problem:
        st.error(plain(str(problem)))
        return
    left, right = st.columns(2)
    prediction = reply["predictions"][0]
    right.subheader(f"{plain(prediction['label'])} {percent(prediction['score'])}")
    for entry in prediction["scores"]:
        text = f"{plain(entry['label'])}: {percent(entry['score'])}"
        right.progress(min(1.0, max(0.0, entry["score"])), text)
    who = f"answered by {plain(reply['model'])}, version {reply['version']}"
    right.caption(who)
    if right.toggle("What decided it", key=key):
        show_heatmap(gateway, reply, photo, left)
    else:
        left.image(photo, width="stretch")


def show_heatmap(
    gateway: Gateway, reply: dict[str, Any], photo: bytes, place: DeltaGenerator
) -> None:
    """The overlay in the photo's place; where there is none, the photo and why."""
    try:
        overlay = explain(gateway, reply["model"], reply["version"], photo)
    except NoAnswer as problem:
        place.image(photo, width="stretch")
        place.error(plain(str(problem)))
        return
    place.image(overlay, caption=LEGEND, width="stretch")


def main() -> None:
    """The page from top to bottom; Streamlit runs it again at every click."""
    st.set_page_config(page_title="What is in the photo?", page_icon="🖼️")
    url = os.environ.get("GATEWAY_URL", DEFAULT_URL)
    gateway = Gateway(url, os.environ.get("GATEWAY_API_KEY", ""))
    st.title("What is in the photo?")
    try:
        model = choose_model(gateway)
    except NoAnswer as problem:
        st.error(plain(str(problem)))
        st.button("Try again")
        return
    photos = st.file_uploader("Photos", accept_multiple_files=True)
    if st.toggle("Use the camera"):
        photos = [*photos, st.camera_input("Take a photo")]
    for place, photo in enumerate(photos):
        if photo is not None:
            st.divider()
            st.caption(plain(photo.name))
            show_answer(gateway, model, photo.getvalue(), f"heatmap-{place}")


if __name__ == "__main__":
    main()
