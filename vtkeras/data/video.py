"""Reading frames out of video files with PyAV, and writing small mp4 files.

Frames are chosen by time before they are converted: a frame that nobody asked for is never scaled
or copied, and where the container's index shows a key frame on the way to the next wanted time,
the decoder jumps there. Memory therefore stays flat however long the video is.

Nothing but the named file is ever read: its container is recognised by its first bytes among a
few known ones (so playlists never reach FFmpeg), and FFmpeg may open local files only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from vtkeras.errors import UserError

EXTENSIONS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp", ".png", ".jpg", ".jpeg")
MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
# Below this share of the expected frames a file is an error, above it an incomplete clip.
MIN_SHARE = 0.5

_ANIMATED_WEBP = "animated webp"
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
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
class Clip:
    """Frames taken from a video.

    Attributes:
        frames: uint8 (time, height, width, 3), RGB.
        times: float32 (time,), seconds since the start of the video at which each frame appears.
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
        path: mp4, mov, webm, mkv, avi, gif, webp, png or jpeg file.

    Raises:
        UserError: for a missing, empty, unreadable or absurdly large file.

    Example:
        >>> probe("clip.mp4").fps
        25.0
    """
    with _problems_of(path), closing(_open(path)) as reader:
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
        path: mp4, mov, webm, mkv, avi, gif, webp, png or jpeg file; an image has one frame.
        num_frames: most frames to return.
        start: seconds where the segment begins; None is the start of the video.
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
    with _problems_of(path), closing(_open(path)) as reader:
        targets = _target_times(path, reader.info.duration, num_frames, start, end)
        size = _scaled_size(reader.info, max_side)
        chosen, missing = {}, 0
        for target in targets:
            frame, present = reader.frame_at(target)
            missing += not present
            if frame.time not in chosen:
                chosen[frame.time] = frame.draw(*size)
        reason = _missing_part(path, reader, missing, len(targets))
        return Clip(
            frames=np.stack(list(chosen.values())),
            times=np.array(list(chosen), np.float32),
            complete=not reason,
            reason=reason,
            info=reader.info,
        )


class FrameStream:
    """Every frame of a video, one after another, in flat memory however long the video is.

    A frame has `time` and `end` in seconds since the start of the video, and `draw(width, height)`,
    which gives uint8 (height, width, 3); draw it before asking for the next one.

    Args:
        path: mp4, mov, webm, mkv, avi, gif, webp, png or jpeg file; an image has one frame.

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
            self._reader = _open(path)
        self.info = self._reader.info

    def __enter__(self) -> FrameStream:
        return self

    def __exit__(self, *_) -> None:
        self._reader.close()

    def size(self, max_side: int) -> tuple[int, int]:
        """Width and height with no side above `max_side`, in the shape of the video."""
        return _scaled_size(self.info, max_side)

    def frames(self, start: float = 0.0) -> Iterator[_Frame]:
        """Frames from the one on screen at `start` seconds to the last; a stream is walked once."""
        with _problems_of(self.path):
            yield from self._reader.onward(start)

    def missing(self) -> str:
        """After the walk: one sentence on what the file lacks; "" for a whole one.

        Raises:
            UserError: if less than half of it is there.
        """
        lost = self.info.duration - self._reader.last_end
        lost = lost if lost > 0.5 / self.info.fps else 0.0  # headers round
        return _missing_part(self.path, self._reader, lost, self.info.duration)


@contextmanager
def open_sound(path: str | Path) -> Iterator[tuple[av.AudioStream | None, float]]:
    """The first sound stream of a file, None if it has none, and the seconds at which its video starts."""
    with Path(path).open("rb") as file:
        container_format = _container_format(file.read(32))
    if container_format in (None, _ANIMATED_WEBP) or container_format.endswith("_pipe"):
        yield None, 0.0
        return
    options = {"protocol_whitelist": "file"}
    with av.open(f"file:{Path(path).absolute()}", format=container_format, options=options) as container:
        video = _video_stream(Path(path), container)
        yield next(iter(container.streams.audio), None), float((video.start_time or 0) * video.time_base)


