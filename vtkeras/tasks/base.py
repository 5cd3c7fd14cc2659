"""What a task is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A declaration: what ties preprocessing, model, losses, metrics and decoding together.

    Attributes:
        name: the task's key in `TASKS`.
        heads: outputs of the model that the task trains and evaluates, a subset of `keys.HEADS`.
        preprocess: (examples dict of a batch, Preprocessor, heads) to (inputs, targets, sample weights).
        build: (Config, Vocabulary) to a Keras model.
        losses: (Config, heads, gather) to {head: loss}; `gather` as in `ContrastiveLoss`.
        metrics: (Config, heads) to {head: list of Keras metrics} shown while training.
        decode: (model, Preprocessor, heads) to a `Decoder` of frames and questions to predictions of the
            heads that were trained, which runs in the graph; evaluation and export use the same one.
    """

    name: str
    heads: tuple[str, ...]
    preprocess: Callable
    build: Callable
    losses: Callable
    metrics: Callable
    decode: Callable
