"""Random changes of training examples; pure functions of an example, an amount and a seed, off at evaluation.

An augmentation is a function `(example, amount, seed) -> example` and a line in `AUGMENTATIONS`: a dict of tensors
as `vtkeras.keys` names them, whose FRAMES are uint8 (time, height, width, 3); a float above 0, of which more is a
stronger change; and an int64 (2,) seed, from which it draws with `tf.random.stateless_*` once for all frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from vtkeras.data.augmentations.colour import brightness, contrast
from vtkeras.data.augmentations.cutout import cutout
from vtkeras.data.augmentations.geometry import crop, rotate

Augmentation = Callable[[dict, float, tf.Tensor], dict]

AUGMENTATIONS: dict[str, Augmentation] = {
    "crop": crop,
    "rotate": rotate,
    "brightness": brightness,
    "contrast": contrast,
    "cutout": cutout,
}


def augment(example: dict, amounts: Mapping[str, float], seed: tf.Tensor) -> dict:
    """An example after the augmentations of a config, in the order of `AUGMENTATIONS`.

    Args:
        example: dict of tensors.
        amounts: {name in `AUGMENTATIONS`: amount}, as `data.augmentation` has them.
        seed: int64 (2,), the same for the same example in the same epoch.

    Example:
        >>> augment({"frames": frames}, {"crop": 0.1, "brightness": 0.2}, tf.constant([0, 1], tf.int64))["frames"].shape
        TensorShape([8, 64, 64, 3])
    """
    for number, (name, change) in enumerate(AUGMENTATIONS.items()):
        if amounts.get(name):
            example = change(example, amounts[name], tf.random.experimental.stateless_fold_in(seed, number))
    return example
