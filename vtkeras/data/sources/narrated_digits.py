"""`narrated_digits`: clips of `moving_digits` with a narrator, and one sentence that joins caption and remark."""

from __future__ import annotations

import zlib

import numpy as np

from vtkeras import keys
from vtkeras.data.sources.moving_digits import Actor, MovingDigits, describe

NAMES = ("anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo")
# Remark -> the sentence that joins it with the caption.
REMARKS = {
    "{name} drew this": "{caption} and {name} drew {it}",
    "this is for {name}": "{caption} for {name}",
    "{name} likes this best": "{caption} as {name} likes best",
}
OF_TWO = {"{name} drew the larger one": "{caption} and {name} drew the {larger}"}
IDLE = ("and now something else", "let us go on", "look at that", "")
IDLE_SHARE = 0.25
REPEATS = 40


class NarratedDigits(MovingDigits):
    """A clip, a narrator's remark on it, and the sentence that joins both.

    The picture does not show who drew a digit, and the narrator does not say what moves; `anna drew the
    larger one` takes both to become `... and anna drew the 7`. A quarter of the remarks are idle: then the
    sentence is the caption.

    Args:
        options: as for `MovingDigits`.

    Example:
        >>> example = NarratedDigits().example("test", 0, 0)
        >>> example["question"], example["answer"]
        ('hugo drew this', 'digit 5 is moving up and down and hugo drew it')
    """

    def example(self, split: str, epoch: int, index: int) -> dict:
        """As `MovingDigits.example`, with the remark as question, the whole sentence as answer, and no labels."""
        actors = self.actors(split, epoch, index)
        rng = np.random.default_rng([self.options.seed, zlib.crc32(split.encode()), epoch, index, 2])
        remark, sentence = narrate(actors, rng)
        return {
            **super().example(split, epoch, index),
            keys.QUESTION: remark,
            keys.ANSWER: sentence,
            keys.LABEL: "",
        }

    def texts(self) -> dict[str, list[str]]:
        """Every caption, remark and sentence that training can show.

        Remarks come many times, as in training: word pieces are made of what is frequent.
        """
        casts = self.casts()
        remarks = [remark.format(name=name) for remark in (*REMARKS, *OF_TWO) for name in NAMES]
        sentences = {
            joint_sentence(actors, rule, name)
            for actors in casts for rule in rules(actors).values() for name in NAMES
        }  # fmt: skip
        captions = super().texts()["captions"]
        return {
            "captions": captions,
            "questions": [*remarks, *filter(None, IDLE)] * REPEATS,
            "answers": sorted({*sentences, *map(describe, casts)}),
            "labels": [],
        }

    def question_kind(self, question: str) -> str:
        """The remark without the name, or `idle`."""
        words = " ".join(word for word in question.split() if word not in NAMES)
        return "idle" if words == question else words


def narrate(actors: list[Actor], rng: np.random.Generator) -> tuple[str, str]:
    """Draws a remark on a clip.

    Args:
        actors: what is in the clip.
        rng: draws.

    Returns:
        the remark, and the sentence that joins it with the caption.
    """
    if rng.random() < IDLE_SHARE:
        return IDLE[rng.integers(len(IDLE))], describe(actors)
    possible = list(rules(actors).items())
    remark, rule = possible[rng.integers(len(possible))]
    name = NAMES[rng.integers(len(NAMES))]
    return remark.format(name=name), joint_sentence(actors, rule, name)


def rules(actors: list[Actor]) -> dict[str, str]:
    """The remarks that fit a clip, with the sentences they make."""
    return REMARKS | OF_TWO if len(actors) == 2 else REMARKS


def joint_sentence(actors: list[Actor], rule: str, name: str) -> str:
    """The sentence that joins the caption of a clip with a remark.

    Args:
        actors: what is in the clip.
        rule: a value of `rules(actors)`.
        name: who is named.

    Example:
        >>> joint_sentence([Actor(5, VERTICAL)], REMARKS["{name} drew this"], "hugo")
        'digit 5 is moving up and down and hugo drew it'
    """
    larger = max(actor.digit for actor in actors)
    it = "it" if len(actors) == 1 else "them"
    return rule.format(caption=describe(actors), name=name, it=it, larger=larger)
