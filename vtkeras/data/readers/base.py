"""What a reader of a video file is: it walks forward over frames.

A frame that nobody asked for is never scaled or copied, and where the container's index shows a key
frame on the way to the next wanted time, the decoder jumps there. Memory therefore stays flat however
long the video is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-5  # seconds by which times that fall together may differ


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of itself, once its first frame has been decoded.

    Second 0 is where the earliest stream of the file begins; that may be sound.

    Attributes:
        duration: seconds at which the last frame ends.
        fps: average frames a second.
        codec: FFmpeg's name of the codec, e.g. `h264`.
        width: pixels, as shown, i.e. square ones after rotation.
        height: pixels, as shown.
        frame_count: frames in the file, as duration and rate tell.
        rotation: degrees the stored picture is turned counterclockwise to be shown (0, 90, 180, 270).
        start: seconds at which the first frame appears.
    """

    duration: float
    fps: float
    codec: str
    width: int
    height: int
    frame_count: int
    rotation: int
    start: float = 0.0


@dataclass(frozen=True)
class Frame:
    """A decoded frame that is scaled and copied only when drawn."""

    time: float  # seconds
    end: float
    draw: Callable[[int, int], np.ndarray]  # (width, height) as shown -> uint8 (height, width, 3)


class Reader:
    """Walks forward over a file's frames, holding the one on screen and the one after it."""

    fed = 0  # packets given to the decoder that hold a frame to be shown
    damaged = 0  # of these, the ones that came out with errors
    cut = False  # the file lacks its closing mark, or is shorter than it says
    falls_short = False  # the last frames that it announces are not there

    def __init__(self, info: VideoInfo, frames: Iterator[Frame], first: Frame):
        self.info = info
        self._frames = frames
        self._shown = first
        self._next = self._advance()

    @property
    def undecoded(self) -> int:
        """Frames that are in the file and have not come out so far."""
        return 0

    @property
    def lost(self) -> int:
        """Frames that the file should have given so far and has not, those included that its times lack."""
        return 0

    @property
    def last_end(self) -> float:
        """Seconds at which the frame on screen gives way."""
        return self._shown.end

    def frame_at(self, target: float) -> tuple[Frame, bool]:
        """The frame on screen at `target`, and whether the file really reaches that far."""
        self._jump(target)
        while self._next and self._next.time <= target + ROUNDING:
            self._shown, self._next = self._next, self._advance()
        # Headers round: the end may come a quarter of a frame early.
        return self._shown, self._next is not None or target <= self.last_end + 0.25 / self.info.fps

    def onward(self, start: float, end: float) -> Iterator[Frame]:
        """The frame on screen at `start` and every one after it that appears before `end`."""
        yield self.frame_at(start)[0]
        while self._next and self._next.time < end:
            self._shown, self._next = self._next, self._advance()
            yield self._shown

    def finish(self, most: float) -> None:
        """Reads on to the end if that is at most so many seconds away, so that damage there is seen."""
        if self.info.duration - self._shown.time <= most:
            while self._next:
                self._shown, self._next = self._next, self._advance()

    def _jump(self, target: float) -> None:
        """Skips ahead where the container allows it; by default it does not."""

    def _advance(self) -> Frame | None:
        try:
            return next(self._frames, None)
        except Exception:
            # What came before a break in the file is good; frame_at tells what is missing.
            self.damaged += 1
            return None
