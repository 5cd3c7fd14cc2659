"""How fast this machine is, measured for some seconds, and what that leaves of a clip to be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import tensorflow as tf

from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.planning.survey import Survey

SIDES = (224, 192, 160, 128, 96, 64)  # that a pretrained encoder may read, the dearest first
FRAMES = (8, 4)
MOST_ENLARGED, SMALL = 1.25, 128  # times that a stored picture may be enlarged, and the pixels a side that any may be
PATCH, MOST_PATCHES = 32, 256  # pixels a side of a patch, and patches of a clip: attention takes time for each
TRIED = 16  # pictures of 224 pixels in one measurement, and of others as many as have their area
NEARLY = 0.8  # share of the clips: where more of them have time, all are read
LEAST = 1e-4  # share that is taken even so
TRAINING = 3  # times that a training step takes longer than to read the same pictures

T = TypeVar("T")


class Speed(NamedTuple):
    """How fast a frame encoder is on this machine.

    Attributes:
        pictures: that it reads in a second.
        graph: seconds that it takes to make its layers and their graph.
    """

    pictures: float
    graph: float


def measure(name: str, side: int, now: Callable[[], float] = time.monotonic) -> Speed:
    """The speed of a frame encoder, measured on black pictures.

    Args:
        name: in `FRAME_ENCODERS`; its weights do not matter.
        side: pixels a side.
        now: gives the time in seconds.

    Example:
        >>> measure("efficientnet_lite0", 224)
        Speed(pictures=95.0, graph=4.1)
    """
    begin = now()
    encoder = FRAME_ENCODERS[name](image_size=side, motion=False)
    encode = tf.function(lambda pictures: encoder(pictures, training=False))
    count = int(TRIED * (SIDES[0] / side) ** 2)

    def seconds_of_a_call(begin: float) -> float:
        encode(tf.zeros((1, count, side, side, 3), tf.uint8)).numpy()
        return now() - begin

    first = seconds_of_a_call(begin)
    best = max(min(seconds_of_a_call(now()) for _ in range(2)), 1e-6)
    return Speed(count / best, max(first - best, 0.0))


def slowed(
    call: Callable[[], T],
    now: Callable[[], float] = time.monotonic,
    worked: Callable[[], float] = time.process_time,
) -> tuple[T, float]:
    """What a call gives, and how many times its processor time it took: more than 1 beside other work.

    Args:
        call: without arguments, done once.
        now: gives the time in seconds.
        worked: gives the processor time of this process in seconds.

    Returns:
        What the call gives, and the factor, at least 1.

    Example:
        >>> slowed(lambda: sum(range(10**7)))
        (49999995000000, 1.0)
    """
    begin, before = now(), worked()
    found = call()
    return found, max(1.0, (now() - begin) / max(worked() - before, 1e-3))


def choose_reading(survey: Survey, speed: float, seconds: float) -> tuple[int, int]:
    """Frames of a clip and pixels a side that an encoder can read of the clips to learn from in the given time.

    Args:
        survey: of the data.
        speed: pictures of 224 pixels in a second; other sizes take time by their area.
        seconds: that reading may take.

    Returns:
        frames and side: the most that fit, at least the cheapest; pixels are given up before frames.

    Example:
        >>> choose_reading(survey, speed=100, seconds=60)  # of 900 clips, 6,000 pictures of 224 pixels in all
        (8, 160)
    """
    ways = _ways(survey)
    return next((way for way in ways if survey.used * cost(*way) <= speed * seconds), ways[-1])


def share_in_time(survey: Survey, speed: float, seconds: float) -> float:
    """Share of the clips that an encoder can read in the given time, each in the cheapest way; 1 where that is nearly
    all.

    Args:
        survey, speed, seconds: as for `choose_reading`.

    Example:
        >>> share_in_time(survey, speed=100, seconds=60)  # of 180,000 pictures
        0.1
    """
    share = speed * seconds / (survey.used * cost(*_ways(survey)[-1]))
    return max(round(share, 4), LEAST) if share < NEARLY else 1.0


def _ways(survey: Survey) -> list[tuple[int, int]]:
    """Frames and side that clips may be read with, the dearest first."""
    counts = [1] if survey.frames == 1 else [min(count, survey.frames) for count in FRAMES]
    return [
        (frames, side)
        for frames in counts
        for side in _sides(survey.side)
        if frames * (side // PATCH) ** 2 <= MOST_PATCHES
    ]


def _sides(stored: int) -> Sequence[int]:
    fitting = [side for side in SIDES if side <= max(SMALL, MOST_ENLARGED * stored)]
    return fitting or SIDES[-1:]


def cost(frames: int, side: int) -> float:
    """How many pictures of 224 pixels a clip of some frames takes the time of."""
    return frames * (side / SIDES[0]) ** 2
