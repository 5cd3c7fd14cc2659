"""When the pictures of a file begin and end, by its packets' own times.

Headers are often wrong about that: for variable frame rates, for sound that goes on after the last picture,
and for files that were cut. So the last packets are read, without decoding any.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections import deque
from dataclasses import dataclass, field

import av
import numpy as np
from av.stream import Stream

_DEFAULT_RATE, _HIGHEST_RATE = 25.0, 1000.0  # the latter is no rate, but a unit of times
_LATEST = 60.0  # seconds by which pictures may begin after the sound in a file that does not tell its length
_MARGIN = 1.0  # seconds before the announced end at which the last packets are sought
_MOST_TIMES = 250  # of the last packets
# Containers that announce where the file ends on the clock of its packets, and not how long it or a stream is.
_FROM_ZERO = ("asf", "flv")
_MATROSKA_TIME = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # counted from the file's own zero


@dataclass(frozen=True)
class Timeline:
    """Times of a file's video in seconds; second 0 is the file's start, where its earliest stream begins.

    Attributes:
        origin: second 0, on the clock of the file's packets.
        last: where the last picture appears.
        end: where it ends.
        announced: where it should end, as the file says; more than `end` if something is missing.
        rate: frames a second, on average.
    """

    origin: float = 0.0
    last: float = 0.0
    end: float = 0.0
    announced: float = 0.0
    rate: float = _DEFAULT_RATE


def time_base(stream: Stream) -> float:
    """Seconds of one unit of a stream's times; FFmpeg's own unit where the file names none."""
    return float(stream.time_base or 1 / av.time_base)


def origin_of(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Second 0 of a file: where the earliest of its streams begins."""
    begins = (stream.start_time or 0) * time_base(stream)
    start = begins if container.start_time is None else container.start_time / av.time_base
    # FFmpeg rounds to microseconds; and a start far off the pictures is damage.
    late = begins - start
    longest = container.duration / av.time_base if container.duration else _LATEST
    return start if 1e-5 < late <= longest else begins


def shown_at(packet: av.Packet) -> int | None:
    """When a packet's picture appears, as far as its container tells: AVI has times in order of decoding only."""
    return packet.dts if packet.pts is None or packet.stream.container.format.name == "avi" else packet.pts


def read_timeline(container: av.container.InputContainer, stream: av.VideoStream) -> Timeline:
    """Reads the last packets of a file; the container is left at its end.

    Args:
        container: a newly opened file.
        stream: its video.
    """
    origin = origin_of(container, stream)
    announced, of_stream = _announced(container, stream, origin)
    tail = _read_tail(container, stream, announced + origin - _MARGIN)
    times = sorted(time - origin for time in tail.times)
    steps = np.diff(times)
    rate = _rate(stream) or (1 / steps.mean() if steps.any() else _DEFAULT_RATE)
    if not times:
        return Timeline(origin, 0.0, 0.0, announced, rate)
    end = times[-1] + (tail.length or 1 / rate)
    longest_step = max(steps, default=0.0)
    varies = longest_step > 1.5 / rate
    if tail.is_last or not of_stream and tail.sound_end - origin >= announced - 1 / rate:
        announced = end  # nothing is missing, so the header's time is wrong, or the sound's
    elif varies and end < announced <= end + longest_step:
        end = announced  # the last picture stays
    return Timeline(origin, times[-1], end, max(end, announced), rate)


def _rate(stream: av.VideoStream) -> float | None:
    """Frames a second as FFmpeg tells; None where it has no idea and gives the unit of its times."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and rate < _HIGHEST_RATE else None


def _announced(container: av.container.InputContainer, stream: av.VideoStream, origin: float) -> tuple[float, bool]:
    """Where the header says that the video ends, 0 if it does not; and whether that is not of the whole file."""
    if container.format.name in _FROM_ZERO:
        length = stream.duration * time_base(stream) if stream.duration else (container.duration or 0) / av.time_base
        return length - origin, False
    if stream.duration:
        return ((stream.start_time or 0) + stream.duration) * time_base(stream) - origin, True
    if match := _MATROSKA_TIME.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, match.groups())
        return 3600 * hours + 60 * minutes + seconds - origin, True
    return (container.duration or 0) / av.time_base, False


@dataclass
class _Tail:
    """The last packets, on their clock: when pictures appear, how long the latest stays, and when sound ends."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_TIMES))
    latest: float = -math.inf
    length: float = 0.0
    sound_end: float = 0.0
    is_last: bool = False  # the last picture of the file's index was among them, shown or hidden


def _read_tail(container: av.container.InputContainer, stream: av.VideoStream, start: float) -> _Tail:
    begin = (stream.start_time or 0) * time_base(stream)
    if start > begin:
        _seek(container, stream, start)
    tail = _read_on(container, stream)
    if tail.latest < start and start > begin:  # sound goes on, and nothing or too little was found of the pictures
        _seek(container, stream, max(tail.latest - _MARGIN, begin))
        tail = max(tail, _read_on(container, stream), key=lambda one: len(one.times))
    return tail


def _seek(container: av.container.InputContainer, stream: av.VideoStream, seconds: float) -> None:
    with contextlib.suppress(av.error.FFmpegError, OverflowError):  # no index: all packets are read
        container.seek(int(seconds / time_base(stream)), stream=stream)


def _read_on(container: av.container.InputContainer, stream: av.VideoStream) -> _Tail:
    tail, index = _Tail(), stream.index_entries
    # MP4 has an index of all its pictures, that no cut of the pictures themselves shortens.
    is_indexed = container.format.name.startswith("mov") and len(index) >= max(stream.frames, 1)
    last_place = index[len(index) - 1].pos if is_indexed else None
    with contextlib.suppress(Exception):  # damaged: the end is where reading stops
        for packet in container.demux(stream, *container.streams.audio):
            time = shown_at(packet)
            tail.is_last |= packet.stream.index == stream.index and packet.size > 0 and packet.pos == last_place
            if time is None or packet.is_discard:
                continue
            seconds, length = time * time_base(packet.stream), (packet.duration or 0) * time_base(packet.stream)
            if packet.stream.index != stream.index:
                tail.sound_end = max(tail.sound_end, seconds + length)
                continue
            if not packet.size:  # the picture before it stays
                tail.length = max(tail.length, seconds + length - tail.latest) if tail.times else 0.0
                continue
            if seconds > tail.latest:
                tail.latest, tail.length = seconds, length
            tail.times.append(seconds)
    return tail
