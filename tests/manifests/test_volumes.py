"""What pods do with their claims: training into one, photos and scores in the other."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.manifests.rendered import ROOT, Objects, choices, overlay_components
from tests.manifests.test_pods import bytes_of
from training.command_line import parse_arguments as parse_training
from training.score_arguments import parse_arguments as parse_scoring

TIMEOUT_SECONDS = 30


@pytest.fixture(name="whole", scope="module")
def kind_with_all():
    """The overlay kind with everything that may be added."""
    return Objects("kind", frozenset(overlay_components("kind") | choices("kind")))


def pod_specs(objects, name):
    """The pod specs of one workload."""
    return [pod["spec"] for found, pod in objects.pods() if found == name]


def mounts_of(container):
    """volume name -> where a container has it."""
    return {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}


def test_training_arguments(whole):
    """The run's arguments are ones that training takes; a bar keeps bad models out."""
    ((container,),) = (spec["containers"] for spec in pod_specs(whole, "training"))

    config = parse_training(container["args"], Path("datasets"))

    assert config.data == "solar-cells"
    assert 0.5 < config.min_accuracy < 1
    assert config.cache_dir is None


def test_training_writes_where_servers_read(whole):
    """Both mount one claim, and training's output is the base path that is served."""
    ((container,),) = (spec["containers"] for spec in pod_specs(whole, "training"))
    ((server,),) = (spec["containers"] for spec in pod_specs(whole, "model-server"))
    config = parse_training(container["args"], Path("datasets"))

    assert mounts_of(container)["models"] == mounts_of(server)["models"] == "/models"
    assert config.output == Path("/models/classifier")


def test_scoring_arguments(whole):
    """The job's entry point is a command that batch scoring takes, for its workers."""
    (job,) = whole.of_kind("RayJob")
    entry = job["spec"]["entrypoint"].replace("$RAY_ADDRESS", "10.0.0.1:6379")
    program, arguments = shlex.split(entry)[:3], shlex.split(entry)[3:]
    recipe = (ROOT / "training/scoring.Dockerfile").read_text(encoding="utf-8")

    config = parse_scoring(arguments)

    # A login shell, which KubeRay before 1.4 runs, would find another python.
    assert program == ["/venv/bin/python", "-m", "training.score"]
    assert "COPY --from=builder /venv /venv" in recipe
    assert config.engine == "ray"
    assert config.ray_address == "10.0.0.1:6379"
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert config.workers == group["replicas"] * int(
        group["rayStartParams"]["num-cpus"]
    )


def test_scoring_sees_the_same_files(whole):
    """Head and workers have photos and scores under one path, on the claim."""
    head, worker = pod_specs(whole, "batch-scoring")
    (job,) = whole.of_kind("RayJob")
    config = parse_scoring(shlex.split(job["spec"]["entrypoint"])[3:])

    for spec in (head, worker):
        (container,) = spec["containers"]
        assert mounts_of(container)["photos"] == "/data"
    assert [Path(photo).parent for photo in config.photos] == [Path("/data")]
    assert config.output.parent == Path("/data")
    assert config.model == Path("/models/classifier")


