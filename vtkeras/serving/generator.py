"""Clips from words with an exported model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.data.spelling import is_unspaced, words_of
from vtkeras.errors import UserError, command, first_line
from vtkeras.run_files import SAVED_MODEL, VOCABULARY_FILE
from vtkeras.serving.endpoints import open_saved_model, tf
from vtkeras.serving.results import knows_a_word, readable, told_unknown
from vtkeras.workspace.runs import RunCard, read_card

if TYPE_CHECKING:
    from vtkeras.data.text import Vocabulary

BATCH = 8  # clips that are made together
TOLD_WORDS = 40  # of those that a model knows, in an error message

Noise = dict[str, np.ndarray]


class Generator:
    """An exported run of the task `text_to_video`, ready to make clips.

    What a clip shows comes from its text, its noise, which a seed draws, and the weights alone: the same three make the
    same clip, whatever else is made beside it.

    Args:
        card: of the run.

    Attributes:
        words: those of the training captions, the most frequent first.
        info: dict of name, task, model_hash and data.

    Raises:
        UserError: if the run makes no video, or its model is damaged.

    Example:
        >>> generator = Generator.load("saved_models/text_to_video/moving_digits")
        >>> text = "digit 7 is moving left and right"
        >>> generator.generate([text, text], generator.noise([1, 2])).shape
        (2, 16, 64, 64, 3)
    """

    def __init__(self, card: RunCard):
        if not card.can("generate"):
            raise UserError(
                f"The model in {card.folder} makes no video: it is of the task '{card.task}', not 'text_to_video'."
            )
        self.card, self.info = card, card.info
        self.longest = card.config.data.caption_length - 1  # word pieces that the model reads
        try:
            self.words = tuple(json.loads((card.folder / VOCABULARY_FILE).read_text(encoding="utf-8"))["words"])
            self.model = open_saved_model(card.folder / SAVED_MODEL)
            self._best_noise = self.model.best_noise  # models of older versions have none
        except Exception as error:
            raise UserError(
                f"{card.folder} cannot be loaded ({first_line(error)}): "
                f"run `{command('export', card.folder)}` again."
            ) from None

    @classmethod
    def load(cls, folder: str | Path) -> Generator:
        """Opens a run folder with an exported model.

        Raises:
            UserError: if there is none in it.
        """
        return cls(read_card(folder))

    def unknown(self, text: str) -> list[str]:
        """The words of a text that no training caption has, each once.

        Scripts without spaces go by their word pieces: a run of their letters is many words.
        """
        words = dict.fromkeys(words_of(readable(text)))
        return [word for word in words if word not in self.words and not self._reads_letters(word)]

    def pieces(self, text: str) -> list[str]:
        """The word pieces of a text as the model reads it, of which it takes the first `longest`."""
        from vtkeras.data.normalisations import normalised

        texts = normalised(tf.constant([readable(text)]), self.card.config.data.normalise)
        return [self.vocabulary.tokens[piece] for piece in self._tokenizer(texts[0]).numpy()]

    def check(self, text: str) -> str:
        """A text as the model reads it.

        Raises:
            UserError: if it is empty, has words that the model does not know, or more word pieces than it reads.
        """
        text = readable(text).strip()
        words = words_of(text)
        if not words:
            problem = "has no words" if text else "is empty"
            raise UserError(f"The prompt {problem}: say what is to be seen, in words like {self._told()}.")
        if unknown := self.unknown(text):
            raise UserError(f"{told_unknown(unknown)}: it knows {self._told()}.")
        if (count := len(self.pieces(text))) > self.longest:
            raise UserError(
                f"The prompt has {count:,} word pieces and the model reads {self.longest}: say it in fewer words."
            )
        return text

    def noise(self, seeds: Sequence[int]) -> Noise:
        """What clips are drawn from: {"content": float32 (seeds, ...), "motion": float32 (seeds, ...)}.

        A row depends on its own seed alone.
        """
        return {part: value.numpy() for part, value in self.model.noise(tf.constant(seeds, tf.int64)).items()}

    def best_noise(self, text: str, seeds: Sequence[int]) -> Noise:
        """As `noise`, but of the draft that shows a text best, where the model chooses among several."""
        rows = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
        found = [self._best_noise([text] * len(some), tf.constant(some, tf.int64)) for some in rows]
        return {part: np.concatenate([one[part].numpy() for one in found]) for part in found[0]}

    def best(self, text: str, seeds: Sequence[int]) -> np.ndarray:
        """The clips of `best_noise`, uint8 (seeds, time, height, width, 3), without a further one after the drafts."""
        rows = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
        return np.concatenate([self.model.generate([text] * len(some), tf.constant(some, tf.int64)) for some in rows])

    def generate(self, texts: Sequence[str], noise: Noise, first_frames: np.ndarray | None = None) -> np.ndarray:
        """Makes a clip for each text.

        Args:
            texts: what is to be seen, see `check`.
            noise: as `noise` gives it, a row each.
            first_frames: uint8 (texts, height, width, 3), pictures to go on from.

        Returns:
            uint8 (texts, time, height, width, 3).
        """
        clips = []
        for start in range(0, len(texts), BATCH):
            rows = slice(start, start + BATCH)
            inputs = [np.array([text.encode() for text in texts[rows]]), noise["content"][rows], noise["motion"][rows]]
            if first_frames is None:
                clips.append(self.model.render(*inputs).numpy())
            else:
                clips.append(self.model.render_from(*inputs, first_frames[rows]).numpy())
        return np.concatenate(clips)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the model knows of words."""
        from vtkeras.data.text import Vocabulary  # takes keras-nlp along

        return Vocabulary.load(self.card.folder / VOCABULARY_FILE)

    @cached_property
    def _tokenizer(self) -> Callable:
        from vtkeras.data.text import make_tokenizer

        return make_tokenizer(self.vocabulary)

    def _reads_letters(self, word: str) -> bool:
        return is_unspaced(word[0]) and knows_a_word(self.pieces(word))

    def _told(self) -> str:
        return f"{', '.join(self.words[:TOLD_WORDS])}{' and others' if len(self.words) > TOLD_WORDS else ''}"
