"""What a trainer is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import keras
import tensorflow as tf

from vtkeras.config import AdversarialConfig, Config, StageConfig
from vtkeras.data.sources.base import Source
from vtkeras.errors import UserError
from vtkeras.tasks import Head, Reader, Task
from vtkeras.training.data import ToBatch, TrainingData
from vtkeras.training.state import Variables, run_variables

USUAL = AdversarialConfig()


class Trainer(ABC):
    """Owns the step, its optimizers, what a checkpoint holds, and which figure tells the best weights.

    A trainer makes its models and optimizers when it is made, in the scope of the strategy. What Keras fits is
    its `learner`, whose `train_step` is the step: the model itself, or a `keras.Model` around one or several.

    Args:
        task: what is trained.
        heads: its active heads.
        data: what it is trained on.
        strategy: devices.

    Attributes:
        model: what evaluation and export use.
        reader: of the model.
        learner: what Keras fits.
        optimizers: {name in checkpoints: optimizer}, built.
        figure: name of the log that tells the best weights.
        better: "lower" or "higher".
        rewards_captions: whether it knows stages with `self_critical`.
        has_discriminators: whether it knows `train.adversarial`.

    Raises:
        UserError: for such a stage, if it does not, or nothing writes captions; for options of discriminators, if it
            has none.

    Example:
        >>> trainer = TRAINERS[task.trainer_of(config)](task, heads, data, make_strategy())
        >>> trainer.fit(data.epochs(trainer.to_batch), validation, epochs=3)
    """

    model: keras.Model
    reader: Reader
    learner: keras.Model
    optimizers: dict[str, keras.optimizers.Optimizer]
    figure: str = "val_loss"
    better: str = "lower"
    rewards_captions: bool = False
    has_discriminators: bool = False

    def __init__(self, task: Task, heads: Sequence[Head], data: TrainingData, strategy: tf.distribute.Strategy):
        captions = self.rewards_captions and any(head.writes_captions for head in heads)
        if any(stage.self_critical for stage in data.config.train.stages) and not captions:
            raise UserError(f"train.stages: self_critical learns captions, and task '{task.name}' trains none.")
        if not self.has_discriminators:
            _refuse_adversarial(data.config)
        self.task = task
        self.heads = tuple(heads)
        self.data = data
        self.config = data.config
        self.strategy = strategy

    @abstractmethod
    def to_batch(self, stage: StageConfig | None = None) -> ToBatch:
        """What makes a batch of examples into what the step takes in a stage of training, or in validation."""

    def variables(self) -> Variables:
        """What a checkpoint holds to go on from: models and optimizers."""
        return run_variables(self.model, **self.optimizers)

    def score(self, logs: dict[str, float]) -> float:
        """How good the weights are after an epoch with these logs; the lowest is the best.

        Without a validation split, the training loss tells; an epoch that was not measured is no candidate.
        """
        unmeasured = logs.get("loss", math.inf) if self.better == "lower" else -math.inf
        found = float(logs.get(self.figure, unmeasured))
        return -found if self.better == "higher" else found

    def callbacks(self, prepared: Source | None) -> list[keras.callbacks.Callback]:
        """What happens beside the steps of this trainer alone, before all other callbacks.

        Args:
            prepared: what is read in place of the source, see `prepared_source`.
        """
        return []

    def fit(
        self,
        batches: tf.data.Dataset,
        validation: tf.data.Dataset | None = None,
        epochs: int = 1,
        first_epoch: int = 0,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Trains.

        Args:
            batches: of all epochs from `first_epoch` on, one behind the other.
            validation: batches to measure on after every epoch.
            epochs: of the whole training.
            first_epoch: the one to begin with.
            callbacks: called beside the steps.
        """
        self._make_metrics(batches)
        self.learner.fit(
            batches,
            steps_per_epoch=self.data.steps,
            initial_epoch=first_epoch,
            epochs=epochs,
            validation_data=validation,
            verbose=0,
            callbacks=list(callbacks),
        )

    def measure(
        self, validation: tf.data.Dataset, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> dict[str, float]:
        """What `fit` adds to the logs of an epoch that ends with the weights as they are.

        Args:
            validation: batches to measure on.
            callbacks: called beside the steps.
        """
        self._make_metrics(validation)
        found = self.learner.evaluate(validation, verbose=0, return_dict=True, callbacks=list(callbacks))
        return {f"val_{name}": value for name, value in found.items()}

    def _make_metrics(self, batches: tf.data.Dataset) -> None:
        """Makes the metrics' variables, which Keras would only make within the step, whose graph would then be made
        twice; with several devices it does so itself."""
        if self.strategy.num_replicas_in_sync == 1:
            self.learner._symbolic_build(data_batch=batches.element_spec)


def _refuse_adversarial(config: Config) -> None:
    """Refuses options of discriminators where there are none."""
    asked = [f"train.adversarial.{name}" for name, value in config.train.adversarial if value != getattr(USUAL, name)]
    asked += ["train.stages: adversarial" for stage in config.train.stages if stage.adversarial is not None]
    if asked:
        raise UserError(
            f"{asked[0]} does nothing without discriminators: leave it out, or set model.generator to adversarial."
        )
