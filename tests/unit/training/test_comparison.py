"""Verdicts on hand-made predictions: better, worse, tied, and which to take."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.compare import parse_arguments
from training.comparison import Contestant, adjust_p_values, rank, tell, write_p_value
from training.comparison_page import write_page
from training.config import TrainingConfig
from training.errors import ExportRefused

CONFIG = TrainingConfig(data="pets", output=Path(), seed=7)


def contestant(name, wrong, count=100, **changes):
    """One that is wrong on the photos of those numbers."""
    is_correct = np.ones(count, bool)
    is_correct[list(wrong)] = False
    facts = {
        "side": 224,
        "loss": 0.1,
        "seconds": 30.0,
        "photos_per_second": 100.0,
        "megabytes": 13.4,
    }
    return Contestant(name=name, is_correct=is_correct, **{**facts, **changes})


def names(contestants):
    """Their names, in order."""
    return [one.name for one in contestants]


def test_tie():
    """One photo more is no victory: the faster of two that are tied is taken."""
    slow = contestant("slow", wrong=range(4))
    fast = contestant("fast", wrong=range(5), photos_per_second=300.0)

    comparison = rank("pets", 0, [fast, slow])

    assert comparison.best.name == "slow"
    assert names(comparison.tied) == ["fast"]
    assert not comparison.worse
    assert comparison.champion.name == "fast"
    assert comparison.p_values == (1.0, 1.0)


def test_worse():
    """Ten photos that only the best gets right: 2 / 2^10, however fast the other."""
    good = contestant("good", wrong=())
    fast = contestant("fast", wrong=range(10), photos_per_second=900.0)

    comparison = rank("pets", 0, [fast, good])

    assert comparison.p_values == pytest.approx((1.0, 2 / 1024))
    assert names(comparison.worse) == ["fast"]
    assert comparison.champion.name == "good"


def test_pairs_tell_more_than_intervals():
    """Intervals that overlap do not tie two models that differ photo by photo."""
    good = contestant("good", wrong=range(20))
    other = contestant("other", wrong=range(28))

    comparison = rank("pets", 0, [good, other])

    assert other.interval[1] > good.interval[0]
    assert comparison.p_values[1] == pytest.approx(2 / 2**8)
    assert names(comparison.worse) == ["other"]


def test_same_accuracy_other_photos():
    """Five photos each way is a fair coin, and the smaller loss stands first."""
    one = contestant("one", wrong=range(5), loss=0.3)
    two = contestant("two", wrong=range(50, 55), loss=0.2)

    comparison = rank("pets", 0, [one, two])

    assert names(comparison.contestants) == ["two", "one"]
    assert comparison.p_values[1] == 1.0


def test_many_contestants():
    """2 / 2^6 is beyond chance for one comparison, and not for one of two."""
    best = contestant("best", wrong=())
    sixth = contestant("sixth", wrong=range(6))
    other = contestant("other", wrong=range(50, 56))

    alone = rank("pets", 0, [best, sixth])
    among = rank("pets", 0, [best, sixth, other])

    assert names(alone.worse) == ["sixth"]
    assert not among.worse
    assert among.p_values == pytest.approx((1.0, 2 * 2 / 64, 2 * 2 / 64))


@pytest.mark.parametrize(
    "p_values, adjusted",
    [
        ((), ()),
        ((0.04,), (0.04,)),
        # 3 x 0.01; 2 x 0.03; 1 x 0.04, but never less than the one before it.
        ((0.01, 0.04, 0.03), (0.03, 0.06, 0.06)),
        ((0.6, 0.7), (1.0, 1.0)),
    ],
)
def test_holm(p_values, adjusted):
    """Worked out by hand from Holm's rule."""
    assert adjust_p_values(p_values) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    "p_value, text",
    [(1.0, "1.000"), (0.001, "0.001"), (0.00099, "<0.001"), (0.0, "<0.001")],
)
def test_p_value_text(p_value, text):
    """Nothing is called impossible."""
    assert write_p_value(p_value) == text


