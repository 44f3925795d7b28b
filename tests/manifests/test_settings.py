"""The ConfigMaps and arguments are ones the programs read, and they agree."""

from __future__ import annotations

import dataclasses
import re

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from gateway.settings import Settings as GatewaySettings
from gateway.settings import variable_name
from serving.flags import read_flags
from tests.manifests.rendered import ROOT, port_names

GATEWAY_NAMES = {variable_name(field) for field in dataclasses.fields(GatewaySettings)}
# What only a cluster has: a Service, the one name of the baked model, no way out.
CLUSTER_NAMES = {"GATEWAY_MODEL_ADDRESS", "GATEWAY_MODELS", "GATEWAY_URL_FETCH"}
README_ROW = re.compile(r"^\| `(GATEWAY_\w+)` \| `([^`]*)` \|", re.M)
README = ROOT / "README.md"
FILES_FOLDER = "/etc/model-server/"


def gateway_settings(objects):
    """What the gateway's pods would read from their ConfigMap."""
    return GatewaySettings.from_env(objects.named("ConfigMap", "gateway")["data"])


def model_server_pod(objects):
    """The pod template of the model server."""
    (pod,) = (pod for name, pod in objects.pods() if name == "model-server")
    return pod


def model_server_flags(objects):
    """name -> value of every argument of the model server."""
    (container,) = model_server_pod(objects)["spec"]["containers"]
    return dict(
        argument.removeprefix("--").split("=", 1) for argument in container["args"]
    )


def served_models(objects):
    """The models of the mounted models.config."""
    text = objects.named("ConfigMap", "model-server")["data"]["models.config"]
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


def test_gateway_calls_the_model_server(objects):
    """The address is the headless Service and the port its containers open."""
    host, _, port = gateway_settings(objects).model_address.rpartition(":")
    service = objects.named("Service", host)

    assert service["spec"]["clusterIP"] == "None"
    assert int(port) == port_names(model_server_pod(objects))["grpc"]


def test_gateway_asks_for_served_models(objects):
    """The names the gateway asks for are the names the server serves."""
    names = tuple(model.name for model in served_models(objects))

    assert gateway_settings(objects).models == names


def test_models_are_where_images_have_them(objects):
    """Each model's folder is the one that both Dockerfiles copy a model to."""
    for model in served_models(objects):
        assert model.base_path == f"/models/{model.name}"
        assert model.model_platform == "tensorflow"


def test_model_server_arguments(objects):
    """Arguments are --flag=value, the only form TensorFlow Serving takes, and known."""
    (container,) = model_server_pod(objects)["spec"]["containers"]
    line = read_flags(container["args"])

    assert not line.unknown
    for argument in container["args"]:
        assert argument.startswith("--") and "=" in argument


def test_model_server_ports(objects):
    """The container declares exactly the ports that the arguments open."""
    flags = model_server_flags(objects)

    assert port_names(model_server_pod(objects)) == {
        "grpc": int(flags["port"]),
        "rest": int(flags["rest_api_port"]),
    }


def test_model_server_health(objects):
    """gRPC probes need the health service, which is off by default."""
    assert model_server_flags(objects)["enable_grpc_healthcheck_service"] == "true"


def test_model_server_files(objects):
    """Every file an argument names is a key of the mounted ConfigMap, and all are.

    But for batching.config where the stock server runs: see test_batching.
    """
    (container,) = model_server_pod(objects)["spec"]["containers"]
    (folder,) = (
        mount["mountPath"]
        for mount in container["volumeMounts"]
        if mount["name"] == "files"
    )
    named = {
        value.removeprefix(FILES_FOLDER)
        for name, value in model_server_flags(objects).items()
        if name.endswith("_file")
    }

    assert folder + "/" == FILES_FOLDER
    unnamed = set() if is_embedded(objects) else {"batching.config"}
    files = set(objects.named("ConfigMap", "model-server")["data"])
    assert unnamed <= files
    assert named == files - unnamed


def test_batching(objects):
    """Our server batches; TensorFlow Serving's batching refuses the contract.

    Its BatchingSession answers INVALID_ARGUMENT to a run without inputs, so with it the
    gateway would never be ready, and a file without the flag stops its start.
    """
    flags = model_server_flags(objects)

    is_on = flags.get("enable_batching") == "true"
    assert is_on == is_embedded(objects)
    assert ("batching_parameters_file" in flags) == is_on


def is_embedded(objects):
    """Whether the model server is ours; the other one is the stock program."""
    (container,) = model_server_pod(objects)["spec"]["containers"]
    program = container["command"]
    assert program in (["python", "-m", "serving"], ["tensorflow_model_server"])
    return program[0] == "python"
