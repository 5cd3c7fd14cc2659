"""The ordinary way: the heads' losses, weighted and summed, and one optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import StageConfig
from vtkeras.data.sources.base import Source
from vtkeras.tasks import Head, Task
from vtkeras.training.data import ToBatch, TrainingData
from vtkeras.training.optimizers import make_optimizer
from vtkeras.training.schedule import staged_rate
from vtkeras.training.strategies import gather_for, synchronise_batch_norm
from vtkeras.training.trainers.base import Trainer
from vtkeras.training.validation import SCORE, ValidationScore, judged


class SupervisedTrainer(Trainer):
    """Learns what is right for each example. The best weights are those that score best on the validation split."""

    def __init__(self, task: Task, heads: Sequence[Head], data: TrainingData, strategy: tf.distribute.Strategy):
        super().__init__(task, heads, data, strategy)
        config = self.config
        with strategy.scope():
            self.model = task.build(
                config, data.preprocessor.vocabulary, self.heads, from_features=config.model.cache_features
            )
            self.reader = task.reader(self.model, data.preprocessor, self.heads)
            self.rate = staged_rate(config.train, data.steps)
            variables = self.model.trainable_variables
            optimizer = make_optimizer(config, self.rate, variables, **self.optimizer_options())
            self.learner = self.make_learner()
            self.learner.compile(
                optimizer=optimizer,
                loss=task.losses(config, self.heads, gather_for(strategy)),
                loss_weights=task.loss_weights(config, self.heads),
                weighted_metrics=self.metrics(),
                jit_compile=False,  # convolutions are many times slower under XLA on a CPU
            )
        self.optimizers = {"optimizer": optimizer}
        if self.scored():
            self.figure, self.better = f"val_{SCORE}", "higher"
        synchronise_batch_norm(self.model, strategy)

    def optimizer_options(self) -> dict[str, float]:
        """Further arguments of the Keras optimizer."""
        return {}

    def make_learner(self) -> keras.Model:
        """What Keras fits; made in the scope of the strategy."""
        return self.model

    def scored(self) -> bool:
        """Whether there is a validation split, and a head that can be scored on it."""
        asked = self.config.train.score_examples and keys.VALIDATION in self.data.source.splits()
        return bool(asked) and bool(judged(self.heads))

    def callbacks(self, prepared: Source | None) -> list[keras.callbacks.Callback]:
        if not self.scored():
            return []
        options, source = self.config.train, prepared or self.data.source
        when = {"every": options.score_every, "first": options.score_from, "last": self.config.epochs}
        return [ValidationScore(self.reader, source, options.score_examples, **when)]

    def metrics(self) -> dict[str, list[keras.metrics.Metric]]:
        """{head: what is shown beside its loss while training}."""
        return self.task.metrics(self.config, self.measured())

    def measured(self) -> Sequence[Head]:
        """The heads whose metrics are shown while training."""
        return self.heads

    def to_batch(self, stage: StageConfig | None = None) -> ToBatch:
        return lambda examples: self.task.preprocess(examples, self.data.preprocessor, self.heads)
