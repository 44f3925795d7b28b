"""A small model whose graph a test changes, and what the load says of it then."""

from __future__ import annotations

import pytest

from serving.errors import ServingError
from serving.saved_model import SessionOptions, load_saved_model
from tests.integration.format_models import edit_model
from tests.integration.serving_models import build_half_plus, write_graph


def write_model(folder):
    """y = x / 2 + 1, with variables."""
    return write_graph(folder, build_half_plus(1))


def fail_edited(folder, edit):
    """The code and the message of the load after edit(MetaGraphDef)."""
    edit_model(folder, lambda message: edit(message.meta_graphs[0]))
    with pytest.raises(ServingError) as caught:
        load_saved_model(folder, ("serve",), SessionOptions())
    return caught.value.code, caught.value.message
