"""The two files of a canary, read and written; what is not ours stays."""

from __future__ import annotations

import json

import pytest

from canary_config import (
    CanaryFailed,
    Served,
    hold,
    read_served,
    read_share,
    write_served,
    write_share,
)

TWO_MODELS = """# Why these two.
# In two lines.
model_config_list {
  config { name: "pizza" base_path: "/models/pizza" model_platform: "tensorflow" }
  config {
    name: "cats" base_path: "/models/cats" model_platform: "tensorflow"
    model_version_policy { specific { versions: 3 } }
    version_labels { key: "stable" value: 3 }
    version_labels { key: "old" value: 2 }
  }
}
"""


def test_read():
    """A model's labels and the versions it is held to."""
    served = read_served(TWO_MODELS, "cats")

    assert served == Served("cats", {"stable": 3, "old": 2}, (3,))
    assert (served.stable, served.canary) == (3, None)
    assert read_served(TWO_MODELS, "pizza") == Served("pizza", {}, ())


def test_write():
    """One model changes; the other and the comments stay."""
    text = write_served(TWO_MODELS, Served("cats", {"stable": 3, "canary": 4}, (4, 3)))

    assert read_served(text, "cats") == Served(
        "cats", {"stable": 3, "canary": 4}, (3, 4)
    )
    assert read_served(text, "pizza") == read_served(TWO_MODELS, "pizza")
    assert text.startswith("# Why these two.\n# In two lines.\nmodel_config_list")
    assert 'base_path: "/models/cats"' in text


def test_hold():
    """Labels of others stay while their version is held, and ours are as said."""
    served = read_served(TWO_MODELS, "cats")

    assert hold(served, (2, 3), stable=3).labels == {"stable": 3, "old": 2}
    assert hold(served, (3, 4), stable=3, canary=4) == Served(
        "cats", {"stable": 3, "canary": 4}, (3, 4)
    )


@pytest.mark.parametrize(
    "text, model, sentence",
    [
        (TWO_MODELS, None, "expected --model and one of pizza, cats"),
        (TWO_MODELS, "dogs", "expected one of the models pizza, cats, received dogs"),
        ("model_config_list { confg {} }", None, "expected a models.config"),
        ("", None, "expected --model and one of none"),
    ],
)
def test_refused(text, model, sentence):
    """What is no models.config, or does not name the model, is one sentence."""
    with pytest.raises(CanaryFailed, match=sentence):
        read_served(text, model)


def test_share():
    """A model's share is replaced and other models keep theirs."""
    text = write_share('{"cats": {"percent": 5}}', "pizza", {"percent": 10})

    assert json.loads(text) == {"cats": {"percent": 5}, "pizza": {"percent": 10}}
    assert read_share(text, "pizza") == {"percent": 10}
    assert read_share("", "pizza") == {}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_bad_share(text):
    """A file of canaries that is none is not overwritten."""
    with pytest.raises(CanaryFailed, match="in the file of canaries"):
        write_share(text, "pizza", {"percent": 10})
