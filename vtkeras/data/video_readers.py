"""Walking forward over the frames of a file: with PyAV, and with Pillow where FFmpeg does not decode.

A frame that nobody asked for is never scaled or copied, and where the container's index shows a key
frame on the way to the next wanted time, the decoder jumps there. Memory therefore stays flat however
long the video is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageCms, ImageOps

from vtkeras.data.containers import (
    ANIMATED_WEBP,
    EXTENSIONS,
    LOCAL_FILES_ONLY,
    MAX_PIXELS,
    check_size,
    container_format_of,
    is_cut,
    video_stream,
)
from vtkeras.data.display import Display, apply_profile, read_profile, tags_of_frame, tags_of_picture
from vtkeras.data.timeline import Timeline, read_timeline, shown_at, time_base
from vtkeras.errors import UserError

# Key frames are sought this many seconds early: index times may run ahead of display times.
_SEEK_MARGIN = 1.0
# Times that fall together may differ by this many seconds.
_ROUNDING = 1e-5
# Containers that say how many frames a second they have; elsewhere FFmpeg guesses.
_DECLARE_RATE = ("avi", "matroska")
# Decoders that read transparency out of WebM, where FFmpeg's own skip it.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# A packet of MPEG-4 this short only says that the picture before it stays.
_EMPTY_MPEG4 = 8  # bytes


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
    def lost(self) -> int:
        """Frames that the file should have given so far and has not."""
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


class AvReader(Reader):
    """Frames by FFmpeg, jumping to key frames that lie on the way."""

    _received = 0  # frames to be shown that came out of the decoder
    _unread = 0  # entries of the container's index that no packet was read for
    _unfinished = 0  # passes over the packets that stopped before the end of the file

    def __init__(self, path: Path, container_format: str):
        # The pixel limit reaches the decoders too, for streams whose own header disagrees.
        options = {**LOCAL_FILES_ONLY, "max_pixels": str(MAX_PIXELS)}
        self.cut = is_cut(path, container_format)
        self._container = _open(path, container_format, options)
        try:
            self._stream = video_stream(path, self._container)
            check_size(path, self._stream.codec_context.width, self._stream.codec_context.height)
            self._timeline = Timeline()  # of a still
            if not container_format.endswith("_pipe"):
                with _open(path, container_format, options) as again:  # not every container goes back to its start
                    self._timeline = read_timeline(again, video_stream(path, again))
            self._start(path, options)
        except BaseException:
            self._container.close()
            raise

    def _start(self, path: Path, options: dict[str, str]) -> None:
        stream, self._fps, self._time_base = self._stream, self._timeline.rate, time_base(self._stream)
        self._codec = _decoder_of(stream)
        # One thread: a damaged stream then decodes to the same pixels every time.
        self._codec.options, self._codec.thread_count = options, 1
        name = self._container.format.name
        self._in_order_of_decoding = name == "avi"  # are the times of packets
        self._is_broadcast, self._is_indexed = name == "mpegts", name.startswith(("avi", "mov"))
        self._steps = _Steps(self._fps if name.startswith(_DECLARE_RATE) else None)
        if name.startswith("matroska"):
            self._seek(stream.start_time or 0)  # makes FFmpeg load the index
        pictures = self._decode()
        picture = next(pictures, None)
        if picture is None:
            raise UserError(f"{path} holds a video stream of which no frame decodes.")
        check_size(path, picture.width, picture.height)
        if name == "apng" or name.endswith("_pipe"):  # pixels of pictures are square, whatever density they name
            self._display = Display(picture, tags_of_picture(path))
        else:
            tags = tags_of_frame(picture, self._codec.codec.canonical_name)
            self._display = Display(picture, tags, stream.sample_aspect_ratio)
        check_size(path, self._display.width, self._display.height)
        first = self._frame(picture, self._time(picture, 0.0))
        self._steps.add(first.time)
        duration = self._timeline.announced or first.end
        info = VideoInfo(
            duration=duration,
            fps=self._fps,
            codec=self._codec.codec.canonical_name,
            width=self._display.width,
            height=self._display.height,
            # a header's own count may be any number
            frame_count=max(1, round((duration - first.time) * self._fps)),
            rotation=self._display.rotation,
            start=first.time,
        )
        self.falls_short = self._timeline.announced - self._timeline.end > 0.5 / self._fps
        super().__init__(info, self._walk(pictures, after=first.time), first)

    def close(self) -> None:
        self._container.close()

    @property
    def lost(self) -> int:
        # Where reading stopped early, the decoder still holds the frames that it puts in order.
        held = self._unfinished * (self._stream.codec_context.reorder_depth + 1)
        return max(self.fed - self._received - held, self._left_out(), self._unread, 0)

    def _left_out(self) -> int:
        """Frames whose packets are missing."""
        if not self._in_order_of_decoding:
            return self._steps.left_out
        # AVI fills pauses with empty packets, which its index does not have.
        base, index, half = self._time_base, self._stream.index_entries, 0.5 / self._fps
        times = [entry.timestamp * base - self._timeline.origin for entry in index] if self._steps.holes else []
        return sum(start + half < time < end - half for time in times for start, end in self._steps.holes)

    def _seek(self, timestamp: int) -> None:
        self._container.seek(timestamp, stream=self._stream)
        self._codec.flush_buffers()

    def _restart(self, timestamp: int, after: float) -> None:
        self._seek(timestamp)
        self._steps.jump()
        self._frames = self._walk(self._decode(), after)

    def _jump(self, target: float) -> None:
        base, index = self._time_base, self._stream.index_entries
        sought = int((target - _SEEK_MARGIN + self._timeline.origin) / base)
        position = index.search_timestamp(sought, backward=True) if len(index) else -1
        if position < 0:
            return
        key_time = float(index[position].timestamp * base) - self._timeline.origin
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
            time = self._time(picture, after + 1 / self._fps)
            if time > after:  # a damaged file may step back in time
                after = time
                self._steps.add(time)
                yield self._frame(picture, time)

    def _time(self, picture: av.VideoFrame, otherwise: float) -> float:
        time = otherwise if picture.pts is None else picture.pts * self._time_base - self._timeline.origin
        return 0.0 if abs(time) < _ROUNDING else time

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Every picture from where the container stands; counts what goes in and comes out.

        Not counted are packets that rightly give no picture: those that an edit list hides, and those to
        be shown before the first key frame, or, after a jump or in a broadcast, stored before it.
        """
        self._unfinished += 1
        from_start, packets = self.fed == 0, 0
        key: int | None = None
        waiting: list[int] = []  # times of packets whose pictures did not come out yet
        for packet in self._container.demux(self._stream):
            time = shown_at(packet)
            if time is not None and not packet.size:  # the picture before it stays
                continue
            packets += packet.size > 0
            if key is None and (packet.is_keyframe or from_start and not self._is_broadcast):
                key = time or 0
            counts = packet.size > 0 and not packet.is_discard and key is not None and (time is None or time >= key)
            self.fed += counts
            try:
                pictures = self._codec.decode(packet)
            except Exception:  # one broken packet; those after it may be whole
                self.damaged += counts
                continue
            if not pictures and counts and self._shows_nothing(packet):
                self.fed -= 1
            elif time is not None and self._in_order_of_decoding:
                heappush(waiting, time)
            for picture in pictures:
                if waiting:
                    picture.pts = heappop(waiting)
                self._received += key is None or picture.pts is None or picture.pts >= key
                self.damaged += picture.is_corrupt
                yield picture
        self._unfinished -= 1
        if from_start and self._is_indexed:
            self._unread = len(self._stream.index_entries) - packets

    def _shows_nothing(self, packet: av.Packet) -> bool:
        """True for packets that only help to decode others, or leave the picture as it is."""
        if self._codec.name in ("vp8", "libvpx"):
            return not bytes(packet)[0] & 0x10
        return self._codec.name == "mpeg4" and packet.size <= _EMPTY_MPEG4

    def _frame(self, picture: av.VideoFrame, time: float) -> Frame:
        length = (picture.duration or 0) * self._time_base or 1 / self._fps
        end = self._timeline.end if time >= self._timeline.last - _ROUNDING > 0 else time + length
        return Frame(time, end, lambda width, height: self._display.draw(picture, width, height))


