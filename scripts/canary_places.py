"""Where the two files of a canary are: here, or in a cluster's ConfigMaps."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canary_config import CanaryFailed

# A kubelet looks at its ConfigMaps once a minute, sooner when a pod is touched.
SPREAD_SECONDS = 180
_LOOK_SECONDS = 2
_TOUCH = "image-classifier/canary-changed"
_PODS = "app.kubernetes.io/name="
_KUBECTL = "kubectl: "


@dataclass(frozen=True)
class LocalFiles:
    """Two files of this machine."""

    models_config: Path
    canary_file: Path

    def read_models(self) -> str:
        """The text of models.config."""
        return _read(self.models_config)

    def write_models(self, text: str) -> None:
        """Replace models.config in one step, since the server polls it."""
        _replace(self.models_config, text)

    def read_shares(self) -> str:
        """The gateway's file of canaries; empty if there is none yet."""
        return _read(self.canary_file) if self.canary_file.exists() else ""

    def write_shares(self, text: str) -> None:
        """Replace the gateway's file in one step."""
        _replace(self.canary_file, text)


@dataclass(frozen=True)
class _Mounted:
    """A file that the pods of a Deployment have from a ConfigMap's folder."""

    deployment: str
    volume: str
    key: str


_MODELS = _Mounted("model-server", "files", "models.config")
_SHARES = _Mounted("gateway", "canary", "canary.json")


@dataclass(frozen=True)
class Cluster:
    """The ConfigMaps of one namespace; every kubectl line is printed."""

    namespace: str
    context: str | None = None

    def read_models(self) -> str:
        """The text of models.config."""
        return self._read(_MODELS)

    def write_models(self, text: str) -> None:
        """Change the ConfigMap and wait until every model server's pod has it."""
        self._write(_MODELS, text)

    def read_shares(self) -> str:
        """The gateway's file of canaries."""
        return self._read(_SHARES)

    def write_shares(self, text: str) -> None:
        """Change the ConfigMap and wait until every gateway's pod has it."""
        self._write(_SHARES, text)

    def _read(self, file: _Mounted) -> str:
        name, _ = self._locate(file)
        config_map = json.loads(
            self._kubectl("get", "configmap", name, "--output", "json")
        )
        try:
            return config_map["data"][file.key]
        except (KeyError, TypeError) as error:
            raise CanaryFailed(
                f"expected {file.key} in the ConfigMap {name}, received none"
            ) from error

    def _write(self, file: _Mounted, text: str) -> None:
        name, folder = self._locate(file)
        patch = json.dumps({"data": {file.key: text}})
        self._kubectl("patch", "configmap", name, "--type", "merge", "--patch", patch)
        selector = f"--selector={_PODS}{file.deployment}"
        # The kubelet looks at once at a pod that changes, and nothing restarts; one
        # that ends meanwhile is an error of kubectl's, and no reason to stop.
        stamp = f"{_TOUCH}={time.time_ns()}"
        with suppress(CanaryFailed):
            self._kubectl("annotate", "pods", selector, stamp, "--overwrite")
        self._wait_for_pods(file, f"{folder}/{file.key}", text)

    def _wait_for_pods(self, file: _Mounted, path: str, text: str) -> None:
        """Listed anew each time: pods come and go, and one that is new has the text."""
        selector = f"--selector={_PODS}{file.deployment}"
        running = "--field-selector=status.phase=Running"
        listing = ("get", "pods", selector, running, "--output", "name")
        ends_at = time.monotonic() + SPREAD_SECONDS
        shown: dict[str, str] = {}
        while True:
            pods = self._kubectl(*listing).split()
            for pod in pods:
                if shown.get(pod) != text:
                    shown[pod] = self._show(pod, file.deployment, path)
            late = [pod for pod in pods if shown[pod] != text]
            if not late:
                return
            if time.monotonic() > ends_at:
                last = shown[late[0]]
                why = last if last.startswith(_KUBECTL) else "an older one"
                raise CanaryFailed(
                    f"expected {late[0]} to have the new {file.key} within "
                    f"{SPREAD_SECONDS} s, received {why}"
                )
            time.sleep(_LOOK_SECONDS)

    def _show(self, pod: str, container: str, path: str) -> str:
        """A pod's file, or why it cannot be read: the pod may just have ended."""
        try:
            return self._kubectl(
                "exec", pod, "--container", container, "--", "cat", path
            )
        except CanaryFailed as error:
            return str(error)

    def _locate(self, file: _Mounted) -> tuple[str, str]:
        """The ConfigMap, whose name holds a hash, and the folder it is mounted at."""
        text = self._kubectl("get", "deployment", file.deployment, "--output", "json")
        pod = json.loads(text)["spec"]["template"]["spec"]
        try:
            volume = _named(pod["volumes"], file.volume)
            mount = _named(pod["containers"][0]["volumeMounts"], file.volume)
            return volume["configMap"]["name"], mount["mountPath"]
        except (KeyError, StopIteration) as error:
            raise CanaryFailed(
                f"expected a volume '{file.volume}' of a ConfigMap in the Deployment "
                f"{file.deployment}; the component canary has another way"
            ) from error

    def _kubectl(self, *arguments: str) -> str:
        context = ("--context", self.context) if self.context else ()
        command = ["kubectl", *context, "--namespace", self.namespace, *arguments]
        print("+", shlex.join(command), flush=True)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise CanaryFailed(
                f"expected kubectl, or --models-config and --canary-file: {error}"
            ) from error
        if done.returncode:
            last_line = done.stderr.strip().rpartition("\n")[-1]
            raise CanaryFailed(f"{_KUBECTL}{last_line}")
        return done.stdout


Place = LocalFiles | Cluster


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CanaryFailed(f"expected a text file at {path}: {error}") from error


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    except OSError as error:
        raise CanaryFailed(f"expected a folder to write to: {error}") from error