def test_ray_ports(whole):
    """The ports that probes and policies name are the ones that Ray is told."""
    head, worker = pod_specs(whole, "batch-scoring")
    (job,) = whole.of_kind("RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    params = cluster["workerGroupSpecs"][0]["rayStartParams"]

    # Source: ray start --help: 6379 and 8265 are Ray's own.
    ports = {
        port["name"]: port["containerPort"] for port in head["containers"][0]["ports"]
    }
    assert ports == {"gcs": 6379, "dashboard": 8265}
    (port,) = worker["containers"][0]["ports"]
    assert str(port["containerPort"]) == params["node-manager-port"]
    assert cluster["headGroupSpec"]["rayStartParams"]["dashboard-host"] == "0.0.0.0"


def test_ray_objects_fit_their_memory(whole):
    """The object store fits into /dev/shm, and that into what a container may have."""
    (job,) = whole.of_kind("RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]

    for group in groups:
        spec = group["template"]["spec"]
        (shared,) = (v for v in spec["volumes"] if v["name"] == "shared-mem")
        store_bytes = int(group["rayStartParams"]["object-store-memory"])
        shared_bytes = bytes_of(shared["emptyDir"]["sizeLimit"])
        (container,) = spec["containers"]

        assert mounts_of(container)["shared-mem"] == "/dev/shm"
        assert store_bytes < shared_bytes
        assert shared_bytes < bytes_of(container["resources"]["limits"]["memory"]) / 2


def start_init(objects, workload, pod="pod-1", **environment):
    """The process of a workload's init container, its folders where a test has them."""
    container = pod_specs(objects, workload)[0]["initContainers"][0]
    assert set(environment) == {entry["name"] for entry in container["env"]}
    values = {name: str(value) for name, value in environment.items()}
    return subprocess.Popen(
        container["command"],
        env={"PATH": os.environ["PATH"], "HOSTNAME": pod, **values},
        stdout=subprocess.PIPE,
        text=True,
    )


def make_version(folder, text="graph"):
    """A version folder as far as the init container looks."""
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(text, encoding="utf-8")


def read_version(folder):
    """What make_version wrote."""
    return (folder / "saved_model.pb").read_text(encoding="utf-8")


def test_model_of_the_image_becomes_the_first(whole, tmp_path):
    """An empty volume gets what the image brings, and nothing is left aside."""
    make_version(tmp_path / "image/classifier/1")
    (tmp_path / "volume").mkdir()
    folders = {"VOLUME": tmp_path / "volume", "IMAGE_MODELS": tmp_path / "image"}

    with start_init(whole, "model-server", **folders) as process:
        code = process.wait(TIMEOUT_SECONDS)

    assert code == 0
    assert read_version(tmp_path / "volume/classifier/1") == "graph"
    assert os.listdir(tmp_path / "volume") == ["classifier"]


def test_trained_models_stay(whole, tmp_path):
    """A volume with a version is left as it is."""
    make_version(tmp_path / "image/classifier/1", "from the image")
    make_version(tmp_path / "volume/classifier/7", "trained")
    folders = {"VOLUME": tmp_path / "volume", "IMAGE_MODELS": tmp_path / "image"}

    with start_init(whole, "model-server", **folders) as process:
        code = process.wait(TIMEOUT_SECONDS)

    assert code == 0
    assert os.listdir(tmp_path / "volume/classifier") == ["7"]


def test_pods_that_start_together(whole, tmp_path):
    """Of pods that copy at once one wins, all go on, and nothing is left aside."""
    make_version(tmp_path / "image/classifier/1", "g" * 1_000_000)
    (tmp_path / "volume").mkdir()
    folders = {"VOLUME": tmp_path / "volume", "IMAGE_MODELS": tmp_path / "image"}

    pods = [start_init(whole, "model-server", f"pod-{n}", **folders) for n in "123"]
    codes = []
    for process in pods:
        with process:
            codes.append(process.wait(TIMEOUT_SECONDS))

    assert codes == [0, 0, 0]
    assert os.listdir(tmp_path / "volume") == ["classifier"]
    assert read_version(tmp_path / "volume/classifier/1") == "g" * 1_000_000
    assert os.listdir(tmp_path / "volume/classifier") == ["1"]


@pytest.mark.parametrize(
    "workload, folders, arrives",
    [
        (
            "model-server",
            {"VOLUME": "volume", "IMAGE_MODELS": "image"},
            "volume/classifier/1/saved_model.pb",
        ),
        ("batch-scoring", {"DATA": "volume"}, "volume/photos/a.jpg"),
    ],
)
def test_pods_wait(whole, tmp_path, workload, folders, arrives):
    """Without a model or photos a pod says so and waits; what arrives ends that."""
    for folder in ("volume", "image"):
        (tmp_path / folder).mkdir()
    places = {name: tmp_path / folder for name, folder in folders.items()}

    with start_init(whole, workload, **places) as process:
        said = process.stdout.readline()
        waits = process.poll() is None
        (tmp_path / arrives).parent.mkdir(parents=True)
        (tmp_path / arrives).touch()
        code = process.wait(TIMEOUT_SECONDS)

    assert said.startswith("no ") and said.endswith(" yet\n")
    assert waits
    assert code == 0


@pytest.mark.parametrize(
    "workload, names",
    [("model-server", ("VOLUME", "IMAGE_MODELS")), ("batch-scoring", ("DATA",))],
)
def test_pods_that_wait_can_be_stopped(whole, tmp_path, workload, names):
    """SIGTERM ends the wait by the script's own word, as process 1 needs it to."""
    with start_init(whole, workload, **dict.fromkeys(names, tmp_path)) as process:
        process.stdout.readline()
        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)

    # 143 is the script's; a process that the signal itself ended has -15.
    assert code == 143
