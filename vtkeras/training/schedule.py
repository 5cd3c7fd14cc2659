"""The learning rate over a curriculum."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class StagedCosine(keras.optimizers.schedules.LearningRateSchedule):
    """In each stage the rate rises in a line to the stage's peak, then falls to zero along a cosine.

    After Loshchilov and Hutter, "SGDR", 2017.

    Args:
        peaks: the highest rate of each stage.
        steps: the steps of each stage.
        rise: steps of the rise, at most half of a stage.

    Example:
        >>> schedule = StagedCosine(peaks=[1.0], steps=[100], rise=10)
        >>> float(schedule(5)), float(schedule(10)), float(schedule(100))
        (0.5, 1.0, 0.0)
    """

    def __init__(self, peaks, steps, rise=0):
        self.peaks = list(peaks)
        self.steps = list(steps)
        self.rise = rise

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate, begin = 0.0, 0
        for peak, length in zip(self.peaks, self.steps):
            inside = ops.logical_and(step >= begin, step < begin + length)
            rate = ops.where(inside, self._stage(step - begin, peak, length), rate)
            begin += length
        return rate

    def _stage(self, step, peak, length):
        rise = min(self.rise, length // 2)
        falling = peak * 0.5 * (1 + ops.cos(math.pi * (step - rise) / max(length - rise, 1)))
        return ops.where(step < rise, peak * step / max(rise, 1), falling)

    def get_config(self):
        return {"peaks": self.peaks, "steps": self.steps, "rise": self.rise}
