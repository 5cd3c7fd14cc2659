"""Probabilities of classes that are as high as the model is often right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.evaluation.reading import read_split
from vtkeras.models import ClassLogits
from vtkeras.run_files import BEST, CHECKPOINTS
from vtkeras.tasks.classification_report import split_labels
from vtkeras.tasks.predicted import ClassProbabilities
from vtkeras.training.state import load_state, model_variables, read_meta, save_state
from vtkeras.training.trainers import Trainer

TEMPERATURES = tuple(2 ** (step / 4) for step in range(-4, 13))  # 0.5 to 8
CALIBRATED = "calibrated"  # in the meta of best weights whose logits were divided
EXAMPLES = 1000  # that are read, where the config names no number
LEAST = 1e-12  # probability


def calibrate_classes(
    trainer: Trainer, folder: Path, report: Callable[[str], None], prepared: Source | None = None
) -> dict[str, float]:
    """Divides the logits of each head that chooses among classes by a number, so that its probabilities come true.

    A network that learned its clips by heart is nearly certain of all that it says. What it chooses stays the same; of
    several labels, those above one half do.

    Args:
        trainer: after training.
        folder: its run folder, whose best weights are loaded, changed and written again.
        report: called with a line of what was changed.
        prepared: what validation is read from in place of the trainer's source.

    Returns:
        {title of a head: its temperature}, see `best_temperature`; empty without best weights, and where it was done.

    Raises:
        UserError: if the disk is full.

    Source: Guo et al., "On calibration of modern neural networks", 2017.
    """
    best = folder / CHECKPOINTS / BEST
    if is_calibrated(folder):
        return {}
    load_state(best, model_variables(trainer.model))
    found = scale_logits(trainer, trainer.model, prepared or trainer.data.source)
    save_state(best, model_variables(trainer.model), {**read_meta(best), CALIBRATED: True})
    if changed := [f"{title.lower()} by {one:.1f}" for title, one in found.items() if one != 1]:
        told = ", ".join(changed)
        report(f"so that it is as sure as it is right on the validation split, logits are divided: {told}")
    return found


def is_calibrated(folder: Path) -> bool:
    """Whether a run has no best weights that `calibrate_classes` has still to see."""
    best = folder / CHECKPOINTS / BEST
    return not best.is_file() or CALIBRATED in read_meta(best)


def scale_logits(trainer: Trainer, model: keras.Model, source: Source) -> dict[str, float]:
    """Divides the logits of a network's class heads, see `calibrate_classes`.

    Args:
        trainer: of a run with the same heads.
        model: the network.
        source: gives the validation split as the network reads it; without one nothing is changed.

    Returns:
        {title of a head: its temperature}.
    """
    layers = getattr(model, "heads", {})
    heads = [head for head in trainer.heads if isinstance(layers.get(head.name), ClassLogits)]
    if not heads or keys.VALIDATION not in source.splits():
        return {}
    preprocessor, limit = trainer.data.preprocessor, trainer.config.train.score_examples or EXAMPLES
    reader = trainer.task.reader(model, preprocessor, heads)
    examples, said = read_split(source, keys.VALIDATION, heads, preprocessor, {"": reader}, limit)
    found = {}
    for head in heads:
        truths = [split_labels(head.as_text(truth), head.separator) for truth in examples.truths[head.name]]
        classes = said[""][head.name].classes
        assert classes is not None
        one = best_temperature(replace(classes, several=not layers[head.name].single), truths)
        for weight in layers[head.name].logits.weights:
            weight.assign(weight / one)
        found[head.title] = one
    return found


def best_temperature(said: ClassProbabilities, truths: list[frozenset[str]]) -> float:
    """The temperature, one of `TEMPERATURES`, with which what is right is likeliest; near 1 where little is known.

    Args:
        said: of some examples.
        truths: the right classes of each; an example without known ones does not count.

    Returns:
        What logits are to be divided by: above 1 where the probabilities were too certain.

    Example:
        >>> sure = ClassProbabilities(("cat", "dog"), np.array([[0.999, 0.001]] * 10))
        >>> best_temperature(sure, [frozenset({"cat"})] * 7 + [frozenset({"dog"})] * 3)  # 0.7 is right: logits of 0.8
        8.0
    """
    place = {name: number for number, name in enumerate(said.classes)}
    rows = [row for row, names in enumerate(truths) if names & place.keys()]
    right = np.zeros((len(rows), len(place)))
    for number, row in enumerate(rows):
        right[number, [place[name] for name in truths[row] if name in place]] = 1
    likely = np.reshape(np.asarray(said.probabilities, "float64"), (-1, len(place)))[rows]
    likely = np.clip(likely, LEAST, 1.0)
    logits = np.log(likely) - said.several * np.log(np.maximum(1 - likely, LEAST))
    negative_log_likelihood = _of_several if said.several else _of_one
    losses = [negative_log_likelihood(logits / one, right) + np.log(one) ** 2 / 2 for one in TEMPERATURES]
    return TEMPERATURES[int(np.argmin(losses))]


def _of_one(logits: np.ndarray, right: np.ndarray) -> float:
    """The sum of -log p of the right class, or of any of several, of logits and 0 or 1, float (examples, classes)."""
    most = logits.max(axis=1, keepdims=True)
    shares = np.exp(logits - most)
    return -float(np.log(np.maximum((shares * right).sum(axis=1) / shares.sum(axis=1), LEAST)).sum())


def _of_several(logits: np.ndarray, right: np.ndarray) -> float:
    """The sum of -log p of each class being right or not, of logits and 0 or 1, float (examples, classes)."""
    return float((np.logaddexp(0, logits) - right * logits).sum())
