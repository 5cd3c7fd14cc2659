"""The crop that a container names beside its pictures: `clap` of MP4 and MOV, PixelCrop of Matroska and WebM.

PyAV does not give it, so it is read here; FFmpeg's filter applies it. Crops within a codec are the decoder's.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from fractions import Fraction
from itertools import islice
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO

import av
from av.filter import Graph

from vtkeras.data.file_ends import read_at, vint

_VIDEO_TRACK = b"vide"
# Within the description of a track's pictures: where their size stands, and where further boxes begin.
_SIZE, _FURTHER = 24, 78
_SEGMENT, _TRACKS, _TRACK = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae"
_TYPE, _PICTURES, _IS_VIDEO = b"\x83", b"\xe0", 1
_SIDES = (b"\x54\xcc", b"\x54\xbb", b"\x54\xdd", b"\x54\xaa")  # left, top, right, bottom
_LEAST_FIRST = 0x10  # byte of a name, of which names have at most four
_LONGEST_NUMBER = 8  # bytes
_LEAST_LEFT = 4  # pixels a side, for which some formats store one colour
_TIME_BASE = Fraction(1, 1000)  # of a filter that does not look at times

Span = tuple[int, int]  # where something begins and ends in a file
Parts = Callable[[BinaryIO, int, int], Iterator[tuple[bytes, int, int]]]


@dataclass(frozen=True)
class Crop:
    """Pixels of the stored picture that are left out at each of its sides."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def fits(self, width: int, height: int) -> bool:
        """Whether enough of a picture is left for FFmpeg's filter."""
        least = min(width - self.left - self.right, height - self.top - self.bottom)
        return min(astuple(self)) >= 0 and least >= _LEAST_LEFT


def crop_of(path: Path, container_format: str, place: int) -> Crop:
    """What a file names for one of its videos; nothing is left out where it names none.

    Args:
        path: the file.
        container_format: FFmpeg's name for its container.
        place: which of the file's video tracks it is, from 0.
    """
    crops = _CROPS.get(container_format)
    if crops:
        with path.open("rb") as file, suppress(struct.error, IndexError, ZeroDivisionError):  # damaged
            return next(islice(crops(file, os.fstat(file.fileno()).st_size), place, None), Crop())
    return Crop()


class Cropper:
    """Crops frames by FFmpeg's filter, which rounds to whole samples of colour, as `ffmpeg` does."""

    def __init__(self, crop: Crop):
        self._crop = crop
        self._graph = Graph()
        self._form: tuple[int, int, str] | None = None  # of the frames that the graph is for

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame without what is left out, its pixels shared."""
        if self._crop == Crop() or not self._crop.fits(frame.width, frame.height):
            return frame
        form = frame.width, frame.height, frame.format.name
        if form != self._form:
            self._form, self._graph = form, self._graph_for(*form)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _graph_for(self, width: int, height: int, format: str) -> Graph:
        left, top, right, bottom = astuple(self._crop)
        graph = Graph()
        source = graph.add_buffer(width=width, height=height, format=av.VideoFormat(format), time_base=_TIME_BASE)
        crop = graph.add("crop", f"{width - left - right}:{height - top - bottom}:{left}:{top}")
        graph.link_nodes(source, crop, graph.add("buffersink")).configure()
        return graph


def _mov_crops(file: BinaryIO, size: int) -> Iterator[Crop]:
    """Of each video track."""
    for track in _find(_boxes, file, (0, size), b"moov", b"trak"):
        kinds = [read_at(file, start + 8, 4) for start, _ in _find(_boxes, file, track, b"mdia", b"hdlr")]
        if _VIDEO_TRACK in kinds:
            yield next(_apertures(file, track), Crop())


def _apertures(file: BinaryIO, track: Span) -> Iterator[Crop]:
    for first, last in _find(_boxes, file, track, b"mdia", b"minf", b"stbl", b"stsd"):
        for _, start, end in _boxes(file, first + 8, last):
            size = struct.unpack(">HH", read_at(file, start + _SIZE, 4))
            for place, _ in _find(_boxes, file, (start + _FURTHER, end), b"clap"):
                crop = _around(*size, *struct.unpack(">8i", read_at(file, place, 32)))
                yield crop if crop.fits(*size) else Crop()


def _around(width: int, height: int, *aperture: int) -> Crop:
    """What lies around an aperture: fractions of its width, its height, and how far its middle is right and below."""
    across, down, right, below = map(Fraction, aperture[::2], aperture[1::2])
    sides, ends = (width - across) / 2, (height - down) / 2
    return Crop(floor(sides + right), floor(ends + below), ceil(sides - right), ceil(ends - below))


def _matroska_crops(file: BinaryIO, size: int) -> Iterator[Crop]:
    """Of each video track."""
    for track in _find(_elements, file, (0, size), _SEGMENT, _TRACKS, _TRACK):
        if _IS_VIDEO in [_number(file, span) for span in _find(_elements, file, track, _TYPE)]:
            found: dict[bytes, int] = {}
            for pictures in _find(_elements, file, track, _PICTURES):
                found |= {name: _number(file, (start, end)) for name, start, end in _elements(file, *pictures)}
            yield Crop(*(found.get(name, 0) for name in _SIDES))


def _number(file: BinaryIO, span: Span) -> int:
    return int.from_bytes(read_at(file, span[0], min(span[1] - span[0], _LONGEST_NUMBER)), "big")


def _find(parts: Parts, file: BinaryIO, within: Span, *names: bytes) -> Iterator[Span]:
    """Where the content of every part lies that is reached by such names, one inside the other."""
    for name, start, end in parts(file, *within):
        if name == names[0]:
            yield from _find(parts, file, (start, end), *names[1:]) if names[1:] else [(start, end)]


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the content of each box of MP4."""
    while start + 8 <= end:
        length, name = struct.unpack(">I4s", read_at(file, start, 8))
        head = 8
        if length == 1:
            length, head = int.from_bytes(read_at(file, start + 8, 8), "big"), 16
        stop = start + length if length else end
        if stop < start + head:
            return
        yield name, start + head, min(stop, end)
        start = stop


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the content of each element of Matroska; one of unknown length goes on to the end."""
    while start < end:
        head = read_at(file, start, 12)
        if head[0] < _LEAST_FIRST:
            return
        name = head[: 9 - head[0].bit_length()]
        length, width = vint(head[len(name) :])
        start += len(name) + width
        stop = end if length == 2 ** (7 * width) - 1 else start + length
        yield name, min(start, end), min(stop, end)
        start = stop


_CROPS: dict[str, Callable[[BinaryIO, int], Iterator[Crop]]] = {"mov": _mov_crops, "matroska": _matroska_crops}
