"""What an augmentation is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import tensorflow as tf

from vtkeras import keys


@dataclass(frozen=True)
class Augmentation:
    """A random change of a training example, and what it takes.

    Attributes:
        change: `(example, amount, seed) -> example`; a pure function.
        most: the largest amount that makes sense.
        reads: fields that it changes; one of them must be there.
        check: raises `UserError` where something is missing that it needs.
        adds: from the texts that a vocabulary is learned from to texts with the words that it brings in beside.

    Example:
        >>> Augmentation(crop, most=0.5)(example, 0.1, tf.constant([0, 1], tf.int64))["frames"].shape
        TensorShape([8, 64, 64, 3])
    """

    change: Callable[[dict, float, tf.Tensor], dict]
    most: float
    reads: tuple[str, ...] = (keys.FRAMES,)
    check: Callable[[], object] | None = None
    adds: Callable[[Iterable[str]], list[str]] | None = None

    def __call__(self, example: dict, amount: float, seed: tf.Tensor) -> dict:
        return self.change(example, amount, seed)
