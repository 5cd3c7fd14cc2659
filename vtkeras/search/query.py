"""What a model reads of the words that are searched for."""

from __future__ import annotations

from vtkeras.data.spelling import CONTINUES, is_mark, is_unspaced, normalise, parts_of, words_of
from vtkeras.errors import UserError
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import Query, knows_a_word, readable, told_unknown
from vtkeras.workspace.runs import has_sentence_encoder

QUESTION_MARKS = frozenset("?？؟")  # a vocabulary has them of questions, which captions hardly are


def read_query(predictor: Predictor, text: str) -> Query:
    """Words to search for, written as the captions that the model was trained on.

    Marks that none of its texts has are left out, and so are words that no caption has. Where a sentence encoder
    reads those, they stay in what the vector is made of.

    Args:
        predictor: the model.
        text: what to search for.

    Raises:
        UserError: if the model knows no word of the text.

    Example:
        >>> read_query(predictor, "A red unicycle!").known
        'a red'
    """
    parts = _parts(predictor, text)
    unknown = list(dict.fromkeys(part for part in parts if not _knows(predictor, part)))
    known = _put_together([part for part in parts if part not in unknown])
    read_anyway = bool(unknown) and has_sentence_encoder(predictor.folder)
    if not words_of(known) and not read_anyway:
        raise UserError(
            f"The model knows no word of '{text.strip()[:80]}': search in the words of its training captions."
        )
    notes = []
    if unknown:
        what_then = "its sentence encoder alone reads" if read_anyway else "the search leaves out"
        notes.append(f"{told_unknown(unknown)}, which {what_then}.")
    if (unread := len(predictor.pieces(known)) - predictor.config.data.caption_length + 1) > 0:
        notes.append(f"The text is too long for the model: its last {unread} word pieces were not read.")
    return Query(_put_together(parts) if read_anyway else known, known if words_of(known) else "", notes)


def _parts(predictor: Predictor, text: str) -> list[str]:
    """The words and spaces of a text, and those marks that have a piece of their own."""
    characters = {piece.removeprefix(CONTINUES) for piece in predictor.word_pieces} - QUESTION_MARKS
    parts = parts_of(normalise(readable(text), predictor.vocabulary.keep_case))
    return [" " if is_mark(part[0]) and part not in characters else part for part in parts]


def _knows(predictor: Predictor, part: str) -> bool:
    """Whether a part of a text is a word of training captions, or none at all.

    A run that lists no words, as older versions made them, goes by its pieces.
    """
    if part == " " or is_mark(part[0]) or part.lower() in (predictor.vocabulary.words or predictor.word_pieces):
        return True
    return is_unspaced(part[0]) and knows_a_word(predictor.pieces(part))


def _put_together(parts: list[str]) -> str:
    return " ".join("".join(parts).split())
