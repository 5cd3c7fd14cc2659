"""Frames of whatever FFmpeg decodes, by PyAV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path

import av

from vtkeras.data.containers import (
    LOCAL_FILES_ONLY,
    MAX_PIXELS,
    check_picture_size,
    check_size,
    place_of,
    video_stream,
)
from vtkeras.data.cropping import crop_of
from vtkeras.data.display import Display, tags_of_frame, tags_of_picture
from vtkeras.data.file_ends import clock_restarts, is_cut
from vtkeras.data.readers.base import ROUNDING, Frame, Reader, VideoInfo
from vtkeras.data.readers.steps import Steps
from vtkeras.data.timeline import Timeline, read_timeline, shown_at, time_base
from vtkeras.errors import UserError

# Key frames are sought this many seconds early: index times may run ahead of display times.
_SEEK_MARGIN = 1.0
# Containers of which FFmpeg has no index of key frames before all was read; it searches them by the times of packets.
# That may fail, so it is worth it only for a frame that far away; and MPEG-PS has a time in some packets only, so that
# the first ones found may be off by a frame.
_WITHOUT_INDEX, _FAR, _SEARCH_MARGIN = ("mpeg", "asf", "flv", "ogg"), 10.0, 3.0
# Containers that say how many frames a second they have; elsewhere FFmpeg guesses.
_DECLARE_RATE = ("avi", "matroska")
# How the names of codecs begin of which FFmpeg knows when frames are shown, in containers that do not tell it of each.
_TIMED = {
    "mpeg": ("mpeg1video", "mpeg2video"),
    "asf": ("wmv", "vc1", "mss", "msmpeg4", "mpeg4"),
    "ogg": ("theora",),
}
# Decoders that read transparency out of WebM, where FFmpeg's own skip it.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# A packet of MPEG-4 this short only says that the picture before it stays.
_EMPTY_MPEG4 = 8  # bytes


class AvReader(Reader):
    """Frames by FFmpeg, jumping to key frames that lie on the way."""

    _received = 0  # frames to be shown that came out of the decoder
    _unread = 0  # entries of the container's index that no packet was read for
    _unfinished = 0  # passes over the packets that stopped before the end of the file
    _search_failed = False  # for a frame of a container without an index

    def __init__(self, path: Path, container_format: str):
        # The pixel limit reaches the decoders too, for streams whose own header disagrees.
        options = {**LOCAL_FILES_ONLY, "max_pixels": str(MAX_PIXELS)}
        self.cut = is_cut(path, container_format)
        self._container = _open(path, container_format, options)
        try:
            self._stream = video_stream(path, self._container)
            if container_format == "matroska":
                self._load_index(path, options)
            check_size(path, self._stream.codec_context.width, self._stream.codec_context.height)
            _check_times(path, container_format, self._stream.codec_context.name)
            self._timeline = Timeline()  # of a still
            if not container_format.endswith("_pipe"):
                with _open(path, container_format, options) as again:  # not every container goes back to its start
                    self._timeline = read_timeline(again, video_stream(path, again))
            self._start(path, container_format, options)
        except BaseException:
            self._container.close()
            raise

    def _load_index(self, path: Path, options: dict[str, str]) -> None:
        """Jumps to the start of a Matroska file, which makes FFmpeg load the index; without one that fails."""
        try:
            self._container.seek(self._stream.start_time or 0, stream=self._stream)
        except av.error.FFmpegError:
            self._container.close()  # its first packets are lost
            self._container = _open(path, "matroska", options)
            self._stream = video_stream(path, self._container)

    def _start(self, path: Path, container_format: str, options: dict[str, str]) -> None:
        stream, self._fps, self._time_base = self._stream, self._timeline.rate, time_base(self._stream)
        self._codec = _decoder_of(stream)
        # One thread: a damaged stream then decodes to the same pixels every time.
        self._codec.options, self._codec.thread_count = options, 1
        name = self._container.format.name
        self._in_order_of_decoding = name == "avi"  # are the times of packets
        self._is_broadcast, self._is_indexed = name in ("mpegts", "mpeg"), name.startswith(("avi", "mov"))
        self._is_searched = name in _WITHOUT_INDEX
        self._steps = Steps(self._fps if name.startswith(_DECLARE_RATE) else None)
        pictures = self._decode()
        picture = next(pictures, None)
        if picture is None:
            check_picture_size(path)
            cut, damaged = "ends before its first frame", "holds a video stream of which no frame decodes"
            raise UserError(f"{path} {cut if self.cut else damaged}.")
        check_size(path, picture.width, picture.height)
        if name == "apng" or name.endswith("_pipe"):  # pixels of pictures are square, whatever density they name
            self._display = Display(picture, tags_of_picture(path))
        else:
            tags = tags_of_frame(picture, self._codec.codec.canonical_name)
            tags = replace(tags, crop=crop_of(path, container_format, place_of(stream)))
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
        one = name.endswith("_pipe")  # further pictures in the file of one, such as a preview, are not shown
        super().__init__(info, iter(()) if one else self._walk(pictures, after=first.time), first)

    def close(self) -> None:
        self._container.close()

    @property
    def undecoded(self) -> int:
        # Where reading stopped early, the decoder still holds the frames that it puts in order.
        held = self._unfinished * (self._stream.codec_context.reorder_depth + 1)
        left_out = self._left_out() if self._in_order_of_decoding else 0  # the index has them
        return max(self.fed - self._received - held, left_out, self._unread, 0)

    @property
    def lost(self) -> int:
        return max(self.undecoded, self._left_out())

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
        margin = _SEARCH_MARGIN if self._is_searched else _SEEK_MARGIN
        sought = int((target - margin + self._timeline.origin) / self._time_base)
        here = (self._next or self._shown).time
        if self._is_searched:
            if target <= here + _FAR or self._search_failed:
                return
        elif self._key_time_before(sought) <= here + _SEEK_MARGIN:
            return  # decoding on is no longer than starting again at that key frame
        self._restart(sought, after=here)
        landed = self._advance()
        if landed and landed.time <= target:
            self._shown, self._next = landed, self._advance()
        else:  # the index is wrong: read on from the start, past what is already shown
            self._search_failed = True
            self._restart(self._stream.start_time or 0, after=here)
            self._next = self._advance()

    def _key_time_before(self, sought: int) -> float:
        """Seconds of the last key frame of the index that is not after a time; -inf if there is none."""
        index = self._stream.index_entries
        position = index.search_timestamp(sought, backward=True) if len(index) else -1
        return -math.inf if position < 0 else index[position].timestamp * self._time_base - self._timeline.origin

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
        return 0.0 if abs(time) < ROUNDING else time

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Every picture from where the container stands; counts what goes in and comes out.

        Not counted are packets that rightly give no picture: those that an edit list hides, and those to
        be shown before the first key frame, or, after a jump or in a broadcast, stored before it.
        """
        self._unfinished += 1
        from_start, landed, packets = self.fed == 0, False, 0
        key: int | None = None
        waiting: list[int] = []  # times of packets whose pictures did not come out yet
        for packet in self._container.demux(self._stream):
            time = shown_at(packet)
            if time is not None and not packet.size:  # the picture before it stays
                continue
            packets += packet.size > 0
            if key is None and (packet.is_keyframe or from_start and not self._is_broadcast):
                key = time or 0
            if key is None and not from_start and self._is_searched:  # FFmpeg found some packet, in mid-picture even
                continue
            counts = packet.size > 0 and not packet.is_discard and key is not None and (time is None or time >= key)
            self.fed += counts
            try:
                pictures = self._codec.decode(packet)
            except Exception:  # one broken packet; those after it may be whole
                self.damaged += counts
                continue
            begins = self._in_order_of_decoding and not from_start and not landed
            if not pictures and counts and not begins and self._shows_nothing(packet):
                self.fed -= 1
            elif time is not None and self._in_order_of_decoding:
                heappush(waiting, time)
            if begins and pictures:
                self._pass_over(waiting, len(pictures))
            landed = landed or bool(pictures)
            for picture in pictures:
                if waiting:
                    picture.pts = heappop(waiting)
                self._received += key is None or picture.pts is None or picture.pts >= key
                self.damaged += picture.is_corrupt
                yield picture
        self._unfinished -= 1
        if from_start and self._is_indexed:
            self._unread = len(self._stream.index_entries) - packets

    def _pass_over(self, waiting: list[int], shown: int) -> None:
        """After a jump, takes out the times of frames that need one before the key frame, and so gave no picture."""
        while len(waiting) > self._stream.codec_context.reorder_depth + shown:
            heappop(waiting)
            self.fed -= 1

    def _shows_nothing(self, packet: av.Packet) -> bool:
        """True for packets that only help to decode others, or leave the picture as it is."""
        if self._codec.name in ("vp8", "libvpx"):
            return not bytes(packet)[0] & 0x10
        return self._codec.name == "mpeg4" and packet.size <= _EMPTY_MPEG4

    def _frame(self, picture: av.VideoFrame, time: float) -> Frame:
        length = (picture.duration or 0) * self._time_base or 1 / self._fps
        is_last = self._timeline.end > 0 and time >= self._timeline.last - ROUNDING
        end = self._timeline.end if is_last else time + length
        return Frame(time, end, lambda width, height: self._display.draw(picture, width, height))


def _open(path: Path, container_format: str, options: dict[str, str]) -> av.container.InputContainer:
    return av.open(f"file:{path.absolute()}", format=container_format, options=options)


def _decoder_of(stream: av.VideoStream) -> av.VideoCodecContext:
    """The decoder that FFmpeg chose, or for a transparent WebM the one that reads transparency."""
    name, metadata = stream.codec_context.name, stream.metadata
    if name in _WITH_ALPHA and "1" in (metadata.get("alpha_mode"), metadata.get("ALPHA_MODE")):
        return av.Codec(_WITH_ALPHA[name], "r").create("video")
    return stream.codec_context


def _check_times(path: Path, container_format: str, codec: str) -> None:
    """Refuses files whose frames would be shown at wrong times."""
    reason = ""
    if not codec.startswith(_TIMED.get(container_format, "")):
        reason = f"holds {codec} in a container that does not tell when each frame of it is shown"
    elif container_format == "mpeg" and clock_restarts(path):
        reason = "is joined of several recordings, each with times of its own"
    if reason:
        raise UserError(f"{path} {reason}; convert it first: ffmpeg -i {path.name} new.mp4")
