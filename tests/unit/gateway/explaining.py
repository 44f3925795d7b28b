"""A client that also explains: its heatmap is worked out from the pixels by hand."""

from __future__ import annotations

import numpy as np

from gateway.errors import NoExplanation
from gateway.targets import ExplainedReply
from tests.unit.gateway.conftest import FakeClient


class ExplainingClient(FakeClient):
    """The heatmap is the mean red of the first and of the last column, over 255.

    Versions in silent have no explain signature.
    """

    def __init__(self, versions=None):
        super().__init__(versions)
        self.silent = ()

    def explain(self, target, batch, deadline):
        """Scores like predict's, and one row of two numbers."""
        reply = self.predict(target, batch, deadline)
        if reply.version in self.silent:
            raise NoExplanation(f"version {reply.version} has none")
        edges = batch[:, :, [0, -1], 0].mean(axis=1, keepdims=True) / 255
        return ExplainedReply(reply, edges.astype(np.float32))
