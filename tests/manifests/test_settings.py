"""The ConfigMaps and arguments are ones the programs read, and they agree."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import urlsplit

from google.protobuf import text_format
from streamlit.web.server.starlette.starlette_routes import ROUTE_HEALTH
from tensorflow_serving.config import model_server_config_pb2

from gateway.settings import Settings as GatewaySettings
from gateway.settings import variable_name
from serving.flags import read_flags
from tests.manifests.rendered import ROOT, port_names

GATEWAY_NAMES = {variable_name(field) for field in dataclasses.fields(GatewaySettings)}
# What only a cluster has: a Service, the one name of the baked model, no way out, and
# a ConfigMap that changes under its pods.
CLUSTER_NAMES = {
    "GATEWAY_MODEL_ADDRESS",
    "GATEWAY_MODELS",
    "GATEWAY_URL_FETCH",
    "GATEWAY_CANARY_FILE",
}
README_ROW = re.compile(r"^\| `(GATEWAY_\w+)` \| `([^`]*)` \|", re.M)
README = ROOT / "README.md"
FILES_FOLDER = "/etc/model-server/"


def gateway_settings(objects):
    """What the gateway's pods would read from their ConfigMap."""
    return GatewaySettings.from_env(objects.named("ConfigMap", "gateway")["data"])


def container_of(deployment):
    """The one container of a Deployment, without those that only prepare."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container


def flags_of(deployment):
    """name -> value of every argument of a model server."""
    return dict(
        argument.removeprefix("--").split("=", 1)
        for argument in container_of(deployment)["args"]
    )


def mounted_files(objects, deployment):
    """name -> text of every file in the folder that holds a model server's files."""
    spec = deployment["spec"]["template"]["spec"]
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == "files")
    sources = volume.get("projected", {}).get("sources", [volume])
    files = {}
    for source in sources:
        config_map = next(
            item
            for item in objects.of_kind("ConfigMap")
            if item["metadata"]["name"] == source["configMap"]["name"]
        )
        items = source["configMap"].get("items")
        keys = {i["key"]: i["path"] for i in items} if items else None
        for key, text in config_map["data"].items():
            if keys is None or key in keys:
                files[keys[key] if keys else key] = text
    return files


def served_models(objects, deployment):
    """The models of a model server's models.config."""
    text = mounted_files(objects, deployment)["models.config"]
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    return config.model_config_list.config


def test_gateway_environment(objects):
    """Every variable of the gateway's pods is a setting that the gateway reads."""
    (pod,) = (pod for name, pod in objects.pods() if name == "gateway")
    (container,) = pod["spec"]["containers"]
    names = set(objects.named("ConfigMap", "gateway")["data"])
    names |= {variable["name"] for variable in container.get("env", [])}

    assert names <= GATEWAY_NAMES
    assert gateway_settings(objects).url_fetch == "off"
    assert port_names(pod)["http"] == gateway_settings(objects).port


def test_gateway_defaults(objects):
    """The ConfigMap shows every setting, and as the README has it but for its own."""
    shown = objects.named("ConfigMap", "gateway")["data"]
    defaults = dict(README_ROW.findall(README.read_text(encoding="utf-8")))

    assert set(shown) == GATEWAY_NAMES == set(defaults)
    assert {name for name in shown if shown[name] != defaults[name]} == CLUSTER_NAMES


def test_gateway_calls_the_model_servers(objects):
    """The address is the headless Service and the port its pods' containers open."""
    host, _, port = gateway_settings(objects).model_address.rpartition(":")
    service = objects.named("Service", host)

    assert service["spec"]["clusterIP"] == "None"
    for pod in objects.selected({"matchLabels": service["spec"]["selector"]}):
        assert int(port) == port_names(pod)["grpc"]


def test_gateway_asks_for_served_models(objects):
    """The names the gateway asks for are the names that every server serves."""
    for deployment in objects.model_servers():
        names = tuple(model.name for model in served_models(objects, deployment))

        assert gateway_settings(objects).models == names


