"""The ordinary way: the heads' losses, weighted and summed, and one optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from vtkeras.config import StageConfig
from vtkeras.tasks import Head, Task
from vtkeras.training.data import ToBatch, TrainingData
from vtkeras.training.optimizers import make_optimizer
from vtkeras.training.strategies import gather_for, synchronise_batch_norm
from vtkeras.training.trainers.base import Trainer


class SupervisedTrainer(Trainer):
    """Learns what is right for each example."""

    def __init__(self, task: Task, heads: Sequence[Head], data: TrainingData, strategy: tf.distribute.Strategy):
        super().__init__(task, heads, data, strategy)
        config = self.config
        with strategy.scope():
            self.model = task.build(
                config, data.preprocessor.vocabulary, self.heads, from_features=config.model.cache_features
            )
            self.reader = task.reader(self.model, data.preprocessor, self.heads)
            optimizer = make_optimizer(config, data.steps, self.model.trainable_variables)
            self.learner = self.make_learner()
            self.learner.compile(
                optimizer=optimizer,
                loss=task.losses(config, self.heads, gather_for(strategy)),
                loss_weights=task.loss_weights(config, self.heads),
                weighted_metrics=task.metrics(config, self.measured()),
                jit_compile=False,  # convolutions are many times slower under XLA on a CPU
            )
        self.optimizers = {"optimizer": optimizer}
        synchronise_batch_norm(self.model, strategy)

    def make_learner(self) -> keras.Model:
        """What Keras fits; made in the scope of the strategy."""
        return self.model

    def measured(self) -> Sequence[Head]:
        """The heads whose metrics are shown while training."""
        return self.heads

    def to_batch(self, stage: StageConfig | None = None) -> ToBatch:
        return lambda examples: self.task.preprocess(examples, self.data.preprocessor, self.heads)