def test_sentences():
    """Ties are said as ties, and so is the lack of them."""
    good, other = contestant("good", wrong=()), contestant("other", wrong=range(10))
    twin = contestant("twin", wrong=(1,), photos_per_second=250.0)

    with_tie = " | ".join(tell(rank("pets", 0, [good, other, twin])))
    without = " | ".join(tell(rank("pets", 0, [good, other])))

    assert "best on these 100 photos: good (1.0000)" in with_tie
    assert "tied with the best: twin;" in with_tie
    assert "worse than the best, beyond chance: other" in with_tie
    assert "sensible champion: twin, the fastest of those (250 photos/s)" in with_tie
    assert "tied with the best:" not in without
    assert "good, no other is tied with it" in without


def test_page(tmp_path):
    """One page that needs no other file, and the same figures as JSON."""
    good = contestant("good", wrong=())
    other = contestant("other", wrong=range(10), megabytes=1.6)
    comparison = rank("<pets>", 5, [other, good])

    page = write_page(comparison, CONFIG, tmp_path / "new" / "folder")

    text = page.read_text(encoding="utf-8")
    document = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "comparison.html",
        "comparison.json",
    ]
    assert "&lt;pets&gt;" in text and "<pets>" not in text
    assert "http" not in text
    assert "photos of 5 folds" in text and "seed 7" in text
    # Wilson's interval of 90 of 100, and 1 - 0.0370 for 100 of 100.
    assert "82.6 to 94.5 %" in text and "96.3 to 100.0 %" in text
    assert "from 80 to 100 %" in text
    assert document["champion"] == document["best"] == "good"
    assert document["worse"] == ["other"] and document["tied"] == []
    assert document["backbones"][1]["accuracy"] == 0.9
    assert document["backbones"][1]["p_value"] == pytest.approx(2 / 1024)


def test_page_again(tmp_path):
    """A second comparison replaces the first and leaves nothing else."""
    pair = [contestant("good", wrong=()), contestant("other", wrong=(1,))]
    write_page(rank("pets", 0, pair), CONFIG, tmp_path)

    write_page(rank("cars", 0, pair), CONFIG, tmp_path)

    assert "cars" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 2


def test_page_nowhere(tmp_path):
    """A file in the way is a sentence."""
    (tmp_path / "file").write_text("")
    pair = [contestant("good", wrong=()), contestant("other", wrong=(1,))]

    with pytest.raises(ExportRefused, match="could not write below"):
        write_page(rank("pets", 0, pair), CONFIG, tmp_path / "file")


def test_arguments(tmp_path):
    """Weights for all and for one; the knobs of the head; where the page goes."""
    config = parse_arguments(
        "--data pets --backbones vgg16,xception --weights random --weights "
        "vgg16=a=b.h5 --size 96 --folds 5 --dropout 0.4 --fine-tune 3 --no-cache "
        "--output out".split(),
        tmp_path,
    )

    assert config.backbones == ("vgg16", "xception")
    assert config.weights == {"vgg16": "a=b.h5"}
    assert config.output == Path("out")
    assert config.training.weights == "random"
    assert (config.training.size, config.training.folds) == (96, 5)
    assert config.training.head.dropout == 0.4
    assert config.training.fine_tuning.max_epochs == 3
    assert config.training.cache_dir is None
    assert config.training.datasets_dir == tmp_path


def test_default_arguments(tmp_path):
    """Only photos and names are needed; the rest is what a training has."""
    config = parse_arguments(["--data", "pets", "--backbones", "a,b"], tmp_path)

    assert config.training == TrainingConfig(
        data="pets", output=Path(), datasets_dir=tmp_path
    )
    assert config.output is None


@pytest.mark.parametrize("text", ["", "vgg16", "a,a", "a,", "a,,b"])
def test_wrong_names(tmp_path, capsys, text):
    """Fewer than two names, or one twice, end with the usage."""
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["--data", "pets", "--backbones", text], tmp_path)

    assert ended.value.code == 2
    assert "expected two or more different names" in capsys.readouterr().err
