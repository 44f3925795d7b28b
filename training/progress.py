"""Progress on stderr: a moving bar on a terminal, now and then a line anywhere else.

The one place that knows how progress looks; who counts what is no concern here.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from tqdm import tqdm

# In a pod's log or a CI's, each redrawing of a bar would be a line of its own.
LINE_SECONDS = 10.0


class ProgressBar(tqdm):
    """tqdm that writes whole lines where its file is no terminal.

    There it writes one line at the start, one every LINE_SECONDS at most, and one at
    the end. Of a total of 0 it says nothing.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._writes_lines = not (options.get("file") or sys.stderr).isatty()
        self._next_line = 0.0
        if options.get("total") == 0:
            options["disable"] = True
        super().__init__(*arguments, **options)

    def refresh(self, nolock: bool = False, lock_args: Any = None) -> bool | None:
        """Draw anew, or write a line if it is time; tqdm calls this at every change."""
        if self._writes_lines:
            now = time.monotonic()
            if now < self._next_line:
                return None
            self._next_line = now + LINE_SECONDS
        return super().refresh(nolock=nolock, lock_args=lock_args)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool | None:
        """Draw or write; at the end tqdm gives a position and writes a line break."""
        if not self._writes_lines:
            return super().display(msg, pos)
        self.fp.write(f"{self}{'' if pos == 0 else chr(10)}")
        self.fp.flush()
        return True

    def clear(self, nolock: bool = False) -> None:
        """Make room for other text; lines are in nobody's way."""
        if not self._writes_lines:
            super().clear(nolock)
