"""compose.yaml as data: the pods' programs, arguments, files and hardening."""

from __future__ import annotations

import dataclasses
import re

import pytest
import yaml

from gateway.__main__ import GRACEFUL_SECONDS
from gateway.app import create_app
from gateway.settings import Settings, variable_name
from serving.__main__ import DRAIN_SECONDS
from tests.manifests.rendered import ROOT, Objects
from tests.manifests.test_settings import container_of, mounted_files
from tests.manifests.test_versions import STOCK, locked, overlay_images

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
    "services"
]
# Service -> the overlay whose model server it is.
SERVERS = {"model-server": "kind", "embedded-server": "embedded"}
FILES_FOLDER = "/etc/model-server/"


def model_server_of(overlay):
    """The Deployment of an overlay's model server."""
    objects = Objects(overlay)
    return objects, objects.named("Deployment", "model-server")


def binds_of(service):
    """target -> (source, whether it is read-only) of every mount from the host."""
    binds = {}
    for volume in SERVICES[service].get("volumes", []):
        if isinstance(volume, str):
            source, target, mode = volume.split(":")
            binds[target] = (source, mode == "ro")
        else:
            assert volume["bind"]["create_host_path"] is False
            binds[volume["target"]] = (volume["source"], volume["read_only"])
    return binds


def test_stock_by_default():
    """Without a profile the gateway meets TensorFlow Serving; embedded is a choice."""
    env = (ROOT / ".env").read_text(encoding="utf-8")

    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}

    assert env == "COMPOSE_PROFILES=stock\n"
    assert profiles == {
        "gateway": None,
        "model-server": ["stock"],
        "embedded-server": ["embedded"],
    }


@pytest.mark.parametrize("name", ["README.md", "compose.yaml"])
def test_choice_replaces_the_default(name):
    """The variable names the profile: podman-compose would add --profile to it."""
    text = (ROOT / name).read_text(encoding="utf-8")

    assert "COMPOSE_PROFILES=embedded" in text
    assert "--profile embedded" not in text


@pytest.mark.parametrize("service, overlay", SERVERS.items())
def test_arguments(service, overlay):
    """The command line is the pod's, so that both are tried by each."""
    _, deployment = model_server_of(overlay)
    container = container_of(deployment)

    assert SERVICES[service]["command"] == container["args"]
    # Ours is the entry point of its image; the stock image's own is a shell.
    entry = {"model-server": container["command"], "embedded-server": None}
    assert SERVICES[service].get("entrypoint") == entry[service]


@pytest.mark.parametrize("service, overlay", SERVERS.items())
def test_files(service, overlay):
    """The mounted files are the ConfigMap's, and no container may change them."""
    objects, deployment = model_server_of(overlay)
    binds = binds_of(service)
    sources = {
        target.removeprefix(FILES_FOLDER): source
        for target, (source, _) in binds.items()
        if target.startswith(FILES_FOLDER)
    }

    assert set(sources) == set(mounted_files(objects, deployment))
    for name, source in sources.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        assert text == mounted_files(objects, deployment)[name]
    assert all(is_read_only for _, is_read_only in binds.values())


@pytest.mark.parametrize("service", SERVERS)
def test_model(service):
    """The chosen model's folder is where models.config looks for it."""
    source, _ = binds_of(service)["/models/classifier"]

    assert source == "./models/${MODEL:-solar-cells}"


def test_images():
    """Stock is the locked TensorFlow; ours are named as the overlays' are."""
    version = overlay_images("kind")["gateway"]["newTag"]

    assert {name: service["image"] for name, service in SERVICES.items()} == {
        "gateway": f"localhost/gateway:{version}",
        "model-server": f"{STOCK}:{locked('training', 'tensorflow')}",
        # Without a model in it, as it is mounted: another image than the overlay's.
        "embedded-server": f"localhost/embedded-server:{version}-bare",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_builds(service):
    """What has a recipe is built from it, up to a stage that exists."""
    build = SERVICES[service].get("build")
    if build is None:
        assert not SERVICES[service]["image"].startswith("localhost/")
        return
    recipe = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")

    assert build["context"] == "."
    if "target" in build:
        assert re.search(rf"^FROM \S+ AS {build['target']}$", recipe, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_hardening(service):
    """As in the pods: a numbered user, nothing writable but /tmp, no privileges."""
    content = SERVICES[service]

    assert content["user"] == "10001:10001"
    assert content["read_only"] is True
    assert content["tmpfs"] == ["/tmp"]
    assert content["cap_drop"] == ["ALL"]
    assert content["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", SERVICES)
def test_memory(service):
    """Each may take what its pod may, so that the same pictures end neither."""
    objects = Objects(SERVERS.get(service, "kind"))
    name = "gateway" if service == "gateway" else "model-server"
    container = container_of(objects.named("Deployment", name))

    limit = container["resources"]["limits"]["memory"]

    assert SERVICES[service]["mem_limit"] == limit.removesuffix("i").lower()


def test_gateway_environment():
    """Every variable is a setting, and names what the model servers serve."""
    environment = SERVICES["gateway"]["environment"]
    known = {variable_name(field) for field in dataclasses.fields(Settings)}
    settings = Settings.from_env(environment)

    assert set(environment) <= known
    assert settings.models == ("classifier",)
    host, port = settings.model_address.split(":")
    for service in SERVERS:
        assert host in SERVICES[service]["networks"]["default"]["aliases"]
        assert f"--port={port}" in SERVICES[service]["command"]


def test_port():
    """The gateway's own port, for this machine only unless somebody says otherwise."""
    (port,) = SERVICES["gateway"]["ports"]

    assert port == f"127.0.0.1:${{LOCAL_PORT:-8080}}:{Settings().port}"


@pytest.mark.parametrize("service", SERVICES)
def test_health(service):
    """The check runs a program that the image has: no curl, no grpc_health_probe."""
    kind, program, *_ = SERVICES[service]["healthcheck"]["test"]

    assert kind == "CMD"
    assert program == ("bash" if service == "model-server" else "python")


def test_gateway_health():
    """The gateway is asked what tells whether it can answer."""
    *_, code = SERVICES["gateway"]["healthcheck"]["test"]
    (path,) = re.findall(rf'"http://localhost:{Settings().port}(\S+)"', code)

    routes = create_app(Settings(), None).url_map.iter_rules()
    assert path == "/readyz"
    assert path in {rule.rule for rule in routes}
    compile(code, "healthcheck", "exec")


def test_grace():
    """Each is given the time that it takes to drain."""
    seconds = {
        name: int(service["stop_grace_period"].removesuffix("s"))
        for name, service in SERVICES.items()
    }

    assert seconds["gateway"] > GRACEFUL_SECONDS
    assert seconds["embedded-server"] > DRAIN_SECONDS