def test_models_are_where_images_have_them(objects):
    """Each model's folder is the one that both Dockerfiles copy a model to."""
    for deployment in objects.model_servers():
        for model in served_models(objects, deployment):
            assert model.base_path == f"/models/{model.name}"
            assert model.model_platform == "tensorflow"


def test_model_server_arguments(objects):
    """Arguments are --flag=value, the only form TensorFlow Serving takes, and known."""
    for deployment in objects.model_servers():
        arguments = container_of(deployment)["args"]
        line = read_flags(arguments)

        assert not line.unknown
        for argument in arguments:
            assert argument.startswith("--") and "=" in argument


def test_model_server_ports(objects):
    """The container declares exactly the ports that the arguments open."""
    for deployment in objects.model_servers():
        flags = flags_of(deployment)

        assert port_names(deployment["spec"]["template"]) == {
            "grpc": int(flags["port"]),
            "rest": int(flags["rest_api_port"]),
        }


def test_model_server_health(objects):
    """gRPC probes need the health service, which is off by default."""
    for deployment in objects.model_servers():
        assert flags_of(deployment)["enable_grpc_healthcheck_service"] == "true"


def test_model_server_files(objects):
    """Every file an argument names is mounted, and every mounted file is named.

    But for batching.config where the stock server runs: see test_batching.
    """
    for deployment in objects.model_servers():
        (folder,) = (
            mount["mountPath"]
            for mount in container_of(deployment)["volumeMounts"]
            if mount["name"] == "files"
        )
        named = {
            value.removeprefix(FILES_FOLDER)
            for name, value in flags_of(deployment).items()
            if name.endswith("_file")
        }
        unnamed = set() if is_embedded(deployment) else {"batching.config"}
        files = set(mounted_files(objects, deployment))

        assert folder + "/" == FILES_FOLDER
        assert unnamed <= files
        assert named == files - unnamed


def test_batching(objects):
    """Our server batches; TensorFlow Serving's batching refuses the contract.

    Its BatchingSession answers INVALID_ARGUMENT to a run without inputs, so with it the
    gateway would never be ready, and a file without the flag stops its start.
    """
    for deployment in objects.model_servers():
        flags = flags_of(deployment)

        is_on = flags.get("enable_batching") == "true"
        assert is_on == is_embedded(deployment)
        assert ("batching_parameters_file" in flags) == is_on


def is_embedded(deployment):
    """Whether the model server is ours; the other one is the stock program."""
    program = container_of(deployment)["command"]
    assert program in (["python", "-m", "serving"], ["tensorflow_model_server"])
    return program[0] == "python"


def test_overlays_run_their_own_server(objects):
    """The overlay embedded runs our program; kind and production the stock one."""
    for deployment in objects.model_servers():
        assert is_embedded(deployment) == (objects.overlay == "embedded")


def test_streamlit_calls_the_gateway(full):
    """The front end's address is the gateway's Service, on a port that it has."""
    container = container_of(full.named("Deployment", "streamlit"))
    (url,) = (e["value"] for e in container["env"] if e["name"] == "GATEWAY_URL")
    address = urlsplit(url)
    service = full.named("Service", address.hostname)

    assert address.scheme == "http"
    assert (address.port or 80) in {port["port"] for port in service["spec"]["ports"]}


def test_streamlit_answers_probes(full):
    """The probes' path is the one that Streamlit serves, its port the image's."""
    container = container_of(full.named("Deployment", "streamlit"))
    recipe = (ROOT / "gateway/streamlit/Dockerfile").read_text(encoding="utf-8")
    (port,) = re.findall(r"STREAMLIT_SERVER_PORT=(\d+)", recipe)

    assert container["ports"][0]["containerPort"] == int(port)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == f"/{ROUTE_HEALTH}"
