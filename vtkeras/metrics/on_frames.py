"""What metrics of frames share: the mean of a measure over pairs of clips, and features of a frozen frame encoder."""

import keras
from keras import ops

from vtkeras.errors import lookup
from vtkeras.losses.ssim import mean_over_frames


class FrameMetric(keras.metrics.Metric):
    """A metric of clips beside their references that is made of the mean over all examples.

    A subclass measures each pair of frames in `measure`; where its figure is not the mean itself, `score` makes it.

    Attributes:
        best: float, the figure of clips that equal their references.
        least_clips: int, how many clips it takes.

    Example:
        >>> from vtkeras.metrics import Ssim
        >>> metric = Ssim()
        >>> metric.update_state(clips, clips)
        >>> float(metric.result())
        1.0
    """

    best, least_clips = 1.0, 1

    @classmethod
    def for_frames(cls, height, width):
        """The metric with its usual options, as far as frames of this size allow them.

        Raises:
            UserError: for frames that are too small, or weights that are missing.
        """
        return cls()

    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype="float64", name="total")
        self.count = self.add_variable((), "zeros", dtype="float64", name="count")

    def update_state(self, reference, candidate, sample_weight=None):
        """Adds a batch.

        Args:
            reference, candidate: uint8 or float (batch, ..., height, width, channels), pictures or clips.
            sample_weight: float (batch,); weight 0 leaves an example out.

        Raises:
            UserError: for clips of different shapes, or too small ones.
        """
        reference, candidate = ops.convert_to_tensor(reference), ops.convert_to_tensor(candidate)
        values = ops.cast(mean_over_frames(self.measure, reference, candidate), "float64")
        weights = weights_of(values, sample_weight)
        self.total.assign_add(ops.sum(weights * values))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        """The figure of all examples since the last reset; NaN before the first."""
        return self.score(self.total / self.count)

    def measure(self, reference, candidate):
        """One number for each pair of frames: float32 (frames, height, width, channels) twice to (frames,)."""
        raise NotImplementedError

    def score(self, mean):
        """The figure, of the mean over all examples."""
        return mean


class FrozenEncoder:
    """A frame encoder that only looks: feature maps of frames of any size, scaled to the encoder's square.

    Args:
        encoder: str, a name in `vtkeras.encoders.FRAME_ENCODERS`.
        weights: str, as the encoder's builder takes them, or None for random ones.
        image_size: int, pixels a side.

    Raises:
        UserError: for an unknown encoder, or weights that are missing.

    Example:
        >>> [level.shape for level in FrozenEncoder("efficientnet_lite0", "imagenet", 224).levels(frames)][-1]
        (16, 196, 672)
    """

    def __init__(self, encoder, weights, image_size):
        from vtkeras.encoders import FRAME_ENCODERS  # not at the top: most metrics need no encoder

        build = lookup(FRAME_ENCODERS, encoder, "encoder")
        self._encoder = build(image_size=image_size, weights=weights, motion=False)
        self._encoder.trainable = False
        self._config = {"encoder": encoder, "weights": weights, "image_size": image_size}

    def levels(self, frames):
        """The encoder's inner maps, fine to coarse: (frames, height, width, 3) to a list of (frames, places, dim)."""
        size = self._config["image_size"]
        frames = ops.cast(frames, "float32")
        if frames.shape[1:3] != (size, size):
            frames = ops.image.resize(frames, (size, size), antialias=True)
        return [level[:, 0] for level in self._encoder.levels(frames[:, None])]

    def get_config(self):
        """The arguments that make it."""
        return self._config


def weights_of(values, sample_weight):
    """Weights of the examples, (batch,), in the type of `values`: 1 each if none are given."""
    if sample_weight is None:
        return ops.ones(ops.shape(values)[:1], values.dtype)
    return ops.cast(sample_weight, values.dtype)
