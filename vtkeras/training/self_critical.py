"""Stages of training in which captions are learned by reward."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.errors import UserError
from vtkeras.tasks import Head
from vtkeras.tasks.self_critical import SelfCritical

VALIDATION_BATCHES = 8


def learns_by_reward(config: Config, heads: Sequence[Head], source) -> bool:
    """True if a stage of the experiment asks for it.

    Raises:
        UserError: if there is no caption head, or no validation split to choose the best weights by.
    """
    if not any(stage.self_critical for stage in config.train.stages):
        return False
    if not any(head.field == keys.CAPTION for head in heads):
        raise UserError(f"train.stages: self_critical learns captions, and task '{config.task}' trains none.")
    if keys.VALIDATION not in source.splits() or not source.size(keys.VALIDATION):
        raise UserError(
            "train.stages: self_critical chooses the best weights by the captions of the validation split, and "
            "the data have none: put some clips into it."
        )
    return True


def learn_by_reward(model: keras.Model, self_critical: SelfCritical) -> None:
    """Lets `model.fit` take the batches of `with_references`; the logs show what captions earn."""
    plain_step = model.train_step

    def train_step(data):
        inputs, targets, weights, rewards = self_critical(*data, model.optimizer.iterations)
        return {**plain_step((inputs, targets, weights)), **rewards}

    model.train_step = train_step


class ValidationCider(keras.callbacks.Callback):
    """Adds `val_cider` to the logs of every epoch: the mean CIDEr-D of greedy captions.

    The validation loss asks how likely the references are, which rises and falls apart from how good the
    captions are that the model writes; `Checkpoints` goes by this figure where it is there.

    Args:
        self_critical: gives the reward.
        batches: validation batches as `with_references` makes them.
    """

    def __init__(self, self_critical: SelfCritical, batches: tf.data.Dataset):
        super().__init__()
        self.reward = tf.function(self_critical.greedy_reward, reduce_retracing=True)
        self.batches = batches.take(VALIDATION_BATCHES)

    def on_epoch_end(self, epoch, logs=None):
        rewards = [self.reward(inputs).numpy() for inputs, _, _ in self.batches]
        logs["val_cider"] = float(np.concatenate(rewards).mean())
