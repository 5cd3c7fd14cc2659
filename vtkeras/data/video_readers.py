"""Walking forward over the frames of a file: with PyAV, and with Pillow where FFmpeg does not decode.

A frame that nobody asked for is never scaled or copied, and where the container's index shows a key
frame on the way to the next wanted time, the decoder jumps there. Memory therefore stays flat however
long the video is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from vtkeras.data.containers import (
    ANIMATED_WEBP,
    EXTENSIONS,
    LOCAL_FILES_ONLY,
    MAX_PIXELS,
    check_size,
    container_format_of,
    is_cut,
    time_base,
    video_stream,
)
from vtkeras.errors import UserError

_DEFAULT_FPS = 25.0
# Key frames are sought this many seconds early: index times may run ahead of display times.
_SEEK_MARGIN = 1.0
# Times that fall together may differ by this many seconds.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of itself, once its first frame has been decoded.

    Attributes:
        duration: seconds from the first frame's start to the last one's end.
        fps: average frames a second.
        codec: FFmpeg's name of the codec, e.g. `h264`.
        width: pixels, as shown, i.e. after rotation.
        height: pixels, as shown.
        frame_count: frames in the file, as duration and rate tell.
        rotation: degrees the stored picture is turned counterclockwise to be shown (0, 90, 180, 270).
    """

    duration: float
    fps: float
    codec: str
    width: int
    height: int
    frame_count: int
    rotation: int


@dataclass(frozen=True)
class Frame:
    """A decoded frame that is scaled and copied only when drawn."""

    time: float  # seconds since the first frame
    end: float
    draw: Callable[[int, int], np.ndarray]  # (width, height) as shown -> uint8 (height, width, 3)


class Reader:
    """Walks forward over a file's frames, holding the one on screen and the one after it."""

    fed = 0  # packets given to the decoder
    damaged = 0  # of these, the ones that came out with errors
    cut = False  # the file lacks its closing mark

    def __init__(self, info: VideoInfo, frames: Iterator[Frame], first: Frame):
        self.info = info
        self._frames = frames
        self._shown = first
        self._next = self._advance()

    @property
    def lost(self) -> int:
        """Packets that were given to the decoder and no frame came from."""
        return 0

    @property
    def last_end(self) -> float:
        """Seconds at which the frame on screen gives way."""
        return self._shown.end

    def frame_at(self, target: float) -> tuple[Frame, bool]:
        """The frame on screen at `target`, and whether the file really reaches that far."""
        self._jump(target)
        while self._next and self._next.time <= target + _ROUNDING:
            self._shown, self._next = self._next, self._advance()
        # Headers round: the end may come a quarter of a frame early.
        return self._shown, self._next is not None or target <= self.last_end + 0.25 / self.info.fps

    def onward(self, start: float, end: float) -> Iterator[Frame]:
        """The frame on screen at `start` and every one after it that appears before `end`."""
        yield self.frame_at(start)[0]
        while self._next and self._next.time < end:
            self._shown, self._next = self._next, self._advance()
            yield self._shown

    def _jump(self, target: float) -> None:
        """Skips ahead where the container allows it; by default it does not."""

    def _advance(self) -> Frame | None:
        try:
            return next(self._frames, None)
        except Exception:
            # What came before a break in the file is good; frame_at tells what is missing.
            return None


