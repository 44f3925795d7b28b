"""What the image recipes promise, read from their text."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import fnmatch

import pytest

from tests.manifests.rendered import ROOT

IMAGES = {
    "gateway/Dockerfile": ["python", "-m", "gateway"],
    "serving/Dockerfile": ["tensorflow_model_server"],
    "serving/embedded.Dockerfile": ["python", "-m", "serving"],
    "gateway/streamlit/Dockerfile": ["streamlit", "run", "app.py"],
    "training/Dockerfile": ["python", "-m", "training"],
    "training/scoring.Dockerfile": ["python", "-m", "training.score"],
}
RECIPE = re.compile(r"Dockerfile$|^README\.md$|^kustomization\.yaml$")


def list_dockerfiles():
    """Every Dockerfile in our packages."""
    packages = ("gateway", "serving", "training")
    return [path for name in packages for path in (ROOT / name).rglob("*Dockerfile")]


def instructions(name):
    """(instruction, arguments) of a Dockerfile, continued lines joined."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def last_stage(name):
    """The instructions that make the image which is built by default."""
    lines = instructions(name)
    starts = [i for i, (word, _) in enumerate(lines) if word == "FROM"]
    return lines[starts[-1] + 1 :]


@pytest.mark.parametrize("name", IMAGES)
def test_every_dockerfile_is_listed(name):
    """The tables of this file hold every Dockerfile there is."""
    found = {str(path.relative_to(ROOT)) for path in list_dockerfiles()}

    assert name in found
    assert found == set(IMAGES)


@pytest.mark.parametrize("name", IMAGES)
def test_user_is_the_pods_user(name):
    """The image's user is numeric and the one the pods run as."""
    users = [rest for word, rest in instructions(name) if word == "USER"]

    assert users == ["10001:10001"]


@pytest.mark.parametrize("name, command", IMAGES.items())
def test_entry_point(name, command):
    """The program is process 1, with no shell that would keep its signals."""
    (entry,) = (rest for word, rest in instructions(name) if word == "ENTRYPOINT")

    assert json.loads(entry) == command


@pytest.mark.parametrize("name", IMAGES)
def test_stop_signal(name):
    """Training ends on SIGINT, which Python always hears; servers ask for SIGTERM."""
    signals = [rest for word, rest in instructions(name) if word == "STOPSIGNAL"]

    assert signals == (["SIGINT"] if name.startswith("training/") else [])


@pytest.mark.parametrize(
    "name",
    [
        "serving/embedded.Dockerfile",
        "training/Dockerfile",
        "training/scoring.Dockerfile",
    ],
)
def test_tensorflow_alone_is_stripped(name):
    """No other package is touched: only TensorFlow is large, and was run so."""
    text = " ".join(rest for _, rest in instructions(name))
    stripped = re.findall(r'find (\S+) -name "\*\.so\*"\s+-exec strip', text)

    assert stripped == ["/venv/lib/python3.11/site-packages/tensorflow"]


@pytest.mark.parametrize(
    "name, categories",
    [
        ("gateway/Dockerfile", "packages gateway"),
        ("serving/embedded.Dockerfile", "packages serving ${ENGINE}"),
        ("gateway/streamlit/Dockerfile", "streamlit"),
        ("training/Dockerfile", "packages training datasets"),
        ("training/scoring.Dockerfile", "packages training ray"),
    ],
)
def test_categories(name, categories):
    """An image installs its own packages and those both share, nothing more."""
    text = (ROOT / name).read_text(encoding="utf-8")

    assert re.findall(r'--categories "(.+?)"', text) == [categories]


def test_engine_is_extra():
    """The embedded server's image holds another engine only where one is named."""
    arguments = [
        rest
        for word, rest in instructions("serving/embedded.Dockerfile")
        if word == "ARG"
    ]

    assert 'ENGINE=""' in arguments


@pytest.mark.parametrize("name", IMAGES)
def test_base_images_are_pinned(name):
    """Every base is an earlier stage, nothing, or an argument with its registry."""
    lines = instructions(name)
    bases = [rest for word, rest in lines if word == "FROM"]
    stages = {base.split()[-1] for base in bases if " AS " in base}
    defaults = dict(
        rest.split("=", 1) for word, rest in lines if word == "ARG" and "=" in rest
    )
    for base in bases:
        if base.split()[0] in stages | {"scratch"}:
            continue
        (argument,) = re.findall(r"^\$\{(\w+)\}", base)
        # Podman knows no short names where nobody has told it a registry.
        assert re.search(r"^docker\.io/\S+/\S+:\d+\.\d+", defaults[argument])


@pytest.mark.parametrize(
    "name, folders",
    [
        ("gateway/Dockerfile", {"gateway/"}),
        ("serving/embedded.Dockerfile", {"serving/"}),
        ("gateway/streamlit/Dockerfile", {"gateway/streamlit/app.py"}),
        ("training/Dockerfile", {"gateway/", "training/"}),
        ("training/scoring.Dockerfile", {"gateway/", "training/"}),
    ],
)
def test_own_packages_only(name, folders):
    """From the project, an image gets the lock file and its own packages only."""
    sources = set()
    for word, rest in instructions(name):
        if word == "COPY" and "--from" not in rest and "models/" not in rest:
            sources |= set(rest.split()[:-1])

    assert sources == {"Pipfile", "Pipfile.lock"} | folders


def test_gateway_leaves_streamlit_out():
    """The Streamlit page goes into the Streamlit image alone."""
    removals = [rest for word, rest in instructions("gateway/Dockerfile")]

    assert any(rest.startswith("rm -r gateway/streamlit ") for rest in removals)


def test_data_files_enter_the_build():
    """What lies in our packages enters a build, but for documents and recipes."""
    text = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    patterns = [line[3:] for line in text.splitlines() if line.startswith("**/")]
    command = ["git", "ls-files", "gateway", "serving", "training"]
    listing = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    names = {line.rpartition("/")[2] for line in listing.splitlines()}
    left_out = {
        name for name in names if any(fnmatch(name, pattern) for pattern in patterns)
    }

    assert left_out == {name for name in names if RECIPE.search(name)}
    assert "openapi.json" in names - left_out


def test_gateway_holds_no_model():
    """The gateway asks a model server; its image copies no model."""
    assert not any("models" in rest for _, rest in instructions("gateway/Dockerfile"))


@pytest.mark.parametrize(
    "name",
    [
        "serving/Dockerfile",
        "serving/embedded.Dockerfile",
        "training/scoring.Dockerfile",
    ],
)
def test_model_is_baked_in(name):
    """The chosen model's folder becomes the one name that the servers serve."""
    copies = [rest for word, rest in last_stage(name) if word == "COPY"]
    (copy,) = (rest for rest in copies if "models/" in rest)

    assert copy == "--chown=10001:10001 models/${MODEL} /models/classifier"


def test_nothing_enters_a_build_unnamed():
    """The build context starts empty and lets in what the images copy."""
    text = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and line[0] != "#"]

    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {
        "!Pipfile",
        "!Pipfile.lock",
        "!gateway",
        "!serving",
        "!training",
        "!models",
    }
