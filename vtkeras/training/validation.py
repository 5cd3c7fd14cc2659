"""The figure that tells the best weights: what the model says of validation clips, scored as `evaluate` does."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.evaluation.baselines import most_common
from vtkeras.evaluation.evaluate import figure, goal_row
from vtkeras.evaluation.reading import read_split
from vtkeras.tasks import Head, Reader

SCORE = "score"
ALL_RIGHT = 1 - 1e-6  # figure of a baseline that leaves nothing to gain
HIGHEST_BASELINE = 0.8  # with 0.99 one wrong answer in a hundred would be worth as much as all that can be gained
# How checkpoints name a figure that versions have made by several rules: scores of two rules are not comparable.
BY_RULE = {f"val_{SCORE}": f"val_{SCORE}, baselines to {HIGHEST_BASELINE}"}


class ValidationScore(keras.callbacks.Callback):
    """Adds `val_score` and each head's headline to the logs of every epoch.

    A head's share is (figure - baseline) / (1 - baseline), where the figure is the mean of its `goals`, each as a
    share of the best there is, and the baseline says the most common text of the same clips; one above
    `HIGHEST_BASELINE` counts as that. `val_score` is the mean over heads; those whose most common text is always
    right are left out unless all are such. A validation loss would not do: it rises with confidence in wrong
    words while the right ones still become more.

    Args:
        reader: of the model.
        source: gives the validation split.
        limit: examples at most.
        every: epochs from one reading to the next.
        first: epoch after which there may be one.
        last: epoch after which there is always one, so that what training ends with is a candidate.

    Attributes:
        value: the last score.
        rows: {head: {column: figure}} of the last epoch, with its `goals` at least.
        shares: {head: its share} of the last epoch, of the heads that count.
        spread: how many times the standard error of a figure the score has.

    Example:
        >>> score = ValidationScore(reader, source)
        >>> score.measure()
        0.83
    """

    def __init__(self, reader: Reader, source: Source, limit: int = 500, every: int = 1, first: int = 1, last: int = 0):
        super().__init__()
        self.reader = reader
        self.source = source
        self.limit = limit
        self.every = every
        self.first = first
        self.last = last
        self.heads = judged(reader.heads)
        self.baselines: dict[str, float] = {}
        self.rows: dict[str, dict] = {}
        self.shares: dict[str, float] = {}
        self.value = 0.0
        self.spread = 1.0

    def measure(self) -> float:
        """The score of the weights as they are."""
        systems = {SCORE: self.reader}
        examples, said = read_split(
            self.source, keys.VALIDATION, self.heads, self.reader.preprocessor, systems, self.limit
        )
        self.rows = {head.name: goal_row(head, said[SCORE][head.name], examples) for head in self.heads}
        if not self.baselines:
            self.baselines = {head.name: _baseline(head, examples) for head in self.heads}
        figures = {head.name: figure(head, self.rows[head.name]) for head in self.heads}
        found = {name: value for name, value in figures.items() if value is not None}
        found = {name: value for name, value in found.items() if self.baselines[name] < ALL_RIGHT} or found
        bases = {name: min(self.baselines[name], HIGHEST_BASELINE) for name in found}
        self.shares = {name: (value - bases[name]) / (1 - bases[name]) for name, value in found.items()}
        if not found:
            return 0.0
        self.spread = float(np.mean([1 / (1 - base) for base in bases.values()]))
        return float(np.mean([*self.shares.values()]))

    def on_epoch_end(self, epoch, logs=None):
        skipped = (epoch + 1) % self.every or epoch + 1 < self.first
        if skipped and epoch + 1 != self.last:
            return
        logs[f"val_{SCORE}"] = self.value = self.measure()
        headlines = {head.headline: self.rows[head.name].get(head.headline) for head in self.heads}
        logs.update({f"val_{name}": value for name, value in headlines.items() if value is not None})


def judged(heads: Sequence[Head]) -> list[Head]:
    """The heads that the best weights are chosen by: of several with the same truth, such as chosen and written
    answers, the first."""
    found: dict[str, Head] = {}
    for head in heads:
        if head.goals:
            found.setdefault(head.field or head.name, head)
    return list(found.values())


def _baseline(head, examples) -> float:
    """What the most common text gets; heads that say none begin at 0."""
    if not head.field:
        return 0.0
    return figure(head, goal_row(head, most_common(head, examples, examples), examples)) or 0.0
