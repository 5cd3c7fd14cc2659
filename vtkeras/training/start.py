"""Beginning with the weights of another run."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from vtkeras.data.text import Vocabulary
from vtkeras.training.run import Run


def begin_with(
    run: Run, model: keras.Model, vocabulary: Vocabulary, report: Callable[[str], None] = print
) -> float:
    """Copies the weights of `run` into `model` wherever both have a part of the same name and build.

    Word vectors go by the word piece they stand for, and tables of positions by position, so that the other
    run may know other words and shorter clips. A part that is built otherwise stays as it is, and so do
    the answer and label heads where the answers and labels differ.

    Args:
        run: the run to begin with.
        model: changed in place.
        vocabulary: of `model`.
        report: called with a line on how much was taken.

    Returns:
        The share of the model's weights that were taken.

    Example:
        >>> begin_with(Run.open("saved_models/multitask/moving_digits"), model, vocabulary)
        0.97
    """
    known = run.preprocessor.vocabulary
    theirs = {part.name: part.weights for part in run.model.parts()}
    heads = {
        "answer_logits": vocabulary.answers == known.answers,
        "label_logits": vocabulary.labels == known.labels,
    }
    sizes = (len(vocabulary.tokens), len(known.tokens))
    shared = _rows(vocabulary.tokens, known.tokens)
    taken = 0
    for part in model.parts():
        given = theirs.get(part.name, [])
        if heads.get(part.name, True) and len(given) == len(part.weights):
            for mine, other in zip(part.weights, given):
                of_words = mine.name == "embeddings" and (mine.shape[0], other.shape[0]) == sizes
                taken += _copy(mine, other, shared if of_words else None)
    share = taken / model.count_params()
    report(f"begins with {share:.0%} of its weights from {run.folder}")
    return share


def _copy(mine, other, rows: tuple[list[int], list[int]] | None) -> int:
    """Copies the rows that are given, or else as many as both have; returns how many numbers were copied."""
    if mine.shape[1:] != other.shape[1:]:
        return 0
    values, given = np.array(mine), np.asarray(other)
    if not values.shape:
        here = there = ()
    elif rows is None:
        here = there = slice(0, min(len(values), len(given)))
    else:
        here, there = rows
    values[here] = given[there]
    mine.assign(values)
    return values[here].size


def _rows(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Rows of the word pieces that both know, here and there."""
    place = {token: row for row, token in enumerate(theirs)}
    shared = [row for row, token in enumerate(mine) if token in place]
    return shared, [place[mine[row]] for row in shared]
