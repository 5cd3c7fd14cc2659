"""Structural similarity (Wang et al. 2004)."""

import keras
from keras import ops

from vtkeras.losses.ssim import refuse_small, structural_similarity
from vtkeras.metrics.on_frames import FrameMetric


@keras.saving.register_keras_serializable("vtkeras")
class Ssim(FrameMetric):
    """Mean structural similarity over frames and channels, -1 to 1: higher is better.

    Equals scikit-image's `structural_similarity` with the article's Gaussian window.

    Args:
        max_value: float, what the brightest pixel may be.

    Raises:
        UserError: in `update_state`, for frames smaller than 11 x 11.

    Example:
        >>> metric = Ssim()
        >>> metric.update_state(clips, clips)
        >>> float(metric.result())
        1.0

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.
    """

    def __init__(self, max_value=255.0, name="ssim", dtype=None):
        super().__init__(name, dtype)
        self.max_value = max_value

    @classmethod
    def for_frames(cls, height, width):
        refuse_small(height, width)
        return cls()

    def measure(self, reference, candidate):
        return ops.mean(structural_similarity(reference, candidate, self.max_value)[0], axis=-1)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}
