"""Vocabularies: what they are, how they are learned, and their tokenizers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import keras_nlp
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

from vtkeras import keys
from vtkeras.data.events import TIME_TOKENS, has_times, without_times
from vtkeras.data.spelling import (
    CONTINUES,
    JOIN,
    SPELLING_PIECES,
    WORD_START,
    is_mark,
    is_writable,
    normalise,
    stands_alone,
    words_of,
)
from vtkeras.data.tokenizers import PartedTokenizer, SpellingTokenizer
from vtkeras.errors import UserError
from vtkeras.run_files import train_anew
from vtkeras.whole_files import write_json

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[START]", "[END]"
SPECIAL_TOKENS = (PAD, UNKNOWN, START, END)
PAD_ID, UNKNOWN_ID, START_ID, END_ID = range(4)
_TIME_CHARACTERS = ("<", *(CONTINUES + char for char in "t=>0123456789"))
_INSIDE = chr(0xE021)  # before what does not begin a word, while pieces are learned
_LEAST_COUNT = 2  # of a word: the learner's own, 10, spells most words of a small set letter by letter
_LONGEST_RUN = 32  # letters that a piece is learned from


@dataclass(frozen=True)
class Vocabulary:
    """What a model knows of words.

    Attributes:
        tokens: its word pieces.
        answers, labels: those that it chooses from.
        keep_case: whether upper case is told from lower case.
        words: of the captions, the most frequent first; none where an older version learned them.
    """

    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    labels: tuple[str, ...]
    keep_case: bool = False
    words: tuple[str, ...] = ()

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
        again = f"`{train_anew(Path(path).parent)}`"
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            tokens, answers, labels = (tuple(values[name]) for name in ("tokens", "answers", "labels"))
            return cls(tokens, answers, labels, values.get("keep_case", False), tuple(values.get("words", ())))
        except FileNotFoundError:
            raise UserError(f"{path} is missing: point to a complete run, or train this one anew by {again}.") from None
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path} is not a vocabulary that vtkeras wrote: train its run anew by {again}.") from None


def build_vocabulary(
    texts: dict[str, list[str]],
    size: int,
    written_answers: bool = False,
    closed_answers: bool = True,
    keep_case: bool = False,
) -> Vocabulary:
    """Learns word pieces from captions and questions, and lists the answers and labels.

    Captions with times (`vtkeras.data.events`) bring every time token into the vocabulary.

    Args:
        texts: lists of strings "captions", "questions", "answers" and "labels".
        size: the most word pieces, special ones and those that spell any character (38, with times 84) included.
        written_answers: learn word pieces from the answers, too.
        closed_answers: keep a list of the answers, to choose from.
        keep_case: tell upper from lower case in captions, questions and written answers.

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
    tokens = _learn_pieces((normalise(text, keep_case) for text in sentences), size, times)
    first = (answer.split(keys.LABEL_SEPARATOR)[0] for answer in texts["answers"])
    answers = dict.fromkeys(normalise(answer) for answer in first if closed_answers and answer.strip())
    labels = dict.fromkeys(label.strip() for label in texts["labels"] if label.strip())
    words = Counter(word for text in captions for word in words_of(text))
    ranked = sorted(words, key=lambda word: (-words[word], word))
    return Vocabulary(tuple(tokens), tuple(answers), tuple(labels), keep_case, tuple(ranked))


def _learn_pieces(texts: Iterable[str], size: int, times: tuple[str, ...]) -> list[str]:
    """Word pieces by the rule of `vtkeras.data.spelling`, at most `size` beside those that every text needs."""
    words = Counter(word for text in texts for word in text.split())
    alone: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    for word, count in words.items():
        for piece in _cut(word):
            (alone if stands_alone(piece[-1]) else runs)[piece] += count
    reserved = [*SPECIAL_TOKENS, *times, *(_TIME_CHARACTERS if times else ()), *SPELLING_PIECES, JOIN]
    marks = sorted(alone, key=lambda piece: (-alone[piece], piece))
    tokens = dict.fromkeys([*reserved, *(piece.replace(_INSIDE, CONTINUES) for piece in marks)])
    if runs:
        room = max(size - len(tokens), 1)
        # The learner keeps every letter in both forms; one that training never shows in a form is spelled there.
        forms = {piece[0] for piece in runs if piece[0] != _INSIDE}
        forms |= {CONTINUES + letter for piece in runs for letter in piece[1:]}
        learned = learner.learn(
            runs, vocab_size=room, reserved_tokens=[], max_unique_chars=room, lower_thresh=_LEAST_COUNT
        )
        for token in learned:
            inside = token.startswith(_INSIDE)
            text = token.removeprefix(_INSIDE if inside else CONTINUES)
            piece = CONTINUES + text if inside or token.startswith(CONTINUES) else text
            if text and _INSIDE not in text and (len(text) > 1 or piece in forms):
                tokens[piece] = None
    return list(tokens)[: max(size, len(reserved))]


def _cut(word: str) -> Iterator[str]:
    """A word's runs of letters and its characters that stand alone, with `_INSIDE` before those that get a `##`."""
    place = 0
    before = ""
    for alone, run in groupby(word, stands_alone):
        letters, length = "".join(run), 1 if alone else _LONGEST_RUN
        for start in range(0, len(letters), length):
            part = letters[start : start + length]
            if all(is_writable(char, place == 0) for char in part):
                begins = not place or not alone and not start and len(letters) > 1 and is_mark(before)
                yield ("" if begins else _INSIDE) + part
            place, before = place + len(part), part[-1]


def make_tokenizer(vocabulary: Vocabulary, length: int | None = None) -> keras_nlp.tokenizers.Tokenizer:
    """A tokenizer that runs in the graph; pads or cuts to `length` if given."""
    if WORD_START in vocabulary.tokens:
        return SpellingTokenizer(list(vocabulary.tokens), vocabulary.keep_case, bool(vocabulary.times), length)
    return PartedTokenizer(  # a run of an older version
        vocabulary=list(vocabulary.tokens),
        sequence_length=length,
        lowercase=True,
        oov_token=UNKNOWN,
        special_tokens=list(vocabulary.times or SPECIAL_TOKENS),
        special_tokens_in_strings=bool(vocabulary.times),  # a text's own "[END]" is never the end token
    )