def write_video(path: str | Path, frames: np.ndarray, fps: float) -> None:
    """Writes an mp4 (H.264, yuv420p) that every browser plays; the file appears only when whole.

    Args:
        path: where to write; an existing file is replaced.
        frames: uint8 (time, height, width, 3), RGB. Odd sizes are padded by repeating the edge.
        fps: frames a second.

    Raises:
        UserError: when the disk is full or the folder cannot be written.

    Example:
        >>> write_video("clip.mp4", np.zeros((16, 64, 64, 3), np.uint8), fps=8)
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _, height, width, _ = frames.shape
    frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    try:
        _encode(temporary, frames, Fraction(fps).limit_denominator(1000))
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)


def _encode(path: Path, frames: np.ndarray, rate: Fraction) -> None:
    options = {"movflags": "+faststart"}
    with av.open(f"file:{path.absolute()}", "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@contextmanager
def _problems_of(path: str | Path) -> Iterator[None]:
    # Damaged files make PyAV raise far more than its own errors (ValueError, OverflowError,
    # UnicodeDecodeError, MemoryError), so whatever comes out of the decoder is the file's fault.
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{path} cannot be decoded: {reason}.") from None


def _target_times(
    path: str | Path, duration: float, num_frames: int, start: float | None, end: float | None
) -> np.ndarray:
    start = start or 0.0
    end = duration if end is None else min(end, duration)
    if start >= duration:
        raise UserError(f"{path} lasts {duration:.2f} s, so no segment starts at {start:.2f} s.")
    if not 0 <= start < end:
        raise UserError(f"{path}: the segment from {start} s to {end} s is not a stretch of time.")
    if num_frames < 1:
        raise UserError(f"{path}: {num_frames} frames were asked for; ask for at least one.")
    return start + (np.arange(num_frames) + 0.5) * (end - start) / num_frames


def _scaled_size(info: VideoInfo, max_side: int | None) -> tuple[int, int]:
    scale = min(1.0, (max_side or MAX_SIDE) / max(info.width, info.height))
    return max(1, round(info.width * scale)), max(1, round(info.height * scale))


def _missing_part(path: str | Path, reader: _Reader, missing: float, wanted: float) -> str:
    if missing:
        reason = f"{path} ends at {reader.last_end:.2f} s of {reader.info.duration:.2f} s."
        if missing > wanted * (1 - MIN_SHARE):
            raise UserError(reason)
        return reason
    if reader.lost > reader.fed * (1 - MIN_SHARE):
        raise UserError(f"{path} is damaged: most of its frames do not decode.")
    if reader.cut:
        return f"{path} is cut short."
    if reader.damaged:
        return f"{path} is damaged: {reader.damaged} of {reader.fed} frames do not decode cleanly."
    return ""


@dataclass(frozen=True)
class _Frame:
    """A decoded frame that is scaled and copied only when drawn."""

    time: float  # seconds since the first frame
    end: float
    draw: Callable[[int, int], np.ndarray]  # (width, height) as shown -> uint8 (height, width, 3)


class _Reader:
    """Walks forward over a file's frames, holding the one on screen and the one after it."""

    fed = 0  # packets given to the decoder
    lost = 0  # of these, the ones no frame came from
    damaged = 0  # of these, the ones that came out with errors
    cut = False  # the file lacks its closing mark

    def __init__(self, info: VideoInfo, frames: Iterator[_Frame], first: _Frame):
        self.info = info
        self._frames = frames
        self._shown = first
        self._next = self._advance()

    @property
    def last_end(self) -> float:
        """Seconds at which the frame on screen gives way."""
        return self._shown.end

    def frame_at(self, target: float) -> tuple[_Frame, bool]:
        """The frame on screen at `target`, and whether the file really reaches that far."""
        self._jump(target)
        while self._next and self._next.time <= target + _ROUNDING:
            self._shown, self._next = self._next, self._advance()
        # Headers round: the end may come a quarter of a frame early.
        return self._shown, self._next is not None or target <= self.last_end + 0.25 / self.info.fps

    def onward(self, start: float) -> Iterator[_Frame]:
        """The frame on screen at `start` and every one after it."""
        yield self.frame_at(start)[0]
        while self._next:
            self._shown, self._next = self._next, self._advance()
            yield self._shown

    def _jump(self, target: float) -> None:
        """Skips ahead where the container allows it; by default it does not."""

    def _advance(self) -> _Frame | None:
        try:
            return next(self._frames, None)
        except Exception:
            # What came before a break in the file is good; frame_at tells what is missing.
            return None