def _open(path: Path, container_format: str, options: dict[str, str]) -> av.container.InputContainer:
    return av.open(f"file:{path.absolute()}", format=container_format, options=options)


def _decoder_of(stream: av.VideoStream) -> av.VideoCodecContext:
    """The decoder that FFmpeg chose, or for a transparent WebM the one that reads transparency."""
    name, metadata = stream.codec_context.name, stream.metadata
    if name in _WITH_ALPHA and "1" in (metadata.get("alpha_mode"), metadata.get("ALPHA_MODE")):
        return av.Codec(_WITH_ALPHA[name], "r").create("video")
    return stream.codec_context


class _Steps:
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
        """Frames that are missing; 0 where the rate is not constant."""
        return self._missing if self._irregular == 0 and self._missing <= self._regular else 0


class WebpReader(Reader):
    """Frames of an animated WebP, which FFmpeg does not decode, by Pillow."""

    def __init__(self, path: Path):
        self._image = Image.open(path, formats=("WEBP",))
        check_size(path, *self._image.size)
        starts = np.concatenate([[0.0], np.cumsum(self._lengths())])
        frames = self._walk(starts)
        width, height = ImageOps.exif_transpose(self._image).size
        count = len(starts) - 1
        info = VideoInfo(
            duration=float(starts[-1]),
            fps=count / float(starts[-1]),
            codec="webp",
            width=width,
            height=height,
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
        profile = read_profile(self._image.info.get("icc_profile") or b"")
        for index, (start, end) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            self._image.seek(index)
            picture = ImageOps.exif_transpose(self._image.convert("RGBA"))
            backdrop = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(backdrop, picture).convert("RGB")
            yield Frame(float(start), float(end), _resizer(picture, profile))


def _resizer(picture: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Callable[[int, int], np.ndarray]:
    def draw(width: int, height: int) -> np.ndarray:
        small = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
        return apply_profile(small, profile) if profile else small

    return draw


def open_reader(path: str | Path) -> AvReader | WebpReader:
    """Opens a video or image file with the reader of its container.

    Raises:
        UserError: for a missing, empty or unknown file, or one that does not decode.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"No video file {path}.")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty.")
    container_format = container_format_of(path)
    if container_format is None:
        known = ", ".join(extension[1:] for extension in EXTENSIONS)
        raise UserError(f"{path} is not a video or image that can be read ({known}).")
    return WebpReader(path) if container_format == ANIMATED_WEBP else AvReader(path, container_format)
