"""What a folder of clips and texts holds, as far as a plan depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.data.spelling import normalise, words_of
from vtkeras.data.text import Vocabulary, make_tokenizer
from vtkeras.linear.fits import MOST_CHOICES

LOOKED_AT = 32  # clips whose frames are looked at
CELLS = 16  # into which a frame is cut to each side: noise is gone from their means, a small thing that moves is not
STILL = 4.0  # change of a cell, of 255, below which nothing moves
MOST_TOKENS = 256  # of a caption or a question that models read or write
SCORED = 500  # clips of the validation split that are scored at most, each with its questions
FEW = 20  # validation clips below which a choice by them is rough
CASE_THRESHOLD = 0.05  # share of words within captions that begin with a capital, from which on case is kept
PHRASES = 0.05  # share of answers of several words, from which on answers are also written
TOLD = {"captions": "a caption", "answers": "a question with its answer", "labels": "a label"}  # kinds, in words
MOST_LISTED = 3  # labels that a sentence names
MOST_WEIGHED = 100_000  # bytes that weights of labels may take in a config, which has a line for each
LINE = 20  # of these for each label beside its name
RARE = 20  # times as many of the most frequent label as of the rarest: told as an imbalance


@dataclass(frozen=True)
class Survey:
    """Counts of a data set.

    Attributes:
        clips: {split: clips}.
        captions: training captions.
        sentences: different ones among them.
        words: different words in captions and questions.
        tokens: {"captions", "questions" or "answers": word pieces that nearly all of them have at most}; 0 for answers
            that are single words.
        questions: training questions.
        questions_per_clip: mean over the clips that have any.
        answers: different ones.
        labels: {label: training clips that have it}.
        several_labels: whether a clip may have more than one.
        frames: the most that a clip has stored.
        side: the longer side of the stored frames in pixels, the median.
        motion: how much the cell of a frame that changes most differs from the frame before, 0 to 255, in the mean.
        phrases: whether answers are more than single words, so that words may combine in a way that is new.
        names: whether words within captions begin with capitals, as names and German nouns do.
        unjudged: training labels that no validation clip has.
        unknown: labels of other splits that no training clip has.
        silent: kinds of text, in words, that training clips have and no validation clip.

    Example:
        >>> survey_source(FolderSource(path="data/cats")).clips
        {'train': 800, 'validation': 100, 'test': 100}
    """

    clips: dict[str, int]
    captions: int
    sentences: int
    words: int
    tokens: dict[str, int]
    questions: int
    questions_per_clip: float
    answers: int
    labels: dict[str, int]
    several_labels: bool
    frames: int
    side: int
    motion: float
    names: bool = False
    phrases: bool = False
    unjudged: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    def has(self, texts: str) -> bool:
        """Whether there are training texts of a kind, named as `Source.texts` does."""
        counts = {"captions": self.captions, "answers": self.answers, "labels": len(self.labels)}
        return bool(counts.get(texts))

    @property
    def used(self) -> int:
        """Clips that a plan reads: those of training and validation."""
        return sum(self.clips.get(split, 0) for split in (keys.TRAIN, keys.VALIDATION))

    @property
    def moves(self) -> bool:
        """Whether clips have several frames that differ."""
        return self.frames > 1 and self.motion > STILL

    @property
    def too_many_to_choose(self) -> bool:
        """Whether answers are phrases, and so many that few questions share one: they are written, not chosen."""
        return self.phrases and self.answers > MOST_CHOICES

    def label_weights(self) -> dict[str, float]:
        """Where labels are uneven, what a clip of each should count: the root of how much rarer it is than the mean.

        None where the list of labels is too long for a config.
        """
        if not self.uneven or self.too_many_to_weigh:
            return {}
        mean = sum(self.labels.values()) / len(self.labels)
        return {label: round((mean / count) ** 0.5, 3) for label, count in self.labels.items()}

    @property
    def too_many_to_weigh(self) -> bool:
        """Whether a weight for each label would make a config too long to be read."""
        return sum(len(label.encode()) + LINE for label in self.labels) > MOST_WEIGHED

    @property
    def uneven(self) -> bool:
        """Whether the most frequent label has many times the clips of the rarest."""
        counts = self.labels.values()
        return len(counts) > 1 and max(counts) >= RARE * min(counts)

    def describe(self) -> str:
        """One line for people."""
        clips = ", ".join(f"{count} {split}" for split, count in self.clips.items())
        shown = "pictures" if self.frames == 1 else f"clips of up to {self.frames} frames"
        parts = [f"{clips}; {shown} are stored, of {self.side} pixels"]
        if self.captions:
            parts.append(f"{self.captions} captions ({self.sentences} different, {self.words} words)")
        if self.questions:
            parts.append(f"{self.questions} questions, {self.answers} answers")
        if self.labels:
            parts.append(f"{len(self.labels)} labels")
        return "; ".join(parts)

    def warnings(self) -> list[str]:
        """What a person should know of the data before training."""
        found = []
        if self.sentences == 1 and self.captions > 1:
            found.append("all captions are the same: there is nothing to learn from them")
        if self.answers == 1 and self.questions > 1:
            found.append("all answers are the same: there is nothing to learn from them")
        if len(self.labels) == 1:
            found.append(f"all labels are {next(iter(self.labels))}: there is nothing to learn from them")
        if self.too_many_to_choose:
            found.append(
                f"there are {self.answers} different answers, too many to choose among (more than {MOST_CHOICES}): "
                "they are written word by word alone"
            )
        if self.uneven:
            done = "a clip of a rare one counts more in training, and macro F1 as much as accuracy in the choice"
            if self.too_many_to_weigh:
                done = f"these are too many ({len(self.labels)}) for a weight of each, so all clips count alike"
            found.append(
                f"labels are uneven, {max(self.labels.values())} clips of the most frequent and "
                f"{min(self.labels.values())} of the rarest: {done}"
            )
        if self.unjudged and len(self.labels) - len(self.unjudged) == 1:
            found.append("all validation clips have the same label: their figure for labels tells nothing")
        elif self.unjudged:
            found.append(
                f"no validation clip has {_listed(self.unjudged)}: nothing tells in training if it is learned"
            )
        for kind in self.silent:
            found.append(f"no validation clip has {kind}: nothing tells in training what is learned of them")
        if self.unknown:
            found.append(f"no training clip has {_listed(self.unknown)}, which other splits have: it cannot be learned")
        for name, longest in self.tokens.items():
            if longest > MOST_TOKENS:
                found.append(f"{name} have up to {longest} word pieces: what is beyond {MOST_TOKENS} is cut off")
        if self.clips.get(keys.VALIDATION, 0) < FEW:
            found.append(
                f"of the clips only {self.clips.get(keys.VALIDATION, 0)} are for validation: what does best there may "
                "do so by chance"
            )
        if self.clips.get(keys.VALIDATION, 0) > max(SCORED, self.clips.get(keys.TRAIN, 0)):
            found.append(
                f"{self.clips[keys.VALIDATION]} clips are for validation, which are all read though {SCORED} are "
                "scored: with fewer of them, training clips would get more of the time"
            )
        if self.clips.get(keys.TRAIN, 0) < 100:
            found.append("with fewer than 100 training clips, figures are rough and differ between trainings")
        if not self.clips.keys() - {keys.TRAIN, keys.VALIDATION}:
            found.append(
                "no clips are for testing: `vtkeras evaluate` will measure on the validation split, by which training "
                "chooses, so that figures may be too good; name some in the column split, or in a folder test"
            )
        return found


def survey_source(
    source: Source,
    texts: dict[str, list[str]],
    vocabulary: Vocabulary,
    validation: dict[str, list[str]] | None = None,
) -> Survey:
    """Reads the frames of some clips of a source, and counts its texts.

    Args:
        source: gives clips.
        texts: its training texts, as `Source.texts` gives them.
        vocabulary: learned from these.
        validation: the texts of its validation split; None does not look at them.
    """
    captions, questions = texts["captions"], texts["questions"]
    answers = first_answers(texts["answers"])
    told = {"captions": captions, "questions": questions, "answers": answers if has_phrases(answers) else []}
    frames, sides, moved, asked = [], [], [], []
    clips = {split: len(source.clips(split)) for split in source.splits()}
    labels_of_clips = source.column(keys.TRAIN, keys.LABEL).values() if texts["labels"] else ()
    for clip in source.clips(keys.TRAIN).take(LOOKED_AT).as_numpy_iterator():
        pictures = clip[keys.FRAMES]
        frames.append(len(pictures))
        sides.append(max(pictures.shape[1:3]))
        asked.append(len(clip[keys.QUESTION]))
        if len(pictures) > 1:
            moved.append(_change(pictures))
    labels = Counter(label for one in texts["labels"] for label in one.split(keys.LABEL_SEPARATOR) if label.strip())
    by_split = {split: _labels_of(source, split) for split in clips if labels and split != keys.TRAIN}
    named = by_split.get(keys.VALIDATION, set())
    silent = [kind for kind in TOLD if validation is not None and texts[kind] and not any(validation[kind])]
    return Survey(
        clips=clips,
        captions=len(captions),
        sentences=len(set(captions)),
        words=len({word for text in {*captions, *questions} for word in words_of(text)}),
        tokens={name: _long(some, vocabulary) for name, some in told.items()},
        questions=len(questions),
        questions_per_clip=float(np.mean([count for count in asked if count] or [0])),
        answers=len({normalise(answer) for answer in answers if answer.strip()}),
        labels=dict(labels),
        several_labels=any(keys.LABEL_SEPARATOR in label for label in labels_of_clips),
        frames=max(frames),
        side=int(np.median(sides)),
        motion=float(np.mean(moved)) if moved else 0.0,
        names=has_names(captions),
        phrases=has_phrases(answers),
        unjudged=tuple(sorted(labels.keys() - named)) if named else (),
        unknown=tuple(sorted(set().union(*by_split.values()) - labels.keys())),
        silent=tuple(TOLD[kind] for kind in silent),
    )


def _labels_of(source: Source, split: str) -> set[str]:
    cells = source.column(split, keys.LABEL).values()
    return {label for cell in cells for label in cell.split(keys.LABEL_SEPARATOR) if label.strip()}


def _change(frames: np.ndarray) -> float:
    """How much the cell that changes most differs from the frame before, in the mean over time.

    Of frames uint8 (time, height, width, 3), two at least. A mean over all pixels would take noise for motion, and a
    small thing that moves for none.
    """
    cells = tf.image.resize(frames, (CELLS, CELLS), method="area").numpy().mean(axis=-1)
    return float(np.abs(np.diff(cells, axis=0)).max(axis=(1, 2)).mean())


def has_names(captions: Sequence[str]) -> bool:
    """Whether so many words within captions begin with a capital that lower case would read wrong.

    Example:
        >>> has_names(["Die Katze sieht Oma an"]), has_names(["A cat looks at me"])
        (True, False)
    """
    within = [word for caption in captions for word in caption.split()[1:]]
    return sum(word[0].isupper() and not word.isupper() for word in within) > CASE_THRESHOLD * len(within)


def has_phrases(answers: Sequence[str]) -> bool:
    """Whether so many answers are of several words that their words may well combine in a way that is new.

    Example:
        >>> has_phrases(["red ball", "yes", "no"]), has_phrases(["yes", "no"])
        (True, False)
    """
    return sum(len(answer.split()) > 1 for answer in answers) > PHRASES * len(answers)


def first_answers(answers: Sequence[str]) -> list[str]:
    """Of each cell of answers, in which `|` joins several, the first one, which is learned."""
    return [answer.split(keys.LABEL_SEPARATOR)[0] for answer in answers]


def _listed(labels: Sequence[str]) -> str:
    """Up to three labels in words, and how many others there are."""
    more = f" and {len(labels) - MOST_LISTED} others" if len(labels) > MOST_LISTED else ""
    return f"the label{'s' * (len(labels) > 1)} {', '.join(labels[:MOST_LISTED])}{more}"


def _long(texts: list[str], vocabulary: Vocabulary) -> int:
    """Word pieces of the longest texts, but for one in two hundred."""
    different = [text for text in dict.fromkeys(texts) if text.strip()]
    pieces = make_tokenizer(vocabulary)(different) if different else []
    return int(np.ceil(np.percentile([len(row) for row in pieces], 99.5))) if different else 0
