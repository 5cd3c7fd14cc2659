"""Multi-scale structural similarity (Wang et al. 2003)."""

import keras
from keras import ops

from vtkeras.errors import UserError
from vtkeras.losses.ssim import WINDOW, refuse_small, structural_similarity
from vtkeras.metrics.on_frames import FrameMetric

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, fine to coarse


@keras.saving.register_keras_serializable("vtkeras")
class MultiscaleSsim(FrameMetric):
    """Structural similarity over several scales, averaged over frames and channels, 0 to 1: higher is better.

    Frames are halved from scale to scale by means over 2 x 2 pixels. Contrast and structure count at every scale,
    brightness at the coarsest; a negative factor counts as 0.

    Args:
        scales: int, 1 to 5. Five need frames of 176 x 176 at least, three of 44 x 44; with fewer than five the
            article's weights of the finest ones are scaled to a sum of 1, and the metric's name has the number.
        max_value: float, what the brightest pixel may be.

    Raises:
        UserError: for another number of scales, or in `update_state` for frames that are too small for them.

    Example:
        >>> metric = MultiscaleSsim(scales=3)
        >>> metric.update_state(clips, clips)
        >>> float(metric.result())
        1.0

    Source: Wang et al., "Multiscale Structural Similarity for Image Quality Assessment", 2003.
    """

    def __init__(self, scales=5, max_value=255.0, name=None, dtype=None):
        if not 1 <= scales <= len(WEIGHTS):
            raise UserError(f"MS-SSIM has 1 to {len(WEIGHTS)} scales, not {scales}.")
        super().__init__(name or ("ms_ssim" if scales == len(WEIGHTS) else f"ms_ssim_{scales}_scales"), dtype)
        self.scales = scales
        self.max_value = max_value

    @classmethod
    def for_frames(cls, height, width):
        refuse_small(height, width)
        return cls(fitting_scales(height, width))

    def measure(self, reference, candidate):
        _, height, width, _ = reference.shape
        fitting = fitting_scales(height, width)
        if self.scales > fitting:
            raise UserError(f"Frames of {width} x {height} are too small for {self.scales} scales: {fitting} fit.")
        weights = [weight / sum(WEIGHTS[: self.scales]) for weight in WEIGHTS[: self.scales]]
        product = 1.0
        for scale, weight in enumerate(weights):
            if scale:
                reference, candidate = (ops.average_pool(frames, 2) for frames in (reference, candidate))
            whole, structure = structural_similarity(reference, candidate, self.max_value)
            factor = whole if scale == self.scales - 1 else structure
            product *= ops.maximum(factor, 0.0) ** weight
        return ops.mean(product, axis=-1)

    def get_config(self):
        return {**super().get_config(), "scales": self.scales, "max_value": self.max_value}


def fitting_scales(height, width):
    """How many of the scales fit into frames: the window must lie inside the smallest.

    Example:
        >>> fitting_scales(64, 64)
        3
    """
    return sum(min(height, width) >> scale >= WINDOW for scale in range(len(WEIGHTS)))
