"""The learning rate over a curriculum."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from vtkeras.config import TrainConfig

COSINE, LINEAR = range(2)
SHAPES = {"cosine": COSINE, "linear": LINEAR}


@keras.saving.register_keras_serializable("vtkeras")
class StagedRate(keras.optimizers.schedules.LearningRateSchedule):
    """Each stage has a learning rate of its own shape.

    A `cosine` stage rises in a line to its peak, then falls to its end along a cosine (Loshchilov and Hutter,
    "SGDR", 2017). A `linear` stage goes straight from its peak to its end; with both equal it stays. The first
    stage begins with a rise in either case. The stages may be replaced while training goes on.

    Args:
        stages: (shape, peak, end, steps) of each; a shape is a value of `SHAPES`.
        rise: steps of a rise, at most half of a stage.
        room: the most stages there will be.

    Example:
        >>> schedule = StagedRate([(COSINE, 1.0, 0.0, 100)], rise=10)
        >>> float(schedule(5)), float(schedule(10)), float(schedule(100))
        (0.5, 1.0, 0.0)
    """

    def __init__(self, stages, rise=0, room=None):
        self.rise = rise
        self.room = room or len(stages)
        self.table = keras.Variable(np.zeros((self.room, 5)), dtype="float32", trainable=False, name="stages")
        self.replace(stages)

    def replace(self, stages):
        """Goes on with other stages; those of the past keep their steps."""
        self.stages = [tuple(stage) for stage in stages]
        rows = np.zeros((self.room, 5), "float32")
        begin = 0  # summed up here: float32 counts no steps above 2 ** 24, and the last stage may be endless
        for row, (shape, peak, end, steps) in zip(rows, self.stages):
            row[:] = shape, peak, end, begin, begin + steps
            begin += steps
        self.table.assign(rows)

    def __call__(self, step):
        step = ops.cast(step, "float32")
        shape, peak, end, begin, finish = ops.unstack(ops.convert_to_tensor(self.table), axis=1)
        since, length = step - begin, finish - begin
        inside = ops.logical_and(since >= 0, step < finish)
        rise = ops.minimum(float(self.rise), ops.floor(length / 2))
        rises = ops.logical_or(ops.equal(shape, COSINE), ops.equal(begin, 0))  # the first one in any case
        rise = ops.where(rises, rise, 0.0)
        share = (since - rise) / ops.maximum(length - rise, 1.0)
        cosine = end + (peak - end) * 0.5 * (1 + ops.cos(math.pi * share))
        line = peak + (end - peak) * share
        rate = ops.where(ops.equal(shape, COSINE), cosine, line)
        rate = ops.where(since < rise, peak * since / ops.maximum(rise, 1.0), rate)
        return ops.sum(ops.where(inside, rate, 0.0))

    def get_config(self):
        return {"stages": self.stages, "rise": self.rise, "room": self.room}


MOST_STAGES = 64  # of a training whose stages are replaced on the way


def staged_rate(options: TrainConfig, steps_per_epoch: int) -> StagedRate:
    """The schedule of a config's stages."""
    stages = stages_of(options, steps_per_epoch)
    return StagedRate(stages, rise=options.warmup_steps, room=max(len(stages), MOST_STAGES))


def stages_of(options: TrainConfig, steps_per_epoch: int) -> Sequence[tuple[int, float, float, int]]:
    """The stages of a config as `StagedRate` takes them."""
    found = []
    for stage in options.stages:
        peak = stage.learning_rate or options.learning_rate
        end = 0.0 if stage.learning_rate_end is None else stage.learning_rate_end
        found.append((SHAPES[stage.schedule], peak, end, stage.epochs * steps_per_epoch))
    return found
