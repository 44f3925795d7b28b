"""One bar over all turns of a run."""

from __future__ import annotations

from tqdm import tqdm


class Progress:
    """A context manager around tqdm, which it keeps from waking up in between."""

    def __init__(self, turns):
        # The bar's own watching thread would cost the servers processor time.
        tqdm.monitor_interval = 0
        self._bar = tqdm(total=turns, unit="turn", dynamic_ncols=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def say(self, text):
        """What goes on, without a step."""
        self._bar.set_description(text)

    def step(self, text):
        """The next turn begins."""
        self._bar.set_description(text)
        self._bar.update()
