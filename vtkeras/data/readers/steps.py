"""Frames that are left out of a video."""

from __future__ import annotations

MANY = 10  # frames to each hole, at least, where holes are damage; with more holes the rate varies


class Steps:
    """Counts the frames that are left out of a video of constant rate, which are holes between frames.

    Args:
        rate: frames a second, as the file says; None where it does not.

    Attributes:
        holes: seconds of the frames before and after each hole.
    """

    def __init__(self, rate: float | None):
        self._rate = rate
        self.holes: list[tuple[float, float]] = []
        self._missing, self._regular, self._irregular = 0, 0, 0
        self._before: float | None = None

    def jump(self) -> None:
        """What comes next does not follow upon what came before."""
        self._before = None

    def add(self, time: float) -> None:
        """The next frame, in seconds."""
        if self._rate and self._before is not None:
            step = (time - self._before) * self._rate
            is_regular = step > 0.5 and abs(step - round(step)) < max(0.1, 0.0011 * self._rate)  # Matroska rounds
            self._regular += is_regular
            self._irregular += not is_regular
            if is_regular and round(step) > 1:
                self._missing += round(step) - 1
                self.holes.append((self._before, time))
        self._before = time

    @property
    def left_out(self) -> int:
        """Frames that are missing; 0 where the rate is not constant, as where holes are many: repeats left out."""
        varies = self._irregular or self._missing > self._regular or MANY * len(self.holes) > self._regular
        return 0 if varies else self._missing
