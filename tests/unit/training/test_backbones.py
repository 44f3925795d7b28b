"""Names, sizes and weights of backbones: what is taken, what is refused."""

import pytest

from training.backbones import BACKBONES, build_backbone
from training.efficientnet_lite import VARIANTS, checkpoint_path
from training.errors import UnknownBackbone
from training.keras_backbones import NETWORKS

SMALL = (32, 32)


def test_sizes_of_their_own():
    """Each network's picture is as large as its publication says."""
    sides = {name: kind.resolution for name, kind in (VARIANTS | NETWORKS).items()}

    assert sides == {
        "efficientnet-b0": 224,
        "efficientnet-b3": 300,
        "efficientnet-b5": 456,
        "efficientnet-lite0": 224,
        "efficientnet-lite1": 240,
        "efficientnet-lite2": 260,
        "efficientnet-v2-m": 480,
        "inception-v3": 299,
        "mobilenet-v2": 224,
        "mobilenet-v2-0.35": 224,
        "vgg16": 224,
        "xception": 299,
    }
    assert tuple(sorted(sides)) == BACKBONES


@pytest.mark.parametrize(
    "name, least",
    [("efficientnet-lite0", 32), ("inception-v3", 75), ("xception", 71)],
)
def test_too_small(name, least):
    """A picture of which nothing would be left is refused; the rule is named."""
    with pytest.raises(UnknownBackbone, match=f"{least}x{least} to .* 224x31"):
        build_backbone(name, "random", (224, 31))


def test_unknown_name():
    """The message lists all names."""
    with pytest.raises(UnknownBackbone, match="efficientnet-b0.*xception.*'resnet'"):
        build_backbone("resnet", "random")


@pytest.mark.parametrize(
    "name, weights",
    [
        ("vgg16", "nowhere.h5"),
        ("vgg16", "weights.pth"),
        ("efficientnet-lite0", "weights.txt"),
        ("efficientnet-lite0", ""),
    ],
)
def test_no_weights_file(name, weights, tmp_path, monkeypatch):
    """Neither a word nor a file of a kind that holds weights."""
    (tmp_path / "weights.pth").write_bytes(b"")
    (tmp_path / "weights.txt").write_bytes(b"")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnknownBackbone, match=f"'imagenet', 'random'.*'{weights}'"):
        build_backbone(name, weights, SMALL)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "mobilenet-v2-0.35"])
@pytest.mark.parametrize(
    "content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(90)]
)
def test_damaged_file(name, content, tmp_path):
    """A file that is no HDF5 is a sentence, whatever Keras raises."""
    for suffix in (".h5", ".weights.h5"):
        path = tmp_path / f"broken{suffix}"
        path.write_bytes(content)

        with pytest.raises(UnknownBackbone, match="does not hold the weights"):
            build_backbone(name, str(path), SMALL)


@pytest.mark.parametrize("count", [0, 5, 30, 2_000, 100_000, 10_000_000])
def test_cut_checkpoint(count, tmp_path):
    """A checkpoint that ends too early is a sentence, wherever it ends."""
    whole = checkpoint_path(VARIANTS["efficientnet-lite0"]).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[:count])

    with pytest.raises(UnknownBackbone, match="cut.pth' does not hold the weights"):
        build_backbone("efficientnet-lite0", str(tmp_path / "cut.pth"), SMALL)


# TensorFlow 2.20's variables lack an argument of NumPy 2.3 that Keras' saving uses.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_another_networks_weights(tmp_path):
    """Weights of another network are refused, in either format."""
    other = checkpoint_path(VARIANTS["efficientnet-lite1"])
    path = tmp_path / "narrow.weights.h5"
    build_backbone("mobilenet-v2-0.35", "random", SMALL).network.save_weights(path)

    with pytest.raises(UnknownBackbone, match="weights of efficientnet-lite2"):
        build_backbone("efficientnet-lite2", str(other), SMALL)
    with pytest.raises(UnknownBackbone, match="weights of mobilenet-v2 without"):
        build_backbone("mobilenet-v2", str(path), SMALL)


def test_no_network(monkeypatch):
    """Without cache and network the sentence says how the weights can be given."""
    # Nothing listens at port 9 of this machine: a download fails at once.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    with pytest.raises(UnknownBackbone, match="--weights FILE.*KERAS_HOME"):
        build_backbone("xception", "imagenet", (71, 71))
