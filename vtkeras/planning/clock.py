"""The time that a plan may take."""

from __future__ import annotations

import time
from collections.abc import Callable


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
        """A part of the budget in seconds, at most what is left."""
        return max(0.0, min(part * self.seconds, self.left()))