class AvReader(Reader):
    """Frames by FFmpeg, jumping to key frames that lie on the way."""

    _received = 0  # pictures that came out of the decoder
    _unfinished = 0  # passes over the packets that stopped before the end of the file

    def __init__(self, path: Path, container_format: str):
        # The pixel limit reaches the decoders too, for streams whose own header disagrees.
        options = {**LOCAL_FILES_ONLY, "max_pixels": str(MAX_PIXELS)}
        self.cut = is_cut(path, container_format)
        self._container = av.open(f"file:{path.absolute()}", format=container_format, options=options)
        try:
            self._stream = video_stream(path, self._container)
            check_size(path, self._stream.codec_context.width, self._stream.codec_context.height)
            self._start(path, options)
        except BaseException:
            self._container.close()
            raise

    def _start(self, path: Path, options: dict[str, str]) -> None:
        codec = self._stream.codec_context
        # One thread: a damaged stream then decodes to the same pixels every time.
        codec.options, codec.thread_count = options, 1
        self._fps = float(self._stream.average_rate or self._stream.guessed_rate or _DEFAULT_FPS)
        duration = self._duration()
        if self._container.format.name.startswith("matroska"):
            self._seek(self._stream.start_time or 0)  # makes FFmpeg load the index
        pictures = self._decode()
        picture = next(pictures, None)
        if picture is None:
            raise UserError(f"{path} holds a video stream of which no frame decodes.")
        check_size(path, picture.width, picture.height)
        self._origin = picture.time or 0.0
        self._rotation = round(picture.rotation / 90) % 4
        sizes = (picture.width, picture.height)
        width, height = reversed(sizes) if self._rotation % 2 else sizes
        first = self._frame(picture, 0.0)
        duration = duration or first.end
        info = VideoInfo(
            duration=duration,
            fps=self._fps,
            codec=codec.codec.canonical_name,
            width=width,
            height=height,
            frame_count=max(1, round(duration * self._fps)),  # a header's own count may be any number
            rotation=self._rotation * 90,
        )
        super().__init__(info, self._walk(pictures, after=0.0), first)

    def close(self) -> None:
        self._container.close()

    def _duration(self) -> float:
        """Seconds of the video stream; counted over its packets when no header tells. 0: a still."""
        stream, base = self._stream, time_base(self._stream)
        if self._container.format.name.endswith("_pipe"):
            return 0.0
        if stream.duration:
            return float(stream.duration * base)
        if "DURATION" in stream.metadata:  # Matroska's own, counted from zero whatever the first time
            hours, minutes, seconds = stream.metadata["DURATION"].split(":")
            end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            return end - float((stream.start_time or 0) * base)
        if self._container.duration:
            return self._container.duration / av.time_base
        ends = [p.pts + (p.duration or 0) for p in self._container.demux(stream) if p.pts is not None]
        if not ends:
            return 0.0
        self._seek(stream.start_time or 0)
        return float((max(ends) - (stream.start_time or 0)) * base)

    @property
    def lost(self) -> int:
        # Where reading stopped early, the decoder still holds the frames that it puts in order.
        held = self._unfinished * (self._stream.codec_context.reorder_depth + 1)
        return self.fed - self._received - held

    def _seek(self, timestamp: int) -> None:
        self._container.seek(timestamp, stream=self._stream)

    def _restart(self, timestamp: int, after: float) -> None:
        self._seek(timestamp)
        self._frames = self._walk(self._decode(), after)

    def _jump(self, target: float) -> None:
        base, index = time_base(self._stream), self._stream.index_entries
        sought = int((target - _SEEK_MARGIN + self._origin) / base)
        position = index.search_timestamp(sought, backward=True) if len(index) else -1
        if position < 0:
            return
        key_time = float(index[position].timestamp * base) - self._origin
        here = (self._next or self._shown).time
        if key_time <= here + _SEEK_MARGIN:
            return  # decoding on is no longer than starting again at that key frame
        self._restart(sought, after=here)
        landed = self._advance()
        if landed and landed.time <= target:
            self._shown, self._next = landed, self._advance()
        else:  # the index is wrong: read on from the start, past what is already shown
            self._restart(self._stream.start_time or 0, after=here)
            self._next = self._advance()

    def _walk(self, pictures: Iterator[av.VideoFrame], after: float) -> Iterator[Frame]:
        """The pictures later than `after`, in the order of their times."""
        for picture in pictures:
            time = after + 1 / self._fps if picture.time is None else picture.time - self._origin
            if time > after:  # a damaged file may step back in time
                after = time
                yield self._frame(picture, time)

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Every picture from where the container stands; counts what goes in and comes out."""
        self._unfinished += 1
        for packet in self._container.demux(self._stream):
            self.fed += packet.size > 0
            try:
                pictures = packet.decode()
            except Exception:  # one broken packet; those after it may be whole
                self.damaged += 1
                continue
            for picture in pictures:
                self._received += 1
                self.damaged += picture.is_corrupt
                yield picture
        self._unfinished -= 1

    def _frame(self, picture: av.VideoFrame, time: float) -> Frame:
        turns = self._rotation

        def draw(width: int, height: int) -> np.ndarray:
            if turns % 2:
                width, height = height, width
            small = picture.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
            return np.rot90(small.to_ndarray(), turns)

        length = float((picture.duration or 0) * (picture.time_base or 0)) or 1 / self._fps
        return Frame(time, time + length, draw)


class WebpReader(Reader):
    """Frames of an animated WebP, which FFmpeg does not decode, by Pillow."""

    def __init__(self, path: Path):
        self._image = Image.open(path, formats=("WEBP",))
        check_size(path, *self._image.size)
        starts = np.concatenate([[0.0], np.cumsum(self._lengths())])
        frames = self._walk(starts)
        count = len(starts) - 1
        info = VideoInfo(
            duration=float(starts[-1]),
            fps=count / float(starts[-1]),
            codec="webp",
            width=self._image.width,
            height=self._image.height,
            frame_count=count,
            rotation=0,
        )
        super().__init__(info, frames, next(frames))

    def close(self) -> None:
        self._image.close()

    def _lengths(self) -> list[float]:
        lengths = []
        for index in range(getattr(self._image, "n_frames", 1)):
            self._image.seek(index)
            self._image.load()
            # Browsers show a frame of no length for a tenth of a second.
            lengths.append((self._image.info["duration"] or 100) / 1000)
        return lengths

    def _walk(self, starts: np.ndarray) -> Iterator[Frame]:
        for index, (start, end) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            self._image.seek(index)
            picture = self._image.convert("RGBA")
            backdrop = Image.new("RGBA", picture.size, "black")
            picture = Image.alpha_composite(backdrop, picture).convert("RGB")
            yield Frame(float(start), float(end), _resizer(picture))


def _resizer(picture: Image.Image) -> Callable[[int, int], np.ndarray]:
    return lambda width, height: np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def open_reader(path: str | Path) -> AvReader | WebpReader:
    """Opens a video or image file with the reader of its container.

    Raises:
        UserError: for a missing, empty or unknown file, or one that does not decode.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"No video file {path}.")
    with path.open("rb") as file:
        head = file.read(32)
    if not head:
        raise UserError(f"{path} is empty.")
    container_format = container_format_of(head)
    if container_format is None:
        known = ", ".join(extension[1:] for extension in EXTENSIONS)
        raise UserError(f"{path} is not a video or image that can be read ({known}).")
    return WebpReader(path) if container_format == ANIMATED_WEBP else AvReader(path, container_format)
