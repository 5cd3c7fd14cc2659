"""Shots of a video, found in one pass over its frames.

PySceneDetect's content detector compares each frame with the one before; PyAV decodes. The frames
come from `FrameStream` and not from PySceneDetect's own PyAV reader because ours opens the named
file only (no playlists, no network), turns rotated videos, skips cover pictures and tolerates
damaged packets; on undamaged files both find the same cuts (tested).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detector import FlashFilter
from scenedetect.detectors import ContentDetector

from vtkeras.data.readers import Frame
from vtkeras.data.video import FrameStream

PICTURE_SIDE = 640  # pixels
DETECTOR_SIDE = 256  # pixels; PySceneDetect scales to about this size as well
MIN_SHOT = 0.5  # seconds
MAX_SHOT = 10.0  # seconds
CUT_THRESHOLD = 27.0  # PySceneDetect's default


@dataclass(frozen=True)
class Shot:
    """A stretch of a video without a cut, or a part of one.

    Attributes:
        start, end: seconds.
        frames: uint8 (time, height, width, 3), some of its frames, evenly spaced.
        times: float (time,), seconds of each.
        picture: uint8 (height, width, 3), a frame near its middle, for people: at most `PICTURE_SIDE` pixels a side.
    """

    start: float
    end: float
    frames: np.ndarray
    times: np.ndarray
    picture: np.ndarray


def find_shots(
    stream: FrameStream,
    num_frames: int,
    max_side: int,
    start: float = 0.0,
    before: float = 0.0,
    longest: float = MAX_SHOT,
    threshold: float = CUT_THRESHOLD,
) -> Iterator[Shot]:
    """Reads a video once and yields each shot as soon as it ends.

    A shot longer than `longest` is yielded in parts, so that a single take can be summarised. Each shot
    begins where the one before ends; the last one ends where the video does.

    Args:
        stream: an opened video.
        num_frames: most frames kept of a shot.
        max_side: pixels of the longest side of a kept frame.
        start: seconds where to begin; the start of a shot of an earlier pass gives the same shots
            from there on.
        before: length in seconds of the shot that ends at `start`. Cuts are at least half a second apart, except
            for the first one after a take was divided.
        longest: seconds.
        threshold: mean change of hue, saturation and brightness (0 to 255) that makes a cut.

    Example:
        >>> with FrameStream("film.mp4") as stream:
        ...     [(shot.start, shot.end) for shot in find_shots(stream, num_frames=8, max_side=256)]
        [(0.0, 2.0), (2.0, 4.0)]
    """
    size, small_size = stream.size(max_side), stream.size(DETECTOR_SIDE)
    most = longest - 0.5 / stream.info.fps
    picture_size = stream.size(PICTURE_SIDE)

    def nothing_yet() -> tuple[_Kept, _Kept]:
        return _Kept(num_frames, size), _Kept(1, picture_size)

    (kept, pictures), begin, end = nothing_yet(), start, start
    detector = _detector(threshold, before >= most)
    for frame in stream.frames(start):
        small = frame.draw(*small_size)
        picture = np.ascontiguousarray(small[..., ::-1])  # OpenCV's order of colours
        timecode = FrameTimecode(frame.time, stream.info.fps)
        cut = detector.process_frame(timecode, picture)
        if kept and (cut or frame.time - begin >= most):
            yield _shot(begin, frame.time, kept, pictures)
            # Nothing else is carried over, so that a pass resumed here finds the same shots.
            (kept, pictures), detector = nothing_yet(), _detector(threshold, frame.time - begin >= most)
            detector.process_frame(timecode, picture)
        begin = begin if kept else frame.time
        kept.add(frame, small)
        pictures.add(frame, small)
        end = frame.end
    if kept:
        yield _shot(begin, end, kept, pictures)


def _shot(start: float, end: float, kept: _Kept, pictures: _Kept) -> Shot:
    frames, times = kept.taken(start, end)
    [picture], _ = pictures.taken(start, end)
    return Shot(start, end, frames, times, picture)


def _detector(threshold: float, divided: bool) -> ContentDetector:
    """A new detector; `divided` if it begins in the middle of a take, where a cut may come at once."""
    shortest = 0.0 if divided else MIN_SHOT
    return ContentDetector(threshold, min_scene_len=shortest, filter_mode=FlashFilter.Mode.SUPPRESS)


class _Kept:
    """Evenly spaced frames of a shot whose length is not known yet, at most four times as many as wanted.

    Args:
        wanted: how many.
        size: width and height in which they are kept.
    """

    def __init__(self, wanted: int, size: tuple[int, int]):
        self._wanted, self._size = wanted, size
        self._stride, self._seen = 1, 0
        self._frames: list[tuple[float, np.ndarray]] = []

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, frame: Frame, small: np.ndarray) -> None:
        """Adds a frame, which is there in another size already."""
        if self._seen % self._stride == 0:
            same = small.shape[1::-1] == self._size
            self._frames.append((frame.time, small if same else frame.draw(*self._size)))
        self._seen += 1
        if len(self._frames) > 4 * self._wanted:
            self._frames, self._stride = self._frames[::2], 2 * self._stride

    def taken(self, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
        """Those of a shot that lie nearest to the middles of equal parts: frames, and seconds of each."""
        times = np.array([time for time, _ in self._frames])
        middles = start + (np.arange(self._wanted) + 0.5) * (end - start) / self._wanted
        nearest = np.unique(np.abs(times[:, None] - middles).argmin(axis=0))
        return np.stack([self._frames[place][1] for place in nearest]), times[nearest]
