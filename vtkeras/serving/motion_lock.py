"""A locked motion: what shows something else moves as the locked candidate does.

The same noise moves two first frames differently, as a generator plans a path from what it sees: a thing that starts at
the edge turns at once, where the locked one went on. So a locked motion is a clip to follow, and not noise alone. For
each candidate the locked noise is tried, and where that strays, noise of a few fixed seeds, from the candidate's own
first frame; that is taken whose movement is nearest to the locked clip's, if it is clearly nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

MOTION = "motion"  # the part of the noise that decides how things move
TRIES = 12  # other motions for a candidate: those of the seeds 0 to 11
ASTRAY = 0.7  # others are tried if the locked noise's distance is more than this share of what rest would have
NEARER = 0.75  # another motion is taken if its distance is less than this share of the locked noise's
UNSEEN = 0.002  # a distance that nobody sees, in shares of the frame: an eighth of a pixel of 64

Noise = dict[str, np.ndarray]


class Generator(Protocol):
    """What is asked of a generator here; see `vtkeras.serving.generation_rounds.Generator`."""

    def noise(self, seeds: Sequence[int]) -> Noise: ...
    def generate(self, texts: Sequence[str], noise: Noise, first_frames: np.ndarray | None = None) -> np.ndarray: ...


@dataclass(frozen=True)
class MotionLock:
    """A motion to follow.

    Attributes:
        noise: float32 (...), of the motion in the clip that shows it.
        clip: gives that clip, uint8 (time, height, width, 3); asked once, when another has to follow it.
    """

    noise: np.ndarray
    clip: Callable[[], np.ndarray]

    @cached_property
    def movement(self) -> np.ndarray:
        return movement(self.clip())

    def find(self, generator: Generator, prompt: str, noise: Noise, clips: np.ndarray) -> list[int]:
        """Which motion makes each clip move as the locked one does: 0 for the locked noise, n for that of seed n - 1.

        Args:
            generator: makes clips.
            prompt: what they show.
            noise: {part: float32 (clips, ...)}, with the locked motion in each row.
            clips: uint8 (clips, time, height, width, 3), made of this noise.
        """
        others, found = generator.noise(range(TRIES))[MOTION], [0] * len(clips)
        enough = max(UNSEEN, ASTRAY * distance(self.movement, np.zeros_like(self.movement)))
        for place, clip in enumerate(clips):
            if (locked := distance(movement(clip), self.movement)) <= enough:
                continue
            same = {part: np.repeat(rows[place][None], TRIES, axis=0) for part, rows in noise.items()}
            first_frames = np.repeat(clip[:1], TRIES, axis=0)
            made = generator.generate([prompt] * TRIES, {**same, MOTION: others}, first_frames)
            far = [distance(movement(other), self.movement) for other in made]
            if min(far) < NEARER * locked:
                found[place] = int(np.argmin(far)) + 1
        return found

    def rows(self, generator: Generator, found: Sequence[int]) -> np.ndarray:
        """The noise of motions that were found: float32 (found, ...)."""
        others = [generator.noise([number - 1])[MOTION][0] if number else self.noise for number in found]
        return np.stack(others) if others else np.zeros((0, *self.noise.shape), self.noise.dtype)


def movement(clip: np.ndarray) -> np.ndarray:
    """How far the centre of what changes goes from frame to frame, in shares of the frame, down and to the right.

    What changes is the squared difference of two frames in a row, so that a ground at rest does not count.

    Args:
        clip: uint8 (time, height, width, 3).

    Returns:
        float (time - 2, 2).

    Example:
        >>> clip = np.zeros((3, 4, 4, 3), "uint8")
        >>> clip[0, :, 0] = clip[1, :, 1] = clip[2, :, 2] = 255
        >>> movement(clip)
        array([[0.  , 0.25]])
    """
    change = np.square(np.diff(clip.mean(-1), axis=0)) + 1e-6  # where nothing changes, the centre is the middle
    sums = change.sum(2), change.sum(1)
    centres = [(along * np.arange(along.shape[1])).sum(1) / along.sum(1) / along.shape[1] for along in sums]
    return np.diff(np.stack(centres, axis=1), axis=0)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of two movements (steps, 2): their mean difference, in which the n-th step counts 1 / n.

    Later steps count less since they depend on the room that a first frame leaves.
    """
    weights = 1 / np.arange(1, len(one) + 1)
    return float((weights * np.abs(one - other).sum(1)).sum() / max(weights.sum(), 1))
