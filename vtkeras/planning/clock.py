"""The time that a plan may take."""

from __future__ import annotations

import time
from collections.abc import Callable

FIXED = 90.0  # seconds that imports, graphs and the export take whatever the folder holds
FREE = 0.2  # share of a budget that is dealt out however short it is


class Clock:
    """A budget of wall time.

    Args:
        minutes: the whole budget.
        began: the reading of `now` at which it began.
        now: gives the time in seconds.

    Example:
        >>> clock = Clock(20)
        >>> clock.left()
        1200.0
    """

    def __init__(self, minutes: float, began: float | None = None, now: Callable[[], float] = time.monotonic):
        self.now = now
        self.began = now() if began is None else began
        self.seconds = 60 * minutes

    def spent(self) -> float:
        """Seconds since the beginning."""
        return self.now() - self.began

    def left(self) -> float:
        """Seconds until the budget is used up; below zero afterwards."""
        return self.seconds - self.spent()

    def share(self, part: float) -> float:
        """A part, in seconds, of what the budget leaves beside `FIXED`; at most what is left."""
        free = max(self.seconds - FIXED, FREE * self.seconds)
        return max(0.0, min(part * free, self.left()))
