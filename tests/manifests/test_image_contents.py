"""What our serving images keep of Debian, Python and packages: their recipes."""

from __future__ import annotations

import pytest

from tests.manifests.test_dockerfiles import instructions

RECIPES = ("gateway/Dockerfile", "serving/embedded.Dockerfile")


@pytest.mark.parametrize(
    "name, package",
    [("gateway/Dockerfile", "gateway"), ("serving/embedded.Dockerfile", "serving")],
)
def test_starts_empty(name, package):
    """An image of ours that serves holds what its stages kept, and names its PATH."""
    lines = instructions(name)
    start = next(
        i for i, (word, rest) in enumerate(lines) if rest.startswith("scratch")
    )
    stage = lines[start : start + 10]
    copies = [rest for word, rest in stage if word == "COPY"]
    (env,) = (rest for word, rest in stage if word == "ENV")

    assert copies == [
        "--from=system / /",
        "--from=builder /venv /venv",
        f"--from=builder /build/{package} /app/{package}",
    ]
    assert "PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin" in env.split()


def test_same_system():
    """Both keep the same of Debian and Python: a node holds that layer once."""
    systems = []
    for name in RECIPES:
        lines = instructions(name)
        start = lines.index(("FROM", "${PYTHON_IMAGE} AS system"))
        systems.append(lines[start + 1])

    assert systems[0] == systems[1]
    assert "/usr/bin/perl*" in systems[0][1].split()


@pytest.mark.parametrize("name", RECIPES)
def test_bytecode_repeats(name):
    """Two builds give the same bytecode: by hash, and in place of what pip compiled."""
    compilations = [
        command.split()
        for word, rest in instructions(name)
        if word == "RUN"
        for command in rest.split("&&")
        if "compileall" in command
    ]

    assert len(compilations) == 2
    for words in compilations:
        assert words[words.index("--invalidation-mode") + 1] == "unchecked-hash"
    (packages,) = (words for words in compilations if "/venv/lib" in words)
    assert "-f" in packages


def test_what_only_some_wheels_hold():
    """TensorBoard's server is in no wheel for arm64: its removal must not need it."""
    (run,) = (
        rest
        for word, rest in instructions("serving/embedded.Dockerfile")
        if word == "RUN" and "tensorboard_data_server" in rest
    )

    (command,) = (
        part.split() for part in run.split("&&") if "tensorboard_data_server" in part
    )
    assert command[:2] == ["rm", "-rf"]
    assert len(command) == 3
