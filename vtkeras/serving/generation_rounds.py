"""The candidates of one round of generation, and how the next ones are made of what was liked and disliked.

How feedback moves the noise. Every candidate is made from standard normal noise, so that what is liked and disliked of
the candidates can be said of their noise. For each part of the noise that is not locked, a new candidate's is

    variety * fresh + 3 * direction(liked) - 0.5 * direction(disliked), scaled to the length of `fresh`,

where `fresh` is drawn from the candidate's own seed and `direction` is a sum of vectors scaled to length 1, in which
the liked candidate that the new one leans on counts six times: a generator may draw several first frames for a clip and
show the best, so that the mean of many liked ones is less surely what any of them showed than one of them is. That is
Rocchio's relevance feedback (1971), moved from words to noise and onto the sphere on which normal noise lies, because a
generator is trained on noise of that length alone; with one liked candidate it is the slerp between that and fresh
noise of White, "Sampling Generative Networks" (2016). That the user picks the parents, that these stay among the next
candidates, and that each child leans on another of them, is the interactive evolution of latents of Bontrager et al.,
"Deep Interactive Evolution" (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from vtkeras.errors import UserError
from vtkeras.serving.motion_lock import MOTION, MotionLock, Noise

FIRST_FRAME = "first frame"  # what can be locked beside the parts of the noise
CONTENT = "content"  # the part of the noise whose place a locked first frame takes
MORE, LESS = 3.0, 0.5  # against 1 for fresh noise
LEAN = 6.0  # weight of the liked candidate that a child leans on, against 1 for each other one


class Generator(Protocol):
    """What a session asks of a generator; `vtkeras.serving.generator.Generator` is one."""

    info: dict

    def check(self, text: str) -> str: ...
    def noise(self, seeds: Sequence[int]) -> Noise: ...
    def best_noise(self, text: str, seeds: Sequence[int]) -> Noise: ...
    def generate(self, texts: Sequence[str], noise: Noise, first_frames: np.ndarray | None = None) -> np.ndarray: ...


@dataclass(frozen=True)
class Round:
    """The candidates of one round.

    Attributes:
        generator: that makes the clips.
        prompt: what all of them show.
        noise: {part: float32 (candidates, ...)}.
        locked: names of the parts that are the same in all of them and stay so.
        first_frame: uint8 (height, width, 3) where that is locked, else None.
        follows: the locked motion, which all but the kept ones follow; None where it is not locked.
        kept: how many of them, from the first one on, are liked ones of the round before, as they were.
    """

    generator: Generator
    prompt: str
    noise: Noise
    locked: tuple[str, ...] = ()
    first_frame: np.ndarray | None = None
    follows: MotionLock | None = None
    kept: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.noise.values())))

    @property
    def free(self) -> tuple[str, ...]:
        """The parts of the noise in which the next candidates differ."""
        taken = self.locked if self.first_frame is None else (*self.locked, CONTENT)
        return tuple(part for part in self.noise if part not in taken)

    @cached_property
    def clips(self) -> np.ndarray:
        """uint8 (candidates, time, height, width, 3)."""
        first = self.first_frame
        frames = None if first is None else np.broadcast_to(first, (len(self), *first.shape))
        return self.generator.generate([self.prompt] * len(self), self.noise, frames)

    def following(self, motions: Sequence[int]) -> Round:
        """With the locked motion in all candidates but the kept ones, or with what was found in its place.

        Args:
            motions: of each candidate, as `MotionLock.find` gives them; none for the locked noise in all of them.
        """
        if self.follows is None:
            return self
        if len(motions) not in (0, len(self)):
            raise UserError(f"{len(motions)} motions were given for {len(self)} candidates.")
        found = self.follows.rows(self.generator, (motions or [0] * len(self))[self.kept :])
        rows = np.concatenate([self.noise[MOTION][: self.kept], found])
        return replace(self, noise={**self.noise, MOTION: rows})

    def motions(self) -> tuple[int, ...]:
        """For `following`: the motions with which the clips move as the locked one; none where it is not locked."""
        if self.follows is None:
            return ()
        new = {part: rows[self.kept :] for part, rows in self.noise.items()}
        found = self.follows.find(self.generator, self.prompt, new, self.clips[self.kept :])
        return (*[0] * self.kept, *found)


def breed(fresh: np.ndarray, liked: np.ndarray, disliked: np.ndarray, variety: float = 1.0) -> np.ndarray:
    """Noise of new candidates by the rule of this module.

    Args:
        fresh: float32 (candidates, ...), standard normal.
        liked, disliked: float32 (any number, ...).
        variety: weight of `fresh`.

    Returns:
        float32 of the shape of `fresh`, each row of the same length.

    Example:
        >>> breed(fresh=np.float32([[0, 3]]), liked=np.float32([[2, 0]]), disliked=np.zeros((0, 2)))
        array([[2.8460498, 0.9486833]], dtype=float32)
    """
    rows, good, bad = (part.reshape(len(part), fresh[0].size).astype("float64") for part in (fresh, liked, disliked))
    pulled = variety * _direction(rows) - LESS * _direction(bad.sum(0))
    if len(good):
        lead = good[np.arange(len(rows)) % len(good)]
        pulled += MORE * _direction(good.sum(0) + (LEAN - 1) * lead)
    moved = _direction(pulled) * np.linalg.norm(rows, axis=-1, keepdims=True)
    return moved.reshape(fresh.shape).astype("float32")


def _direction(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1; one of zeros stays."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
