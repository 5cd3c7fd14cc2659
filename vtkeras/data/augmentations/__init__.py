"""Random changes of training examples; pure functions of an example, an amount and a seed, off at evaluation.

An augmentation is a function `(example, amount, seed) -> example` and a line in `AUGMENTATIONS`: a dict of tensors
as `vtkeras.keys` names them, whose FRAMES are uint8 (time, height, width, 3); a float above 0, of which more is a
stronger change; and an int64 (2,) seed, from which it draws with `tf.random.stateless_*` once for all frames.
docs/augmentation.md says what each amount means and when each one hurts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.base import Augmentation
from vtkeras.data.augmentations.blur import blur
from vtkeras.data.augmentations.colour import brightness, contrast, saturation
from vtkeras.data.augmentations.cutout import cutout
from vtkeras.data.augmentations.flip import flip
from vtkeras.data.augmentations.geometry import crop, rotate
from vtkeras.data.augmentations.shift import shift
from vtkeras.data.augmentations.synonyms import synonyms, synonyms_in, wordnet
from vtkeras.data.augmentations.templates import templates, words_of_templates
from vtkeras.data.augmentations.time import time
from vtkeras.data.augmentations.words import READ, word_dropout
from vtkeras.errors import UserError, lookup

AUGMENTATIONS: dict[str, Augmentation] = {  # a place in it decides what is drawn: new ones go to the end
    "crop": Augmentation(crop, most=0.5),
    "rotate": Augmentation(rotate, most=180),
    "brightness": Augmentation(brightness, most=1),
    "contrast": Augmentation(contrast, most=1),
    "cutout": Augmentation(cutout, most=1),
    "flip": Augmentation(flip, most=1),
    "saturation": Augmentation(saturation, most=1),
    "blur": Augmentation(blur, most=10),
    "time": Augmentation(time, most=0.9),
    "word_dropout": Augmentation(word_dropout, most=0.9, reads=READ),
    "synonyms": Augmentation(synonyms, most=1, reads=READ, check=wordnet, adds=synonyms_in),
    "templates": Augmentation(templates, most=1, reads=READ, adds=words_of_templates),
    "shift": Augmentation(shift, most=0.5, reads=(keys.FRAMES, keys.FRAME_FEATURES)),
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


def expanded(texts: dict[str, list[str]], amounts: Mapping[str, float]) -> dict[str, list[str]]:
    """Texts to learn a vocabulary from, with the words that the augmentations of a config bring in.

    Args:
        texts: lists "captions", "questions" and others, which stay as they are.
        amounts: as for `augment`.

    Example:
        >>> expanded({"captions": ["a car"], "questions": []}, {"synonyms": 0.1})["questions"]
        ["auto automobile machine motorcar"]
    """
    read = [*texts["captions"], *texts["questions"]]
    added = [
        text
        for name, augmentation in AUGMENTATIONS.items()
        if amounts.get(name) and augmentation.adds
        for text in augmentation.adds(read)
    ]
    return {**texts, "questions": [*texts["questions"], *added]}


def check_amounts(amounts: Mapping[str, float], fields: Collection[str], from_features: bool = False) -> None:
    """Makes sure that examples can be changed as a config asks.

    Args:
        amounts: as for `augment`.
        fields: what the examples have.
        from_features: whether training reads features that were computed once in place of frames.

    Raises:
        UserError: for an unknown name, an amount out of range, or something that an augmentation needs and lacks.

    Example:
        >>> check_amounts({"crop": 3}, ["frames"])
        UserError: data.augmentation 'crop' = 3 is out of range: it must be from 0 to 0.5.
    """
    given = {*fields} - {keys.FRAMES} | {keys.FRAME_FEATURES} if from_features else {*fields}
    for name, amount in amounts.items():
        augmentation = lookup(AUGMENTATIONS, name, "data.augmentation")
        if not 0 <= amount <= augmentation.most:
            raise UserError(
                f"data.augmentation '{name}' = {amount:g} is out of range: it must be from 0 to {augmentation.most:g}."
            )
        if keys.FRAMES in augmentation.reads and not {*augmentation.reads} & given:
            raise UserError(
                f"data.augmentation '{name}' changes frames, and training reads features: leave one of them out."
            )
        if not {*augmentation.reads} & given:
            raise UserError(f"data.augmentation '{name}' changes texts, and there are none to read: leave it out.")
        if amount and augmentation.check:
            augmentation.check()
