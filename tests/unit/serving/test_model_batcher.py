"""A call that meets nobody needs no other thread."""

from __future__ import annotations

import threading

from tests.unit.serving.fakes import rows


def test_lone_call(make_batcher):
    """A call that meets nobody is run in its own thread, and counted like any other."""
    seen, noted = [], []

    def run(inputs, _):
        seen.append(threading.get_ident())
        return inputs

    batcher = make_batcher(noted.append)
    batcher.for_model().run("kind", run, rows(1))

    assert seen == [threading.get_ident()]
    assert [note.input_rows for note in noted] == [(1,)]
    assert batcher.count_held() == 0