class _AvReader(_Reader):
    """Frames by FFmpeg, jumping to key frames that lie on the way."""

    _received = 0  # pictures that came out of the decoder
    _unfinished = 0  # passes over the packets that stopped before the end of the file

    def __init__(self, path: Path, container_format: str):
        # The pixel limit reaches the decoders too, for streams whose own header disagrees.
        options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
        self.cut = _is_cut(path, container_format)
        self._container = av.open(f"file:{path.absolute()}", format=container_format, options=options)
        try:
            self._stream = _video_stream(path, self._container)
            _check_size(path, self._stream.codec_context.width, self._stream.codec_context.height)
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
        _check_size(path, picture.width, picture.height)
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
        stream, base = self._stream, self._stream.time_base
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
        self._seek(stream.start_time or 0)
        return float((max(ends) - (stream.start_time or 0)) * base) if ends else 0.0

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
        base, index = self._stream.time_base, self._stream.index_entries
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
        else:  # the index lied: read on from the start, past what is already shown
            self._restart(self._stream.start_time or 0, after=here)
            self._next = self._advance()

    def _walk(self, pictures: Iterator[av.VideoFrame], after: float) -> Iterator[_Frame]:
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

    def _frame(self, picture: av.VideoFrame, time: float) -> _Frame:
        turns = self._rotation

        def draw(width: int, height: int) -> np.ndarray:
            if turns % 2:
                width, height = height, width
            small = picture.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
            return np.rot90(small.to_ndarray(), turns)

        length = float((picture.duration or 0) * (picture.time_base or 0)) or 1 / self._fps
        return _Frame(time, time + length, draw)


class _WebpReader(_Reader):
    """Frames of an animated WebP, which FFmpeg does not decode, by Pillow."""

    def __init__(self, path: Path):
        self._image = Image.open(path, formats=("WEBP",))
        _check_size(path, *self._image.size)
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
        for index in range(self._image.n_frames):
            self._image.seek(index)
            self._image.load()
            # Browsers show a frame of no length for a tenth of a second.
            lengths.append((self._image.info["duration"] or 100) / 1000)
        return lengths

    def _walk(self, starts: np.ndarray) -> Iterator[_Frame]:
        for index, (start, end) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            self._image.seek(index)
            picture = self._image.convert("RGBA")
            backdrop = Image.new("RGBA", picture.size, "black")
            picture = Image.alpha_composite(backdrop, picture).convert("RGB")
            yield _Frame(float(start), float(end), _resizer(picture))


def _resizer(picture: Image.Image) -> Callable[[int, int], np.ndarray]:
    return lambda width, height: np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def _open(path: str | Path) -> _AvReader | _WebpReader:
    path = Path(path)
    if not path.is_file():
        raise UserError(f"No video file {path}.")
    with path.open("rb") as file:
        head = file.read(32)
    if not head:
        raise UserError(f"{path} is empty.")
    container_format = _container_format(head)
    if container_format is None:
        known = ", ".join(extension[1:] for extension in EXTENSIONS)
        raise UserError(f"{path} is not a video or image that can be read ({known}).")
    return _WebpReader(path) if container_format == _ANIMATED_WEBP else _AvReader(path, container_format)


def _container_format(head: bytes) -> str | None:
    """FFmpeg's name for the container that begins with `head`; None for anything else."""
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & 2
        return _ANIMATED_WEBP if animated else "webp_pipe"
    if head.startswith(b"RIFF") and head[8:11] == b"AVI":
        return "avi"
    magics = {
        b"\x1a\x45\xdf\xa3": "matroska",
        b"GIF8": "gif",
        b"\x89PNG": "png_pipe",
        b"\xff\xd8\xff": "jpeg_pipe",
    }
    return next((name for magic, name in magics.items() if head.startswith(magic)), None)


def _is_cut(path: Path, container_format: str) -> bool:
    # These two tell no length ahead, and FFmpeg shows what there is without complaint.
    if container_format == "gif":
        return not path.read_bytes().rstrip(b"\0").endswith(b";")
    if container_format == "jpeg_pipe":
        data = path.read_bytes()
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    return False


def _video_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    for stream in container.streams.video:
        cover = stream.disposition & av.stream.Disposition.attached_pic
        if stream.codec_context is not None and not cover:
            return stream
    raise UserError(f"{path} has no video stream that can be decoded.")


def _check_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UserError(
            f"{path} claims {width}x{height} pixels; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} million in all are read."
        )
