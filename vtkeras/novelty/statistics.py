"""What the frame encoder's inner feature maps say of a clip, in a few numbers."""

import keras
from keras import ops

MOST_CHANNELS = 64  # of a level: its covariance is estimated from a few hundred clips


class ClipStatistics(keras.layers.Layer):
    """Mean and spread of the channels of a frame encoder's inner levels, over all places and frames of a clip.

    What a trained encoder gives at its end tells its own classes apart and little else: foreign things fall onto
    them, and rare pairs of its own things lie outside. Its inner levels still tell what a clip is made of. Of
    many channels, `MOST_CHANNELS` at even distances are taken.

    Args:
        frame_encoder: a `FrameEncoder`; its weights are shared, not copied.

    Call arguments:
        frames: uint8 (batch, time, height, width, 3).
        mask: bool (batch, time), False where a frame is padding.

    Returns:
        float32 (batch, dim).

    Example:
        >>> ClipStatistics(model.frame_encoder)(ops.zeros((2, 8, 64, 64, 3), "uint8"), ops.ones((2, 8), "bool")).shape
        (2, 96)

    Source: Lee et al., "A simple unified framework for detecting out-of-distribution samples", 2018 (inner levels);
    Defard et al., "PaDiM", 2021 (some of the channels are as good as all).
    """

    def __init__(self, frame_encoder, **kwargs):
        super().__init__(**kwargs)
        self.levels = frame_encoder.levels

    def call(self, frames, mask):
        weights = ops.cast(mask, "float32")
        weights = (weights / ops.sum(weights, axis=1, keepdims=True))[:, :, None]
        found = []
        for level in self.levels(frames):
            step = -(-level.shape[-1] // MOST_CHANNELS)
            maps = ops.cast(level[..., ::step], "float32")
            mean = ops.sum(weights * ops.mean(maps, axis=2), axis=1)
            squares = ops.mean(ops.square(maps - mean[:, None, None]), axis=2)
            found += [mean, ops.sqrt(ops.sum(weights * squares, axis=1))]
        return ops.concatenate(found, axis=-1)
