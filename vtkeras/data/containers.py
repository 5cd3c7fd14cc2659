"""Which files are opened as videos: known containers, by their first bytes, and pictures of a size that fits.

Nothing but the named file is ever read: its container is recognised among a few known ones (so playlists
never reach FFmpeg), and FFmpeg may open local files only.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from vtkeras.errors import UserError

EXTENSIONS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp", ".png", ".jpg", ".jpeg")
MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
ANIMATED_WEBP = "animated webp"
# FFmpeg's option for every file it opens.
LOCAL_FILES_ONLY = {"protocol_whitelist": "file"}

_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def container_format_of(head: bytes) -> str | None:
    """FFmpeg's name for the container that begins with `head`; None for anything else."""
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        animated = head[12:16] == b"VP8X" and head[20:21] and head[20] & 2
        return ANIMATED_WEBP if animated else "webp_pipe"
    if head.startswith(b"RIFF") and head[8:11] == b"AVI":
        return "avi"
    magics = {
        b"\x1a\x45\xdf\xa3": "matroska",
        b"GIF8": "gif",
        b"\x89PNG": "png_pipe",
        b"\xff\xd8\xff": "jpeg_pipe",
    }
    return next((name for magic, name in magics.items() if head.startswith(magic)), None)


def is_cut(path: Path, container_format: str) -> bool:
    """True if the file lacks its closing mark, for GIF and JPEG, which FFmpeg reads without an error if cut."""
    if container_format == "gif":
        return not path.read_bytes().rstrip(b"\0").endswith(b";")
    if container_format == "jpeg_pipe":
        data = path.read_bytes()
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    return False


def video_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """The first stream of moving pictures, not the cover of a song.

    Raises:
        UserError: if there is none.
    """
    for stream in container.streams.video:
        cover = stream.disposition & av.stream.Disposition.attached_pic
        if stream.codec_context is not None and not cover:
            return stream
    raise UserError(f"{path} has no video stream that can be decoded.")


def time_base(stream: av.VideoStream | av.AudioStream) -> Fraction:
    """Seconds of one unit of a stream's times; FFmpeg's own unit where the file names none."""
    return stream.time_base or Fraction(1, av.time_base)


def check_size(path: Path, width: int, height: int) -> None:
    """Refuses a picture larger than any that is read.

    Raises:
        UserError: if a side or the number of pixels is above its limit.
    """
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UserError(
            f"{path} claims {width}x{height} pixels; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} million in all are read."
        )
