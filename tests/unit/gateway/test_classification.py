"""A model that is swapped between two requests never mixes labels or pixels."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.classification import classify
from gateway.deadline import Deadline
from gateway.errors import ModelMismatch
from gateway.targets import Reply, Target
from tests.tiny_model import tiny_contract

DEADLINE = Deadline.after(3600)  # from the import on, whenever a test runs


class FlatDecode:
    """Pixels of one value in any size; remembers the sizes it was asked for."""

    def __init__(self):
        self.sizes = []

    def __call__(self, size):
        self.sizes.append(size)
        return np.full((1, *size, 3), 51, np.uint8)


@pytest.fixture(name="decode")
def _decode():
    return FlatDecode()


def test_steady(client, target, decode):
    """One decode and one call when nothing changes."""
    answer = classify(client, target, decode, DEADLINE)

    assert answer.served.version == 1
    # Pixels of 51 are a fifth of 255.
    np.testing.assert_allclose(answer.scores, [[0.2, 0.2, 0.2]], rtol=1e-6)
    assert decode.sizes == [(8, 10)]
    assert [version for version, _ in client.batches] == [1]


def test_new_labels(client, target, decode):
    """A new version's scores get its own labels, not the labels known before."""
    classify(client, target, decode, DEADLINE)
    client.versions[2] = tiny_contract(labels=("cat", "dog"))

    answer = classify(client, target, decode, DEADLINE)

    assert answer.served.version == 2
    assert answer.served.contract.labels == ("cat", "dog")
    assert decode.sizes == [(8, 10), (8, 10)]


def test_new_size_refused(client, target, decode):
    """A version that refuses the old size is read anew and gets its own pixels."""
    classify(client, target, decode, DEADLINE)
    client.versions[2] = tiny_contract(size=(6, 4))

    answer = classify(client, target, decode, DEADLINE)

    assert answer.served.version == 2
    assert decode.sizes[-1] == (6, 4)
    assert client.batches[-1][1].shape == (1, 6, 4, 3)


def test_new_size_accepted(client, target, decode):
    """A version that takes any size is asked again with the pixels it wants."""
    classify(client, target, decode, DEADLINE)
    client.versions[2] = tiny_contract(size=(6, 4))
    ask = client.predict
    client.predict = lambda target, batch, deadline: ask(
        target, batch if target.version else np.zeros((1, 6, 4, 3), np.uint8), deadline
    )

    answer = classify(client, target, decode, DEADLINE)

    assert answer.served.version == 2
    np.testing.assert_allclose(answer.scores, [[0.2, 0.2, 0.2]], rtol=1e-6)
    assert decode.sizes == [(8, 10), (8, 10), (6, 4)]


def test_same_version_rewritten(client, target, decode):
    """A version number that came back with other classes is read anew."""
    classify(client, target, decode, DEADLINE)
    client.versions[1] = tiny_contract(labels=("a", "b"))

    answer = classify(client, target, decode, DEADLINE)

    assert answer.served.contract.labels == ("a", "b")
    assert answer.scores.shape == (1, 2)


def test_real_mismatch(client, target, decode):
    """A mismatch that a fresh contract does not explain is told after one more read."""
    client.score_rows = [[0.5, 0.5]]

    with pytest.raises(ModelMismatch, match="expected 3 scores"):
        classify(client, target, decode, DEADLINE)

    assert len(client.batches) == 1


def test_withdrawn_version(client, target, decode):
    """A version that answers and is gone before it tells its labels costs no answer."""
    ask = client.predict
    withdrawn = iter([Reply(2, np.zeros((1, 3), np.float32))])
    client.predict = lambda *question: next(withdrawn, None) or ask(*question)

    answer = classify(client, target, decode, DEADLINE)

    assert answer.served.version == 1
    np.testing.assert_allclose(answer.scores, [[0.2, 0.2, 0.2]], rtol=1e-6)


def test_label_that_one_replica_lacks(client, decode):
    """A label that only the replica which told the contract knows costs no answer."""
    client.labels = {"stable": 1}
    client.versions[2] = tiny_contract()
    ask = client.predict

    def predict(target, batch, deadline):
        if target.label:
            raise ModelMismatch("INVALID_ARGUMENT")
        return ask(target, batch, deadline)

    client.predict = predict

    answer = classify(client, Target("tiny", label="stable"), decode, DEADLINE)

    assert answer.served.version == 1
    assert [version for version, _ in client.batches] == [1]


def test_named_version(client, decode):
    """A caller who names a version gets that one, also when a newer one is there."""
    client.versions[2] = tiny_contract(labels=("cat", "dog"))

    answer = classify(client, Target("tiny", 1), decode, DEADLINE)

    assert answer.served.version == 1
    assert answer.scores.shape == (1, 3)
