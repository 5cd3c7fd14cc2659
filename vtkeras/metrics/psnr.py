"""Peak signal-to-noise ratio."""

import math

import keras
from keras import ops

from vtkeras.metrics.on_frames import FrameMetric


@keras.saving.register_keras_serializable("vtkeras")
class Psnr(FrameMetric):
    """Peak signal-to-noise ratio in decibels, `10 log10(max_value ** 2 / MSE)`: higher is better.

    The squared error is averaged over everything that was seen before the logarithm is taken, so that one clip that
    equals its reference does not make the figure infinite; it is where all do.

    Args:
        max_value: float, what the brightest pixel may be.

    Example:
        >>> metric = Psnr()
        >>> metric.update_state(np.full((1, 8, 8, 3), 100.0), np.full((1, 8, 8, 3), 110.0))
        >>> float(metric.result())  # 20 log10(255 / 10)
        28.1308...

    Source: ITU-T J.340, "Reference algorithm for computing peak signal to noise ratio", 2010.
    """

    best = math.inf

    def __init__(self, max_value=255.0, name="psnr", dtype=None):
        super().__init__(name, dtype)
        self.max_value = max_value

    def measure(self, reference, candidate):
        return ops.mean(ops.square(reference - candidate), axis=(1, 2, 3))

    def score(self, mean):
        return 10 * ops.log10(self.max_value**2 / mean)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}
