"""What a model says of a clip. No TensorFlow here: pages and the worker's clients hold these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vtkeras.data.spelling import WORD_START, is_spelled, normalise, words_of
from vtkeras.serving.decoding import GREEDY, Decoding

UNKNOWN = "[UNK]"  # the word piece of what a model has no piece for


@dataclass(frozen=True)
class Caption:
    """A caption and where each of its words looked.

    Attributes:
        text: the caption.
        score: probability of the whole caption; among those that were weighed, where a linear model has a say.
        words: its word pieces.
        probabilities: of each word piece.
        attention: float32 (words, heads, time, rows, columns), sums to 1 over the last three axes.
        frames: uint8 (time, height, width, 3), the frames the model looked at.
        frame_indices: which of the given frames those are.
        decoding: how it was written.
        beams: pairs of a text and what it is ranked by, best first; empty unless by beam search.
    """

    text: str
    score: float
    words: list[str]
    probabilities: list[float]
    attention: np.ndarray
    frames: np.ndarray
    frame_indices: list[int]
    decoding: Decoding = GREEDY
    beams: list[tuple[str, float]] = field(default_factory=list)

    @property
    def word_score(self) -> float:
        """For each word piece, as the `score` of a long caption is small even if right.

        The geometric mean of their probabilities, or the root of a higher `score`: a linear model may be surer of the
        caption than the network is of its words.
        """
        if not self.probabilities:
            return 0.0
        mean = np.exp(np.mean(np.log(np.maximum(self.probabilities, 1e-12))))
        return float(max(mean, self.score ** (1 / len(self.probabilities))))

    def is_one_of(self, texts: Iterable[str]) -> bool:
        """Whether it says the same words as one of some texts; case and marks do not count."""
        return words_of(self.text) in map(words_of, texts)


@dataclass(frozen=True)
class Answer:
    """An answer, what else it could have been, and where the question's words looked.

    Attributes:
        text: the answer.
        score: its probability.
        alternatives: every answer of the closed set, or every candidate, with its probability, best first; none
            where there is no closed set.
        words: the question's word pieces.
        attention, frames, frame_indices: as in `Caption`.
        unread: word pieces at the question's end that the model did not read, for want of room; marks like
            "?" are not counted.
    """

    text: str
    score: float
    alternatives: list[tuple[str, float]]
    words: list[str]
    attention: np.ndarray
    frames: np.ndarray
    frame_indices: list[int]
    unread: int = 0

    @property
    def written(self) -> bool:
        """Whether it was written word by word: it is none of the alternatives."""
        return normalise(self.text) not in (normalise(text) for text, _ in self.alternatives)

    @property
    def how(self) -> str:
        """How the model came by it, in words: several answers to one question differ by that."""
        return "written word by word" if self.written else f"chosen from {len(self.alternatives)} known answers"


@dataclass(frozen=True)
class TimedCaption:
    """An event of a video.

    Attributes:
        start, end: seconds.
        text: what happens.
        score: probability of the words.
        foreign: whether this is a stretch that the model has no words for; the text says so.
    """

    start: float
    end: float
    text: str
    score: float
    foreign: bool = False


@dataclass(frozen=True)
class Novelty:
    """How unlike its own training videos a clip is to a model.

    Attributes:
        score: distance from its own clips; about 1 for these.
        threshold: what about one in a hundred clips like its own exceed.
    """

    score: float
    threshold: float

    @property
    def foreign(self) -> bool:
        """Whether the model has no words for the clip."""
        return not self.score <= self.threshold

    @property
    def sentence(self) -> str:
        """What stands in place of a caption, labels and answers."""
        return (
            "this model has no words for this clip: it is unlike most of its training videos "
            f"(novelty {self.score:.2f}, threshold {self.threshold:.2f})"
        )

    @property
    def guess(self) -> str:
        """What stands above words that were asked for all the same."""
        return f"{self.sentence}: what it says all the same is a guess"


def readable(text: str) -> str:
    """The text with a question mark for what is no Unicode, e.g. a broken byte of a command line."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class Query:
    """Words to search for, as a model reads them.

    Attributes:
        text: what the vector is made of.
        known: what a captioner reads, the words of training captions; "" where there is none.
        notes: what is not read, a sentence each.
    """

    text: str
    known: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Match:
    """A clip that was found.

    Attributes:
        video: its file.
        cosine: of its vector and that of what is searched for.
        chance: probability that it is the one that is meant, if one of those that were looked at twice is; None where
            vectors alone decide, and of a clip with no others beside it, since it says nothing there.
    """

    video: str
    cosine: float
    chance: float | None = None


@dataclass(frozen=True)
class Matches:
    """What a search finds.

    Attributes:
        found: best first.
        faults: a sentence for each file that does not decode.
        notes: what else the user should know, a sentence each.
    """

    found: list[Match]
    faults: list[str]
    notes: list[str] = field(default_factory=list)


def told_unknown(words: Sequence[str]) -> str:
    """The beginning of a sentence on words that a model does not know.

    Example:
        >>> told_unknown(["dog", "fence"])
        "The model does not know the words 'dog', 'fence'"
    """
    named = ", ".join(f"'{word[:40]}'" for word in words[:5])
    others = " and others" if len(words) > 5 else ""
    return f"The model does not know {'the word' if len(words) == 1 else 'the words'} {named}{others}"


def knows_a_word(pieces: Iterable[str]) -> bool:
    """Whether any word piece belongs to a word that the model knows; marks and spelled characters do not."""
    return any(is_word(piece) for piece in pieces if not is_unknown(piece))


def is_word(piece: str) -> bool:
    """Whether a word piece belongs to a word, known or not, and is no mark; of a spelled word, its first piece."""
    return piece in (UNKNOWN, WORD_START) or piece[-1].isalnum()


def is_unknown(piece: str) -> bool:
    """Whether a word piece is, or spells, a character that the model has never seen."""
    return piece == UNKNOWN or is_spelled(piece)
