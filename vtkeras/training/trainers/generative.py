"""Models that make video from words, by losses of their own."""

from __future__ import annotations

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import StageConfig
from vtkeras.training.data import ToBatch
from vtkeras.training.trainers.supervised import SupervisedTrainer

Draws = dict[str, dict[str, tuple[int, ...]]]


class GenerativeTrainer(SupervisedTrainer):
    """As `SupervisedTrainer`, for a model of `vtkeras.models.generators`: batches carry the random numbers it declares.

    With `train.judge`, the best weights are those whose clips the judge describes with the words that asked for them.
    """

    def to_batch(self, stage: StageConfig | None = None) -> ToBatch:
        return with_draws(super().to_batch(stage), self.draws())

    def draws(self) -> Draws:
        """The random numbers that a batch carries."""
        return self.model.draws

    def metrics(self) -> dict[str, list[keras.metrics.Metric]]:
        terms = enumerate(self.model.terms if len(self.model.terms) > 1 else ())
        return {head.name: [_mean_of(place, term) for place, term in terms] for head in self.heads}


def with_draws(to_batch: ToBatch, draws: Draws) -> ToBatch:
    """A task's `preprocess` whose inputs also carry random numbers, the same for the same example of an epoch.

    Args:
        to_batch: maps a batch of examples, with DRAW, to (inputs, targets, sample weights).
        draws: as `GeneratorKind` says.

    Example:
        >>> with_draws(to_batch, {"normal": {"noise": (8,)}})(examples)[0]["noise"].shape
        TensorShape([32, 8])
    """
    kinds = {"normal": tf.random.stateless_normal, "uniform": tf.random.stateless_uniform}
    named = [(name, shape, kinds[kind]) for kind, some in sorted(draws.items()) for name, shape in sorted(some.items())]

    def wrapped(examples):
        inputs, *rest = to_batch(examples)
        for number, (name, shape, draw) in enumerate(named):

            def of_one(seed, number=number, shape=shape, draw=draw):
                return draw(shape, tf.random.experimental.stateless_fold_in(seed, number))

            spec = tf.TensorSpec(shape, tf.float32)
            inputs = {**inputs, name: tf.map_fn(of_one, examples[keys.DRAW], fn_output_signature=spec)}
        return inputs, *rest

    return wrapped


def _mean_of(place: int, term: str) -> keras.metrics.Metric:
    return keras.metrics.MeanMetricWrapper(lambda y_true, y_pred: y_pred[:, place], name=term)
