"""A distance of frames in the features of a frozen frame encoder."""

import keras
from keras import ops

from vtkeras.metrics.on_frames import FrameMetric, FrozenEncoder


@keras.saving.register_keras_serializable("vtkeras")
class PerceptualDistance(FrameMetric):
    """Distance between what a frozen frame encoder sees in two frames, 0 to 4: lower is better.

    At every place of every inner feature map of the encoder, the channels are scaled to length 1; the squared distance
    is averaged over places and maps. This is the form of LPIPS without its weights fitted to people's judgements, on
    another network, so figures compare with those of the same encoder alone: the metric's name has it.

    Args:
        encoder: str, a name in `vtkeras.encoders.FRAME_ENCODERS`.
        weights: str, as the encoder's builder takes them, or None for random ones.
        image_size: int, pixels a side to which frames are scaled.

    Raises:
        UserError: for an unknown encoder, or weights that are missing; it tells how to get them.

    Example:
        >>> metric = PerceptualDistance()
        >>> metric.update_state(clips, clips)
        >>> float(metric.result())
        0.0

    Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018.
    """

    best = 0.0

    def __init__(self, encoder="efficientnet_lite0", weights="imagenet", image_size=224, name=None, dtype=None):
        super().__init__(name or f"perceptual_{encoder}", dtype)
        self.encoder = FrozenEncoder(encoder, weights, image_size)

    def measure(self, reference, candidate):
        pairs = zip(self.encoder.levels(reference), self.encoder.levels(candidate))
        distances = [ops.sum(ops.square(ops.normalize(a) - ops.normalize(b)), axis=-1) for a, b in pairs]
        return sum(ops.mean(of_places, axis=1) for of_places in distances) / len(distances)

    def get_config(self):
        return {**super().get_config(), **self.encoder.get_config()}
