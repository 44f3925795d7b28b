"""A gateway that keeps photos and corrections, and the export of what it kept."""

from __future__ import annotations

import hashlib
import json

from gateway.app import create_app
from gateway.feedback_export import main
from gateway.settings import Settings
from tests.unit.gateway.sending import send_raw

LABELS = "red,green,blue"


class KeptData:
    """A folder with log and photos below it, and the web client that fills it."""

    def __init__(self, client, folder):
        self.folder = folder
        settings = Settings(
            models=("tiny", "second"),
            prediction_log=str(folder / "log"),
            keep_photos=str(folder / "photos"),
        )
        self.web = create_app(settings, client).test_client()

    def predict(self, photo, request_id):
        """Ask about a photo under a known id."""
        reply = send_raw(self.web, photo, headers={"X-Request-ID": request_id})
        assert reply.status_code == 200

    def correct(self, request_id, label, **more):
        """A person's word on a picture."""
        document = {"request_id": request_id, "label": label, **more}
        assert self.web.post("/feedback", json=document).status_code == 201

    def export(self, *more, logs=("log",)):
        """Run the program on what was kept; its exit code."""
        paths = [str(self.folder / name) for name in logs]
        places = {"--photos": self.folder / "photos", "--output": self.folder / "set"}
        options = [f"{name}={path}" for name, path in places.items()]
        return main([*paths, *options, *(more or ("--labels", LABELS))])

    def exported(self):
        """label/name -> bytes of every photo of the data set."""
        folder = self.folder / "set"
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def name_of(photo, suffix):
    """The name a photo is exported under."""
    return hashlib.sha256(photo).hexdigest() + suffix


def log_line(**members):
    """One line of a log, as a stranger might write it."""
    return json.dumps({"time": "2026-01-01T00:00:00.000Z", **members}) + "\n"
