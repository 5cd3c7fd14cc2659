"""Starting from what another run learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.run_files import CONFIG_FILE
from vtkeras.training.run import Run

VIDEO_PARTS = ("frame_encoder", "temporal_encoder")
BY_POSITION = ("position", "time", "embeddings")


def start_from(
    model: keras.Model,
    vocabulary: Vocabulary,
    folder: str | Path,
    parts: tuple[str, ...] = (),
    report: Callable[[str], None] = print,
) -> float:
    """Gives a model the weights of a trained run wherever both have a part of the same name and build.

    Word vectors go by the word piece they stand for, and tables of positions by position, so that the run
    may know other words and shorter clips. A part that is built otherwise stays as it is, and so do the
    answer and label heads where the answers and labels differ; but a video encoder that the model keeps
    frozen must fit, since it would never learn.

    Args:
        model: a `VideoTextModel`, changed in place.
        vocabulary: of `model`.
        folder: the run.
        parts: names of the parts that are given weights; none means all.
        report: called with a line on how much was taken.

    Returns:
        The share of the model's weights that were taken.

    Raises:
        UserError: if the folder is no run, a part is unknown, or the model keeps a video encoder frozen that
            has other sizes there.

    Example:
        >>> start_from(model, vocabulary, "saved_models/multitask/moving_digits")
        0.97
    """
    names = [part.name for part in model.parts()]
    unknown = [name for name in parts if name not in names]
    if unknown:
        raise UserError(f"train.start_parts: the model has no part '{unknown[0]}': use some of {', '.join(names)}.")
    run = Run.open(folder)
    known = run.preprocessor.vocabulary
    theirs = {part.name: part.weights for part in run.model.parts()}
    heads = {
        "answer_logits": vocabulary.answers == known.answers,
        "label_logits": vocabulary.labels == known.labels,
    }
    taken = 0
    for part in model.parts():
        given = theirs.get(part.name, []) if not parts or part.name in parts else []
        copied = 0
        if heads.get(part.name, True) and len(given) == len(part.weights):
            copied = sum(_copy(mine, other, vocabulary, known) for mine, other in zip(part.weights, given))
        if part.name in VIDEO_PARTS and not part.trainable and copied < part.count_params():
            raise UserError(
                f"train.start_from: the {part.name.replace('_', ' ')} of {folder} has other sizes than this config "
                f"gives it: take the options under `model` and `data` from {Path(folder) / CONFIG_FILE}."
            )
        taken += copied
    share = taken / model.count_params()
    report(f"starts with {share:.0%} of its weights from {folder}")
    return share


def _copy(mine, other, vocabulary: Vocabulary, known: Vocabulary) -> int:
    """Copies the rows that both have, if they are of one width; returns how many numbers were copied."""
    here: Any
    there: Any
    if mine.shape[1:] != other.shape[1:]:
        return 0
    if mine.name == "embeddings" and (mine.shape[0], other.shape[0]) == (len(vocabulary.tokens), len(known.tokens)):
        here, there = _rows(vocabulary.tokens, known.tokens)
    elif mine.shape == other.shape:
        here = there = ...
    elif mine.name in BY_POSITION:
        here = there = slice(0, min(mine.shape[0], other.shape[0]))
    else:
        return 0
    values, given = np.array(mine), np.asarray(other)
    values[here] = given[there]
    mine.assign(values)
    return values[here].size


def _rows(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Rows of the word pieces that both know, here and there; older runs' marks and ideographs have no `##`."""
    place = {token: row for row, token in enumerate(theirs)}
    found = {row: place.get(token, place.get(token.removeprefix("##"))) for row, token in enumerate(mine)}
    shared = {row: other for row, other in found.items() if other is not None}
    return list(shared), list(shared.values())
