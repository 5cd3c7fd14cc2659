"""Reading frames out of video files, at even distances or all of them.

Frames are chosen by time before they are converted, so memory stays flat however long the video is;
see `readers`. Which files are opened at all says `containers`.
"""

from __future__ import annotations

import errno
import math
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from vtkeras.data.containers import MAX_SIDE, container_format_of
from vtkeras.data.file_ends import is_cut
from vtkeras.data.readers import Frame, Reader, VideoInfo, open_reader
from vtkeras.errors import PassingError, UserError

# Seconds at the end of a file that are read for damage when no frame of them is wanted.
_REST = 2.0
_NOT_OF_THE_DISK = (errno.EPERM, errno.EAGAIN)
# Below this share of the expected frames a file is an error, above it an incomplete clip.
DECODED_THRESHOLD = 0.5


@dataclass(frozen=True)
class Clip:
    """Frames taken from a video.

    Attributes:
        frames: uint8 (time, height, width, 3), RGB.
        times: float32 (time,), seconds at which each frame appears; second 0 is where the earliest stream of the
            file begins, which may be sound.
        complete: False when a part of what was asked for is missing or damaged.
        reason: one sentence on what is missing; "" for a complete clip.
        info: the video the frames come from.
    """

    frames: np.ndarray
    times: np.ndarray
    complete: bool
    reason: str
    info: VideoInfo


def probe(path: str | Path) -> VideoInfo:
    """Describes a video or image file, decoding no more than its first frame.

    Args:
        path: a video or image in one of the containers of docs/formats.md.

    Raises:
        UserError: for a missing, empty, unreadable or absurdly large file.

    Example:
        >>> probe("clip.mp4").fps
        25.0
    """
    with _problems_of(path), closing(open_reader(path)) as reader:
        return reader.info


def read_frames(
    path: str | Path,
    num_frames: int,
    start: float | None = None,
    end: float | None = None,
    max_side: int | None = None,
) -> Clip:
    """Reads the frames on screen at `num_frames` evenly spaced times.

    The segment is cut into `num_frames` equal parts and the frame shown in the middle of each is
    taken. No frame is given twice: a segment with fewer frames gives each of them once.

    Args:
        path: a video or image in one of the containers of docs/formats.md; an image has one frame.
        num_frames: most frames to return.
        start: seconds where the segment begins; None is the first frame.
        end: seconds where it ends; None, or a time past the end, is the end of the video.
        max_side: frames are scaled down, keeping their shape, until no side is longer than this.

    Returns:
        A `Clip`. It is marked incomplete when the file ends early or parts of it are damaged.

    Raises:
        UserError: for a missing or unreadable file, a segment outside the video, or a file that
            gives less than half of the frames its header announces.

    Example:
        >>> read_frames("clip.mp4", num_frames=16, max_side=128).frames.shape
        (16, 72, 128, 3)
    """
    with _problems_of(path), closing(open_reader(path)) as reader:
        targets = _target_times(path, reader.info, num_frames, start, end)
        size = _scaled_size(reader.info, max_side)
        chosen, missing = {}, 0
        for target in targets:
            frame, present = reader.frame_at(target)
            missing += not present
            if frame.time not in chosen:
                chosen[frame.time] = frame.draw(*size)
        to_end = end is None or end >= reader.info.duration
        if to_end:
            reader.finish(_REST)
        reason = _missing_part(path, reader, missing, len(targets), to_end)
        return Clip(
            frames=np.stack(list(chosen.values())),
            times=np.array(list(chosen), np.float32),
            complete=not reason,
            reason=reason,
            info=reader.info,
        )


