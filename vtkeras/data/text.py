"""Vocabularies, and the tokenizer that text goes through in training and in the exported graph."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import keras_nlp
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.events import TIME_TOKENS, has_times, without_times
from vtkeras.errors import UserError
from vtkeras.run_files import write_json

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[START]", "[END]"
SPECIAL_TOKENS = (PAD, UNKNOWN, START, END)
PAD_ID, UNKNOWN_ID, START_ID, END_ID = range(4)


@dataclass(frozen=True)
class Vocabulary:
    """What a model knows of words: its word pieces, its answers and its labels."""

    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def times(self) -> tuple[str, ...]:
        """The time tokens of dense captions; none for captions without times."""
        return TIME_TOKENS if TIME_TOKENS[0] in self.tokens else ()

    def save(self, path: str | Path) -> None:
        """Writes the vocabulary as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Reads what `save` wrote.

        Raises:
            UserError: if the file is missing or is not a vocabulary.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(*(tuple(values[name]) for name in ("tokens", "answers", "labels")))
        except FileNotFoundError:
            raise UserError(f"{path} is missing: train the run again, or point to a complete one.") from None
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path} is not a vocabulary that vtkeras wrote: train the run again.") from None


def build_vocabulary(
    texts: dict[str, list[str]], size: int, written_answers: bool = False, closed_answers: bool = True
) -> Vocabulary:
    """Learns word pieces from captions and questions, and lists the answers and labels.

    Captions with times (`vtkeras.data.events`) bring every time token into the vocabulary.

    Args:
        texts: lists of strings "captions", "questions", "answers" and "labels".
        size: the most word pieces, special tokens included.
        written_answers: learn word pieces from the answers, too.
        closed_answers: keep a list of the answers, to choose from.

    Raises:
        UserError: if there is nothing to learn from.

    Example:
        >>> build_vocabulary({"captions": ["a cat"], "questions": [], "answers": [], "labels": []}, 100).answers
        ()
    """
    times = TIME_TOKENS if any(map(has_times, texts["captions"])) else ()
    captions = [without_times(text) if times else text for text in texts["captions"]]
    others = [text for name in ("questions", *(["answers"] if written_answers else [])) for text in texts[name]]
    sentences = [text for text in [*captions, *others] if text.strip()]
    sentences = sentences or [text for text in texts["labels"] if text.strip()]
    if not sentences:
        raise UserError("The training split has no caption, question or label to learn from: check the captions file.")
    tokens = keras_nlp.tokenizers.compute_word_piece_vocabulary(
        tf.data.Dataset.from_tensor_slices(sentences).batch(256),
        vocabulary_size=size,
        lowercase=True,
        reserved_tokens=[*SPECIAL_TOKENS, *times],
    )
    first = (answer.split(keys.LABEL_SEPARATOR)[0] for answer in texts["answers"])
    answers = dict.fromkeys(normalise(answer) for answer in first if closed_answers and answer.strip())
    labels = dict.fromkeys(label.strip() for label in texts["labels"] if label.strip())
    return Vocabulary(tuple(tokens), tuple(answers), tuple(labels))


def normalise(text: str) -> str:
    """Lower case and single spaces: the form in which answers are compared."""
    return " ".join(text.lower().split())


def make_tokenizer(vocabulary: Vocabulary, length: int | None = None) -> keras_nlp.tokenizers.WordPieceTokenizer:
    """A WordPiece tokenizer that runs in the graph; pads or cuts to `length` if given."""
    return keras_nlp.tokenizers.WordPieceTokenizer(
        vocabulary=list(vocabulary.tokens),
        sequence_length=length,
        lowercase=True,
        oov_token=UNKNOWN,
        special_tokens=list(vocabulary.times or SPECIAL_TOKENS),
        special_tokens_in_strings=bool(vocabulary.times),  # a text's own "[END]" is never the end token
    )
