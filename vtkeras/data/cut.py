"""Cutting stretches out of a video into a new mp4, picture and sound, by PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vtkeras.data.containers import ANIMATED_WEBP, LOCAL_FILES_ONLY, container_format_of, video_stream
from vtkeras.data.timeline import origin_of, time_base
from vtkeras.data.video import FrameStream
from vtkeras.whole_files import replacing

MAX_SIDE = 1280  # pixels
TICKS = 90_000  # a second
RATE = 44_100  # samples a second
BLOCK = 1024  # samples, what an AAC frame holds


def cut(
    video: str | Path,
    spans: list[tuple[float, float]],
    path: str | Path,
    max_side: int = MAX_SIDE,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> None:
    """Writes some stretches of a video, one after another, as an mp4 that every browser plays.

    Frames keep their times, sound is cut along with them, and memory holds one stretch's sound at most.
    The video is walked once, for decoders opened one after another leave memory in pieces. The file
    appears only when whole.

    Args:
        video: any file that `FrameStream` reads.
        spans: start and end of each stretch in seconds, in order, at least one.
        path: where to write; an existing file is replaced.
        max_side: longest side of the new video in pixels.
        progress: called with seconds written and seconds in all.

    Raises:
        UserError: for a file that does not decode, or a disk that is full.

    Example:
        >>> cut("film.mp4", [(2.0, 4.0), (10.0, 12.5)], "short.mp4")
    """
    with replacing(path) as temporary, _open_sound(video) as (sound, origin):
        _write(video, spans, temporary, max_side, sound, origin, progress)


def _write(video, spans, path, max_side, sound, origin, progress) -> None:
    total, done = sum(end - start for start, end in spans), 0.0
    name, options = f"file:{path.absolute()}", {"movflags": "+faststart"}
    with FrameStream(video) as stream, av.open(name, "w", format="mp4", options=options) as container:
        fps = Fraction(min(stream.info.fps, 240.0)).limit_denominator(1001)
        width, height = (max(side - side % 2, 2) for side in stream.size(max_side))
        pictures = container.add_stream("libx264", rate=fps, options={"crf": "20", "preset": "veryfast"})
        pictures.width, pictures.height, pictures.pix_fmt = width, height, "yuv420p"
        pictures.codec_context.time_base = Fraction(1, TICKS)
        voice = _Voice(container, sound, origin) if sound else None
        for start, end in spans:
            for shown in stream.frames(start, end - 1e-6):
                picture = np.ascontiguousarray(shown.draw(width, height))
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                seconds = done + max(shown.time - start, 0)
                frame.pts, frame.time_base = round(seconds * TICKS), Fraction(1, TICKS)
                container.mux(pictures.encode(frame))
            if voice:
                voice.add(start, end)
            done += end - start
            progress(done, total)
        container.mux(pictures.encode(None))
        if voice:
            voice.finish()


@contextmanager
def _open_sound(path: str | Path) -> Iterator[tuple[av.AudioStream | None, float]]:
    """The first sound stream of a file, None if it has none, and the seconds on its clock at which the file starts."""
    path = Path(path)
    container_format = container_format_of(path)
    if container_format in (None, ANIMATED_WEBP) or container_format.endswith("_pipe"):
        yield None, 0.0
        return
    with av.open(f"file:{path.absolute()}", format=container_format, options=LOCAL_FILES_ONLY) as container:
        sound = next(iter(container.streams.audio), None)
        yield sound, origin_of(container, video_stream(path, container))


class _Voice:
    """The sound of the new file."""

    def __init__(self, container: av.container.OutputContainer, source: av.AudioStream, origin: float):
        self._container, self._source, self._origin = container, source, origin
        self._stream = container.add_stream("aac", rate=RATE, layout="stereo")
        self._rest = np.zeros((2, 0), np.float32)  # samples that do not fill a block yet
        self._written = 0
        self._seconds = 0.0

    def add(self, start: float, end: float) -> None:
        self._seconds += end - start
        length = round(self._seconds * RATE) - self._written - self._rest.shape[1]
        self._rest = np.concatenate([self._rest, self._read(start, length)], axis=1)
        while self._rest.shape[1] >= BLOCK:
            self._encode(self._rest[:, :BLOCK])
            self._rest = self._rest[:, BLOCK:]

    def finish(self) -> None:
        if self._rest.shape[1]:
            self._encode(self._rest)
        self._container.mux(self._stream.encode(None))

    def _encode(self, samples: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._written, Fraction(1, RATE)
        self._container.mux(self._stream.encode(frame))
        self._written += samples.shape[1]

    def _read(self, start: float, length: int) -> np.ndarray:
        """`length` samples from `start` seconds on, float32 (2, length); silence where there are none."""
        samples = np.zeros((2, length), np.float32)
        base, container = time_base(self._source), self._source.container
        assert isinstance(container, av.container.InputContainer)
        resampler = av.AudioResampler("fltp", "stereo", RATE)
        try:
            container.seek(int((start + self._origin) / base), stream=self._source)
            for decoded in _decoded(container, self._source):
                for frame in resampler.resample(decoded):
                    begin = round(((frame.time or 0.0) - self._origin - start) * RATE)
                    if begin >= length:
                        return samples
                    _place(samples, frame.to_ndarray(), begin)
        except (av.error.FFmpegError, ValueError):
            pass  # damaged sound is silence
        return samples


def _decoded(container: av.container.InputContainer, sound: av.AudioStream) -> Iterator[av.AudioFrame]:
    """The sound from where the container stands, past packets that do not decode: MPEG-PS is entered in mid-packet."""
    for packet in container.demux(sound):
        with suppress(av.error.FFmpegError):
            yield from packet.decode()


def _place(samples: np.ndarray, piece: np.ndarray, begin: int) -> None:
    skip = max(-begin, 0)
    piece, begin = piece[:, skip:], max(begin, 0)
    piece = piece[:, : samples.shape[1] - begin]
    samples[:, begin : begin + piece.shape[1]] = piece