class FrameStream:
    """Every frame of a video, one after another, in flat memory however long the video is.

    A frame has `time` and `end` in seconds since the start of the file, and `draw(width, height)`,
    which gives uint8 (height, width, 3); draw it before asking for the next one.

    Args:
        path: a video or image in one of the containers of docs/formats.md; an image has one frame.

    Attributes:
        info: `VideoInfo`.

    Raises:
        UserError: for a missing, empty, unreadable or absurdly large file.

    Example:
        >>> with FrameStream("clip.mp4") as stream:
        ...     small = [frame.draw(*stream.size(64)) for frame in stream.frames(start=10.0)]
    """

    def __init__(self, path: str | Path):
        self.path = path
        with _problems_of(path):
            self._reader = open_reader(path)
        self.info = self._reader.info

    def __enter__(self) -> FrameStream:
        return self

    def __exit__(self, *_) -> None:
        self._reader.close()

    def size(self, max_side: int) -> tuple[int, int]:
        """Width and height with no side above `max_side`, in the shape of the video."""
        return _scaled_size(self.info, max_side)

    def frames(self, start: float = 0.0, end: float = math.inf) -> Iterator[Frame]:
        """Frames from the one on screen at `start` seconds to the last before `end`.

        A stream is walked forward: where it is called again, from a later time on.
        """
        with _problems_of(self.path):
            yield from self._reader.onward(start, end)

    def missing(self) -> str:
        """After the walk: one sentence on what the file lacks; "" for a whole one.

        Raises:
            UserError: if less than half of it is there.
        """
        lost = self.info.duration - self._reader.last_end
        lost = lost if lost > 0.5 / self.info.fps else 0.0  # headers round
        return _missing_part(self.path, self._reader, lost, self.info.duration)


@contextmanager
def _problems_of(path: str | Path) -> Iterator[None]:
    # Damaged files make PyAV raise far more than its own errors (ValueError, OverflowError,
    # UnicodeDecodeError, MemoryError), so whatever comes out of the decoder is the file's fault.
    try:
        yield
    except UserError:
        raise
    except EOFError:
        raise UserError(f"{path} ends before its first frame.") from None
    except Exception as error:
        kind = PassingError if _is_of_the_disk(error) else UserError
        raise kind(f"{path} cannot be decoded: {_reason(path, error)}.") from None


def _is_of_the_disk(error: Exception) -> bool:
    """Whether an error is one of the disk and not of what is on it; parts of FFmpeg say -1 for any failure, EPERM."""
    return isinstance(error, OSError) and error.errno not in _NOT_OF_THE_DISK


def _reason(path: str | Path, error: Exception) -> str:
    with suppress(OSError):
        if is_cut(Path(path), container_format_of(Path(path)) or ""):
            return "it is cut short, its end is missing"
    if isinstance(error, av.error.InvalidDataError):
        return "its data is damaged"
    if isinstance(error, av.error.FFmpegError) and not _is_of_the_disk(error):
        name = shlex.quote(Path(path).name)
        return f"FFmpeg fails on it; if another program plays it, convert it there, or try: ffmpeg -i {name} new.mp4"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _target_times(
    path: str | Path, info: VideoInfo, num_frames: int, start: float | None, end: float | None
) -> np.ndarray:
    start = start or 0.0
    if start < 0 or end is not None and not end > start:
        raise UserError(f"{path}: the segment from {start} s to {end} s is not a stretch of time.")
    first, last = max(start, info.start), info.duration if end is None else min(end, info.duration)
    if first >= info.duration:
        raise UserError(f"{path} lasts {info.duration:.2f} s, so no segment starts at {first:.2f} s.")
    if last <= first:
        raise UserError(f"{path} shows its first picture at {info.start:.2f} s, so none before {end:.2f} s.")
    if num_frames < 1:
        raise UserError(f"{path}: {num_frames} frames were asked for; ask for at least one.")
    return first + (np.arange(num_frames) + 0.5) * (last - first) / num_frames


def _scaled_size(info: VideoInfo, max_side: int | None) -> tuple[int, int]:
    scale = min(1.0, (max_side or MAX_SIDE) / max(info.width, info.height))
    return max(1, round(info.width * scale)), max(1, round(info.height * scale))


def _missing_part(path: str | Path, reader: Reader, missing: float, wanted: float, to_end: bool = True) -> str:
    if missing or to_end and reader.falls_short:
        reason = f"{path} ends after {reader.last_end:.2f} of {reader.info.duration:.2f} s."
        if missing > wanted * (1 - DECODED_THRESHOLD):
            raise UserError(reason)
        return reason
    lost = max(reader.lost, reader.damaged)
    if reader.undecoded > reader.fed * (1 - DECODED_THRESHOLD):
        raise UserError(f"{path} is damaged: most of its frames do not decode.")
    if reader.cut:
        return f"{path} is cut short: its end is missing."
    if lost:
        return f"{path} is damaged: {lost} of {max(reader.fed, lost)} frames are missing or do not decode cleanly."
    return ""
