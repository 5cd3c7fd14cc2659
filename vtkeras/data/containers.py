"""Which files are opened as videos: known containers, by their first bytes, and pictures of a size that fits.

Nothing but the named file is ever read: its container is recognised among a few known ones (so playlists
never reach FFmpeg), and FFmpeg may open local files only.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

import av
from av.stream import Disposition

from vtkeras.errors import UserError

_VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".ts", ".mts", ".m2ts")
_PICTURES = (".gif", ".webp", ".png", ".apng", ".jpg", ".jpeg")
EXTENSIONS = _VIDEOS + _PICTURES
MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
ANIMATED_WEBP = "animated webp"
# FFmpeg's option for every file it opens.
LOCAL_FILES_ONLY = {"protocol_whitelist": "file"}

_FIRST_BYTES = 1024  # that tell the container
_TS_PACKETS = ((0, 188), (4, 192))  # first byte and length of the packets of MPEG-TS, and of cameras' M2TS
_NOT_SHOWN = Disposition.attached_pic | Disposition.timed_thumbnails
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def is_video(name: str) -> bool:
    """Whether a file is a video and no picture, by its name."""
    return name.lower().endswith(_VIDEOS)


def container_format_of(path: Path) -> str | None:
    """FFmpeg's name for the container of a file, by its first bytes; None for anything else."""
    with path.open("rb") as file:
        head = file.read(_FIRST_BYTES)
        if head[4:8] in _MOV_ATOMS:
            return "mov"
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & 2
            return ANIMATED_WEBP if animated else "webp_pipe"
        if head.startswith(b"RIFF") and head[8:11] == b"AVI":
            return "avi"
        if head.startswith(b"\x89PNG"):
            before_pixels = takewhile(lambda chunk: chunk[0] != b"IDAT", _png_chunks(file))
            return "apng" if any(kind == b"acTL" for kind, _ in before_pixels) else "png_pipe"
    if _ts_packet(head):
        return "mpegts"
    magics = {b"\x1a\x45\xdf\xa3": "matroska", b"GIF8": "gif", b"\xff\xd8\xff": "jpeg_pipe"}
    return next((name for magic, name in magics.items() if head.startswith(magic)), None)


def is_cut(path: Path, container_format: str) -> bool:
    """True if the file lacks its closing mark, or is shorter than it says of itself."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if container_format == "mpegts":
            return size % _ts_packet(file.read(_FIRST_BYTES)) != 0
        if container_format == "gif":
            return not _gif_ends(file.read())
        if container_format == "jpeg_pipe":
            data = file.read()
            return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
        if container_format in ("png_pipe", "apng"):
            return b"IEND" not in [kind for kind, _ in _png_chunks(file)]
        if container_format == "matroska":
            return _matroska_end(file.read(64)) > size
        if container_format == "mov":
            return _mov_end(file, size) > size
        if container_format in ("avi", "webp_pipe", ANIMATED_WEBP):
            return _riff_end(file, size) > size
    return False


def _ts_packet(head: bytes) -> int:
    """How long the packets of an MPEG-TS are, of which a whole file has no part; 0 if it is none."""
    lengths = (length for start, length in _TS_PACKETS if set(head[start::length]) == {0x47} and len(head) > 2 * length)
    return next(lengths, 0)


def _gif_ends(data: bytes) -> bool:
    """True if the blocks of a GIF lead to its closing mark."""

    def colors(flags: int) -> int:
        return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0

    try:
        place = 13 + colors(data[10])
        while data[place] != ord(";"):
            is_picture = data[place] == ord(",")
            place += 11 + colors(data[place + 9]) if is_picture else 2
            while data[place]:  # parts, each after its length
                place += 1 + data[place]
            place += 1
    except IndexError:
        return False
    return True


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of every chunk that is there as a whole."""
    place = file.seek(8)
    size = os.fstat(file.fileno()).st_size
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        place += 12 + length
        if place > size:
            return
        yield kind, length
        file.seek(place)


def _mov_end(file: BinaryIO, size: int) -> int:
    """Where the last box of an MP4 ends."""
    place = 0
    while place < size and len(head := _read_at(file, place, 16)) >= 8:
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0: up to the end of the file
            return size
        place += length
    return place


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where the last RIFF chunk ends; a long AVI has several."""
    place = 0
    while place < size and (head := _read_at(file, place, 8))[:4] == b"RIFF" and len(head) == 8:
        length = int.from_bytes(head[4:], "little")
        if not length:  # never filled in by the program that wrote the file
            return size
        place += 8 + length
    return place


def _matroska_end(head: bytes) -> int:
    """Where the segment of a Matroska file ends; 0 if it does not say."""
    place = 4 + _vint(head[4:])[1] + _vint(head[4:])[0]  # past the EBML header
    if head[place : place + 4] != b"\x18\x53\x80\x67":
        return 0
    length, width = _vint(head[place + 4 :])
    return 0 if length == 2 ** (7 * width) - 1 else place + 4 + width + length


def _vint(data: bytes) -> tuple[int, int]:
    """A number of variable width, and that width."""
    width = 9 - data[0].bit_length() if data else 1
    return int.from_bytes(data[:width], "big") & (2 ** (7 * width) - 1), width


def _read_at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def video_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """The moving pictures that a player shows: the stream marked as default, else the first; no cover of a song.

    Raises:
        UserError: if there is none.
    """
    streams = [one for one in container.streams.video if one.codec_context and not one.disposition & _NOT_SHOWN]
    if not streams:
        raise UserError(f"{path} has no video stream that can be decoded.")
    return max(streams, key=lambda one: bool(one.disposition & Disposition.default))


def check_size(path: Path, width: int, height: int) -> None:
    """Refuses a picture larger than any that is read.

    Args:
        path: the file, which the message names.
        width, height: int, pixels of the picture, as the file claims.

    Raises:
        UserError: if a side or the number of pixels is above its limit.
    """
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UserError(
            f"{path} claims {width}x{height} pixels; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} million in all are read."
        )
