"""Which files are opened as videos: known containers, by their first bytes, and pictures of a size that fits.

Nothing but the named file is ever read: its container is recognised among a few known ones (so playlists
never reach FFmpeg), and FFmpeg may open local files only.
"""

from __future__ import annotations

import os
import shlex
import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

import av
from av.stream import Disposition
from PIL import Image

from vtkeras.errors import UserError

# .ogg is not among them, for most such files are sound; the others are opened all the same where they are named.
_VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".f4v", ".webm", ".mkv", ".avi", ".ts", ".mts", ".m2ts"),
    *(".mpg", ".mpeg", ".vob", ".wmv", ".asf", ".flv", ".ogv"),
)
_PICTURES = (".gif", ".webp", ".png", ".apng", ".jpg", ".jpeg")
EXTENSIONS = _VIDEOS + _PICTURES
MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
ANIMATED_WEBP = "animated webp"
# FFmpeg's option for every file it opens.
LOCAL_FILES_ONLY = {"protocol_whitelist": "file"}

FIRST_BYTES = 1024  # that tell the container
_TS_PACKETS = {188: 0, 192: 4, 204: 0}  # lengths of MPEG-TS, of cameras' M2TS, of broadcasts; place of the mark
_TS_MARK, _TS_MARKS = 0x47, 5  # which begins a packet; how many of them tell it
_DEFAULT_COUNTS = 5_000_000  # pixels
_NOT_SHOWN = Disposition.attached_pic | Disposition.timed_thumbnails
_MAGICS = {
    b"\x1a\x45\xdf\xa3": "matroska",
    b"\x00\x00\x01\xba": "mpeg",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "asf",
    b"FLV\x01": "flv",
    b"OggS": "ogg",
    b"GIF8": "gif",
    b"\xff\xd8\xff": "jpeg_pipe",
}
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif")
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def is_video(name: str) -> bool:
    """Whether a file is a video and no picture, by its name."""
    return name.lower().endswith(_VIDEOS)


def container_format_of(path: Path) -> str | None:
    """FFmpeg's name for the container of a file, by its first bytes; None for anything else."""
    with path.open("rb") as file:
        head = file.read(FIRST_BYTES)
        if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
            return None  # a picture in tiles, of which FFmpeg would give the first
        if head[4:8] in _MOV_ATOMS:
            return "mov"
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & 2
            return ANIMATED_WEBP if animated else "webp_pipe"
        if head.startswith(b"RIFF") and head[8:11] == b"AVI":
            return "avi"
        if head.startswith(b"\x89PNG"):
            before_pixels = takewhile(lambda chunk: chunk[0] != b"IDAT", png_chunks(file))
            return "apng" if any(kind == b"acTL" for kind, _ in before_pixels) else "png_pipe"
    if ts_packets(head):
        return "mpegts"
    return next((name for magic, name in _MAGICS.items() if head.startswith(magic)), None)


def ts_packets(head: bytes) -> tuple[int, int] | None:
    """Where the first packet of an MPEG-TS begins, which may have been cut out of a stream, and how long they are."""
    for length, place in _TS_PACKETS.items():
        for start in range(length):
            marks = head[start::length]
            if len(marks) >= _TS_MARKS and marks.count(_TS_MARK) == len(marks):
                return (start - place) % length, length
    return None


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
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


def video_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """The moving pictures that `ffmpeg` takes: those of most pixels, of equal ones the first; no cover of a song.

    To be marked as default counts as five million pixels, more than pictures of 2560x1440 have.

    Raises:
        UserError: if there is none.
    """
    streams = [one for one in container.streams.video if one.codec_context and not one.disposition & _NOT_SHOWN]
    if not streams:
        raise UserError(f"{path} {_why_no_video(path, container)}.")
    return max(streams, key=_claim)


def _why_no_video(path: Path, container: av.container.InputContainer) -> str:
    if any(not one.codec_context for one in container.streams.video):
        name = shlex.quote(path.name)
        return f"holds video of a codec that is not read; convert it first, where it plays: ffmpeg -i {name} new.mp4"
    return "has no video stream that can be decoded"


def _claim(stream: av.VideoStream) -> int:
    is_default = bool(stream.disposition & Disposition.default)
    return stream.codec_context.width * stream.codec_context.height + _DEFAULT_COUNTS * is_default


def place_of(stream: av.VideoStream) -> int:
    """Which of the video tracks of its file a stream is, from 0; covers, which FFmpeg lists as videos, are none, but
    pictures of chapters are."""
    videos = stream.container.streams.video
    others = [one for one in videos if one.disposition & _NOT_SHOWN != Disposition.attached_pic]
    return sum(one.index < stream.index for one in others)


def check_picture_size(path: Path) -> None:
    """Refuses a picture that is too large for FFmpeg or Pillow, which would only say that it does not decode.

    Raises:
        UserError: as `check_size`.
    """
    with warnings.catch_warnings(), suppress(OSError, ValueError, SyntaxError):  # damaged: the decoder tells
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=("JPEG", "PNG", "GIF", "WEBP")) as image:
                check_size(path, *image.size)
        except Image.DecompressionBombError:
            most = MAX_PIXELS // 1_000_000
            raise UserError(f"{path} has too many pixels: at most {most} million are read.") from None


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
