"""`statements`: clips of `moving_digits`, each with a statement that is true of it or not."""

from __future__ import annotations

import zlib

import numpy as np

from vtkeras import keys
from vtkeras.data.sources.moving_digits import (
    DIRECTIONS,
    STILL,
    UNSEEN,
    UNSEEN_PAIRS,
    Actor,
    MovingDigits,
    MovingDigitsOptions,
    describe,
)

TRUE, FALSE = "true", "false"
DIGIT_THERE = "digit there"
MOVEMENT_THERE = "movement there"


class StatementsOptions(MovingDigitsOptions):
    """Options of `statements`: those of `moving_digits`, and one more."""

    aspects: bool = False
    """False gives one label, `true` or `false`. True adds two that may hold of either: `digit there` (the digit
    named is in the clip) and `movement there` (something moves so)."""


class Statements(MovingDigits):
    """A clip and a statement like "digit 3 is moving up and down"; the label says whether it is true.

    The clip alone or the statement alone tells next to nothing: half of the statements are true, and the
    false ones name another digit, or a digit of the clip with another movement; in a clip of two that
    may well be the other digit's. After the statements about pairs of photographs of Suhr et al.,
    "NLVR2", 2019.

    Args:
        options: `aspects`, and those of `MovingDigits`.

    Example:
        >>> example = Statements().example("test", 0, 0)
        >>> example["question"], example["label"]
        ('digit 5 is moving up and down', 'true')
    """

    Options = StatementsOptions
    options: StatementsOptions

    def example(self, split: str, epoch: int, index: int) -> dict:
        """As `MovingDigits.example`, with the statement as question, no answer, and its own labels."""
        actors = self.actors(split, epoch, index)
        rng = np.random.default_rng([self.options.seed, zlib.crc32(split.encode()), epoch, index, 1])
        claim = state(actors, rng, unseen=split == UNSEEN)
        return {
            **super().example(split, epoch, index),
            keys.QUESTION: describe([claim]),
            keys.ANSWER: "",
            keys.LABEL: keys.LABEL_SEPARATOR.join(self.labels(claim, actors)),
        }

    def texts(self) -> dict[str, list[str]]:
        """Every caption, statement and label that training can show."""
        claims = [Actor(digit, way) for digit in range(10) for way in (*DIRECTIONS, STILL)]
        aspects = [DIGIT_THERE, MOVEMENT_THERE] if self.options.aspects else []
        return {
            "captions": super().texts()["captions"],
            "questions": [describe([claim]) for claim in claims],
            "answers": [],
            "labels": [TRUE, FALSE, *aspects],
        }

    def labels(self, claim: Actor, actors: list[Actor]) -> list[str]:
        labels = [TRUE if claim in actors else FALSE]
        if self.options.aspects:
            labels += [DIGIT_THERE] * any(claim.digit == actor.digit for actor in actors)
            labels += [MOVEMENT_THERE] * any(claim.direction == actor.direction for actor in actors)
        return labels


def state(actors: list[Actor], rng: np.random.Generator, unseen: bool = False) -> Actor:
    """Draws what a statement claims: half the time something true, else another digit or another movement.

    Args:
        actors: what is in the clip.
        rng: draws.
        unseen: whether pairs that training never shows may be claimed; elsewhere they would always be false.
    """
    actor = actors[rng.integers(len(actors))]
    if rng.random() < 0.5:
        return actor
    ways = [way for way in DIRECTIONS if way != actor.direction]
    there = {one.digit for one in actors}
    wrong_movement = [Actor(actor.digit, way) for way in ways]
    wrong_digit = [Actor(digit, actor.direction) for digit in range(10) if digit not in there]

    def possible(claims: list[Actor]) -> list[Actor]:
        shown = [claim for claim in claims if unseen or (claim.digit, claim.direction) not in UNSEEN_PAIRS]
        return [claim for claim in shown if claim not in actors]

    claims = possible(wrong_movement) if rng.random() < 0.5 else []
    claims = claims or possible(wrong_digit)
    return claims[rng.integers(len(claims))]
