"""Whether a file ends where it should, as its container tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from vtkeras.data.containers import ANIMATED_WEBP, FIRST_BYTES, png_chunks, ts_packets

_PACK, _LAST_MARK = b"\x00\x00\x01\xba", b"\x00\x00\x01\xb9"
_LONGEST_PACKET = 1 << 16  # bytes, of MPEG-PS and of Ogg
_MOV_BOXES = (
    *(b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"meta", b"udta", b"mfra"),
    *(b"styp", b"sidx", b"ssix", b"prft", b"pdin", b"emsg"),
)
_JPEG_END = 0xD9
_JPEG_ALONE = (0x00, 0x01, *range(0xD0, 0xD9))  # second bytes after which no length stands: pixels, restarts
_CLOCKS = 32  # that are read of an MPEG-PS, at even distances


def is_cut(path: Path, container_format: str) -> bool:
    """True if the file lacks its closing mark, or is shorter than it says of itself."""
    check = _CHECKS.get(container_format)
    with path.open("rb") as file:
        return check is not None and check(file, os.fstat(file.fileno()).st_size)


def clock_restarts(path: Path) -> bool:
    """True if the clock of an MPEG-PS steps back: such a file is joined of several, each with times of its own."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        pieces = [read_at(file, size * number // _CLOCKS, _LONGEST_PACKET) for number in range(_CLOCKS)]
    clocks = [_clock(piece[place + 4 :]) for piece in pieces if (place := piece.find(_PACK)) >= 0]
    # After 26 hours the clock of a whole file begins anew, too.
    return any(0 < before - after < 1 << 32 for before, after in pairwise(clocks))


def _clock(data: bytes) -> int:
    """The time of a pack in units of 1/90000 s: 33 bits in three parts, with a bit after each."""
    bits = int.from_bytes(data[:5].ljust(5, b"\0"), "big") >> (2 if _is_mpeg2(data) else 0)
    return (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF


def _is_mpeg2(data: bytes) -> bool:
    """Whether a pack, after its mark, is one of MPEG-2 and not of MPEG-1."""
    return data[:1] >= b"\x40"


def _ts_is_cut(file: BinaryIO, size: int) -> bool:
    packets = ts_packets(file.read(FIRST_BYTES))
    return packets is not None and (size - packets[0]) % packets[1] != 0


def _gif_is_cut(file: BinaryIO, size: int) -> bool:
    return not _gif_ends(file.read())


def _jpeg_is_cut(file: BinaryIO, size: int) -> bool:
    """True without the mark that ends the first picture; what stands behind it, such as a film, is another matter."""
    data, place = file.read(), 2
    while 0 <= (place := data.find(b"\xff", place)) < len(data) - 1:
        mark = data[place + 1]
        if mark == _JPEG_END:
            return False
        alone = mark in _JPEG_ALONE
        place += 1 if mark == 0xFF else 2 if alone else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return True


def _png_is_cut(file: BinaryIO, size: int) -> bool:
    return b"IEND" not in [kind for kind, _ in png_chunks(file)]


def _ogg_is_cut(file: BinaryIO, size: int) -> bool:
    """True if the last page is not all there, or not marked as a last one."""
    tail = read_at(file, max(0, size - 2 * _LONGEST_PACKET), 2 * _LONGEST_PACKET)
    page = tail[tail.rfind(b"OggS") :]
    lengths = page[27 : 27 + page[26]] if len(page) > 27 else b""
    return not lengths or not page[5] & 4 or 27 + page[26] + sum(lengths) > len(page)


def _ends_late(end: Callable[[BinaryIO, int], int]) -> Callable[[BinaryIO, int], bool]:
    """Whether a file should end after it does."""
    return lambda file, size: end(file, size) > size


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


def _mov_end(file: BinaryIO, size: int) -> int:
    """Where the last box of an MP4 ends."""
    place = 0
    while place < size and len(head := read_at(file, place, 16)) >= 8:
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        added = place + length > size and head[4:8] not in _MOV_BOXES  # no box, but what a camera or a tagger adds
        if length < 8 or added:  # 0: up to the end of the file
            return size
        place += length
    return place


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where the last RIFF chunk ends; a long AVI has several."""
    place = 0
    while place < size and (head := read_at(file, place, 8))[:4] == b"RIFF" and len(head) == 8:
        length = int.from_bytes(head[4:], "little")
        if not length:  # never filled in by the program that wrote the file
            return size
        place += 8 + length
    return place


def _asf_end(file: BinaryIO, size: int) -> int:
    """Where the last object of an ASF ends."""
    place = 0
    while place < size and len(head := read_at(file, place, 24)) == 24:
        length = int.from_bytes(head[16:], "little")
        if length < 24:  # never filled in by the program that wrote the file
            return size
        place += length
    return place


def _flv_end(file: BinaryIO, size: int) -> int:
    """Where the last tag of an FLV ends; its length comes once more after each."""
    place = int.from_bytes(read_at(file, 5, 4), "big") + 4
    while place < size:
        place += 11 + int.from_bytes(read_at(file, place + 1, 3), "big") + 4
    return place - 4


def _mpeg_end(file: BinaryIO, size: int) -> int:
    """Where the last packet of an MPEG-PS ends."""
    start = max(0, size - 2 * _LONGEST_PACKET)
    tail = read_at(file, start, 2 * _LONGEST_PACKET)
    place = max(0, tail.find(_PACK))
    while place + 6 <= len(tail):
        mark, length = tail[place : place + 4], 6 + int.from_bytes(tail[place + 4 : place + 6], "big")
        if mark == _PACK:
            length = 14 if _is_mpeg2(tail[place + 4 :]) else 12
        elif mark == _LAST_MARK or mark < _PACK or mark[:3] != _PACK[:3]:  # the end, or what is no packet
            return size
        place += length
    return start + place


def _matroska_end(file: BinaryIO, size: int) -> int:
    """Where the segment of a Matroska file ends; 0 if it does not say."""
    head = file.read(64)
    place = 4 + vint(head[4:])[1] + vint(head[4:])[0]  # past the EBML header
    if head[place : place + 4] != b"\x18\x53\x80\x67":
        return 0
    length, width = vint(head[place + 4 :])
    return 0 if length == 2 ** (7 * width) - 1 else place + 4 + width + length


def vint(data: bytes) -> tuple[int, int]:
    """A number of Matroska, of variable width, and that width."""
    width = 9 - data[0].bit_length() if data else 1
    return int.from_bytes(data[:width], "big") & (2 ** (7 * width) - 1), width


def read_at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


_CHECKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "mpegts": _ts_is_cut,
    "gif": _gif_is_cut,
    "jpeg_pipe": _jpeg_is_cut,
    "png_pipe": _png_is_cut,
    "apng": _png_is_cut,
    "ogg": _ogg_is_cut,
    "matroska": _ends_late(_matroska_end),
    "mov": _ends_late(_mov_end),
    "asf": _ends_late(_asf_end),
    "flv": _ends_late(_flv_end),
    "mpeg": _ends_late(_mpeg_end),
    **dict.fromkeys(("avi", "webp_pipe", ANIMATED_WEBP), _ends_late(_riff_end)),
}
