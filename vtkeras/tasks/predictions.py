"""What models said of each example, as a table that the dashboard and a spreadsheet read."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vtkeras import keys
from vtkeras.metrics import tokenize
from vtkeras.run_files import PREDICTIONS, replacing
from vtkeras.tasks.baselines import Chances, Examples, Predictions
from vtkeras.tasks.understanding import split_labels

COLUMNS = (
    "split", "example", "clip", "text", "system",
    "caption", "caption_said", "caption_right",
    "answer", "answer_said", "answer_right", "answer_confidence",
    "label", "label_said", "label_right", "label_confidence",
)  # fmt: skip


class PredictionTable:
    """Gathers rows while `evaluate` runs, and writes them.

    Example:
        >>> table = PredictionTable()
        >>> evaluate(systems, source, preprocessor, ["test"], keep=table.add)
        >>> table.write(folder)
    """

    def __init__(self):
        self.rows: list[dict] = []

    def add(self, split: str, system: str, examples: Examples, predictions: Predictions) -> None:
        """Takes in one model's predictions of one split."""
        count = len(examples.questions)
        nothing = [""] * count
        columns = {
            "clip": examples.ids or nothing,
            "text": examples.questions,
            "caption": [references[0] if references else "" for references in examples.captions],
            "caption_said": predictions.captions or nothing,
            "caption_right": _right(examples.captions, predictions.captions, _same_caption) or nothing,
            "answer": examples.answers,
            "answer_said": predictions.answers or nothing,
            "answer_right": _right(examples.answers, predictions.answers, str.__eq__) or nothing,
            "answer_confidence": _confidence(predictions.answer_chances) or nothing,
            "label": examples.labels,
            "label_said": predictions.labels or nothing,
            "label_right": _right(examples.labels, predictions.labels, _same_labels) or nothing,
            "label_confidence": _confidence(predictions.label_chances) or nothing,
        }
        for index in range(count):
            values = {name: column[index] for name, column in columns.items()}
            self.rows.append({"split": split, "example": index, "system": system, **values})

    def write(self, folder: str | Path) -> Path:
        """Writes `predictions.csv`, whole or not at all."""
        path = Path(folder) / PREDICTIONS
        options = {"newline": "", "encoding": "utf-8", "errors": "replace"}
        with replacing(path) as temporary, open(temporary, "w", **options) as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(self.rows)
        return path


def confidence(chances: Chances) -> np.ndarray:
    """How sure the model is of what it said, float (examples,).

    The probability of the likeliest class; where each class has a probability of its own, that of the
    least sure of its yes-or-no decisions.
    """
    probabilities = chances.probabilities
    if chances.several:
        return np.maximum(probabilities, 1 - probabilities).min(axis=1)
    return probabilities.max(axis=1)


def _right(truth: list, said: list[str] | None, same: Callable) -> list[str] | None:
    """1 or 0 for each example, "" where its truth is unknown; None where nothing was said."""
    if said is None:
        return None
    return [str(int(same(right, given))) if right else "" for right, given in zip(truth, said)]


def _same_caption(references: list[str], said: str) -> bool:
    return tokenize(said) in map(tokenize, references)


def _same_labels(right: str, said: str) -> bool:
    return split_labels(right, keys.LABEL_SEPARATOR) == split_labels(said, keys.LABEL_SEPARATOR)


def _confidence(chances: Chances | None) -> list[str] | None:
    return None if chances is None else [f"{value:.4f}" for value in confidence(chances)]
