"""scripts/canary beside real servers: a good version goes on, a bad one goes back."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from canary_config import hold, read_served, write_served
from tests.integration.canary_stack import (
    WAIT_SECONDS,
    Stack,
    ask,
    only_version,
    traffic,
)
from tests.integration.forked_server import fork_server
from tests.integration.gateway_process import running_gateway
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model

SERVER_SECONDS = 900
PHOTOS_OF_A_CLASS = 10
# Every label is wrong with these.
SABOTAGE = (1, 2, 0)


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory):
    """Version 1 of the tiny model behind a real server and a real gateway."""
    stack = Stack(tmp_path_factory.mktemp("canary"))
    write_tiny_model(stack.folder / "tiny", 1)
    stack.models_config.write_text(
        "# Kept.\nmodel_config_list { config { "
        f'name: "tiny" base_path: "{stack.folder}/tiny" model_platform: "tensorflow" '
        "model_version_policy { specific { versions: 1 } } } }",
        encoding="utf-8",
    )
    flags = (
        f"--model_config_file={stack.models_config}",
        "--model_config_file_poll_wait_seconds=1",
        "--max_num_load_retries=0",
    )
    with fork_server(
        *flags, timeout_seconds=SERVER_SECONDS, stderr=subprocess.DEVNULL
    ) as (process, said):
        threading.Thread(target=process.stdout.read, daemon=True).start()
        stack.address = f"localhost:{said['grpc_port']}"
        with running_gateway(
            model_address=stack.address,
            models="tiny",
            canary_file=stack.folder / "canary.json",
        ) as gateway:
            stack.url, stack.lines = gateway.url, gateway.lines
            yield stack


@pytest.fixture(name="golden", scope="module")
def _golden(tmp_path_factory):
    """Ten noisy pictures of each of the tiny model's colors, in class folders."""
    folder = tmp_path_factory.mktemp("golden")
    random = np.random.default_rng(3)
    for channel, label in enumerate(LABELS):
        (folder / label).mkdir()
        for number in range(PHOTOS_OF_A_CLASS):
            pixels = random.integers(0, 100, (24, 30, 3), np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def red_photo(golden):
    """One of the golden pictures, as bytes."""
    return (golden / "red" / "0.png").read_bytes()


def test_good_then_sabotaged(stack, golden):
    """A good version is promoted, a sabotaged one aborts itself; nobody notices."""
    stack.add_version(2)
    stack.add_version(3, channels=SABOTAGE)

    with traffic(stack.url, red_photo(golden)) as answers:
        good = stack.canary(
            "start", 2, "--percent=30", f"--golden={golden}", "--promote"
        )
        bad = stack.canary("start", 3, "--percent=30", f"--golden={golden}", "--watch")
    with traffic(stack.url, red_photo(golden)) as later:
        status = stack.canary("status")

    assert good.returncode == 0, good.stderr + good.stdout
    assert "golden photos right   30 of 30" in good.stdout
    assert "version 2 is stable and gets all requests" in good.stdout
    assert bad.returncode == 3, bad.stderr + bad.stdout
    # All thirty were right and are wrong: one in 2^30 by chance.
    reason = "accuracy: 0 of 30 golden photos right, stable 30; 30 lost and 0 won"
    assert reason in bad.stdout
    assert "probability 9.3e-10" in bad.stdout
    assert any(reason in line and "event=canary " in line for line in stack.lines)
    assert "2 AVAILABLE" in status.stdout and "labels {'stable': 2}" in status.stdout
    assert stack.share()["percent"] == 0
    assert {code for code, _ in answers} == {200}
    # The golden photos come first: no caller met the sabotaged one.
    assert {version for _, version in answers} == {1, 2}
    assert set(later) == {(200, 2)}
    assert stack.models_config.read_text("utf-8").startswith("# Kept.\n")


def test_other_labels(stack, golden):
    """Live requests alone end a canary that fails them, and no caller hears of it."""
    stable = only_version(stack.url)
    stack.add_version(14, contract=tiny_contract(("cat", "dog", "owl")))

    with traffic(stack.url, red_photo(golden)) as answers:
        done = stack.canary("start", 14, "--percent=50", "--watch", "--every=0.2")

    assert done.returncode == 3, done.stderr + done.stdout
    assert "aborted: errors: " in done.stdout
    assert set(answers) == {(200, stable)}
    assert only_version(stack.url) == stable
    assert stack.share()["reason"].startswith("errors: ")


def test_gateway_goes_away(stack, golden, tmp_path):
    """A canary that can no longer be judged goes back; two workers follow one file."""
    stable = only_version(stack.url)
    shares = tmp_path / "canary.json"
    settings = {"model_address": stack.address, "models": "tiny", "workers": 2}
    stack.add_version(24)

    with ThreadPoolExecutor(1) as background:
        with running_gateway(canary_file=shares, **settings) as gateway:
            watching = background.submit(
                stack.canary,
                *("start", 24, "--percent=50", "--watch", "--every=0.2"),
                *(f"--gateway={gateway.url}", f"--canary-file={shares}"),
            )
            answers = []
            ends_at = time.monotonic() + WAIT_SECONDS
            while (200, 24) not in answers:
                assert time.monotonic() < ends_at
                answers.append(ask(gateway.url, red_photo(golden)))
        done = watching.result()

    assert done.returncode == 3, done.stderr + done.stdout
    assert "aborted: it cannot be judged: expected a gateway at" in done.stdout
    assert {code for code, _ in answers} == {200}
    assert json.loads(shares.read_text("utf-8"))["tiny"]["percent"] == 0
    assert only_version(stack.url) == stable


def test_vanished(stack, golden):
    """A canary that is unloaded behind the gateway's back fails no request."""
    stable = only_version(stack.url)
    stack.add_version(34)
    assert stack.canary("start", 34, "--percent=100").returncode == 0
    assert ask(stack.url, red_photo(golden)) == (200, 34)

    text = stack.models_config.read_text("utf-8")
    alone = hold(read_served(text), (stable,), stable=stable)
    with traffic(stack.url, red_photo(golden)) as answers:
        stack.models_config.write_text(write_served(text, alone), "utf-8")
        assert only_version(stack.url) == stable
        last = ask(stack.url, red_photo(golden))

    assert last == (200, stable)
    assert {code for code, _ in answers} == {200}
    assert stack.share()["percent"] == 100
    assert stack.canary("abort").returncode == 0


def test_unloadable(stack):
    """A version that cannot be loaded is given up, and everything is as before."""
    stable = only_version(stack.url)
    (stack.folder / "tiny" / "15").mkdir()
    (stack.folder / "tiny" / "15" / "saved_model.pb").write_bytes(b"no graph")

    done = stack.canary("start", 15)

    assert done.returncode == 1, done.stderr + done.stdout
    assert done.stderr == (
        "canary: version 15 could not be loaded; the model server's log says why\n"
    )
    assert only_version(stack.url) == stable
    assert stack.share()["percent"] == 0


def test_by_hand(stack, golden):
    """Start, another share, status, abort, abort again: each says what it did."""
    stable = only_version(stack.url)
    stack.add_version(16, channels=SABOTAGE)

    begun = stack.canary("start", 16, "--percent=10", "--sticky")
    raised = stack.canary("start", 16, "--percent=50")
    second = stack.canary("start", 17)
    status = stack.canary("status", f"--golden={golden}")
    ended = stack.canary("abort")
    again = stack.canary("promote")

    assert (begun.returncode, raised.returncode) == (0, 0), begun.stderr
    assert "version 16 gets 10 % of the requests" in begun.stdout
    assert "version 16 gets 50 % of the requests" in raised.stdout
    assert (second.returncode, second.stderr) == (
        1,
        "canary: expected no canary, version 16 is one: promote or abort\n",
    )
    assert "golden disagreement" in status.stdout and "30 of 30" in status.stdout
    assert "worse: accuracy: 0 of 30 golden photos right" in status.stdout
    assert ended.returncode == 0
    assert "aborted: a person said so" in ended.stdout
    assert only_version(stack.url) == stable
    assert (again.returncode, again.stderr) == (
        1,
        "canary: expected a canary, none was started\n",
    )


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (("start", 0), 2, "expected a version, received '0'"),
        (("start", 99, "--patience=6"), 1, "expected version 99 to be loaded"),
        (("start", 2, "--golden=nowhere"), 1, "at least 7 golden photos in nowhere"),
        (("status", "--model=cats"), 1, "expected one of the models tiny"),
        (("status", "--gateway=http://127.0.0.1:9"), 1, "expected a gateway at"),
    ],
)
def test_refusals(stack, arguments, code, sentence):
    """What cannot be done is one sentence, and changes nothing for callers."""
    before = only_version(stack.url)

    done = stack.canary(*arguments)

    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert only_version(stack.url) == before
