"""Structural similarity of frames (SSIM), and a loss of it."""

import math

import keras
from keras import ops

from vtkeras.errors import UserError

WINDOW = 11  # pixels a side of the Gaussian window
SIGMA = 1.5
LUMINANCE, CONTRAST = 0.01, 0.03  # K1 and K2, which keep divisions by zero away


def structural_similarity(first, second, max_value=255.0):
    """SSIM of frames, and the part of it that does not look at brightness.

    Means, variances and covariance are taken in a Gaussian window around each pixel whose window lies inside the
    frame, and the similarities are averaged over these pixels.

    Args:
        first, second: (frames, height, width, channels), height and width of 11 at least.
        max_value: float, what the brightest pixel may be.

    Returns:
        two tensors (frames, channels): the similarity, -1 to 1, and its contrast and structure.

    Raises:
        UserError: for frames smaller than the window.

    Example:
        >>> black, white = ops.zeros((1, 16, 16, 3)), 255 * ops.ones((1, 16, 16, 3))
        >>> structural_similarity(black, white)[0]  # 0.01 ** 2 / (1 + 0.01 ** 2)
        [[9.999e-05, 9.999e-05, 9.999e-05]]

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.
    """
    first, second = (ops.cast(frames, "float32") for frames in (first, second))
    refuse_small(*first.shape[1:3])
    bright, varied = (LUMINANCE * max_value) ** 2, (CONTRAST * max_value) ** 2
    # Variances do not depend on a frame's mean; without it float32 does not cancel.
    means = [_over_pixels(frames)[:, None, None] for frames in (first, second)]
    first, second = first - means[0], second - means[1]
    maps = ops.concatenate([first, second, first * first, second * second, first * second])
    kernel = _kernel(first.shape[-1])
    maps = ops.depthwise_conv(ops.depthwise_conv(maps, kernel), ops.transpose(kernel, (1, 0, 2, 3)))
    first, second, first_squares, second_squares, products = ops.split(maps, 5)
    variances = first_squares - first * first + second_squares - second * second
    structure = (2 * (products - first * second) + varied) / (variances + varied)
    first, second = first + means[0], second + means[1]
    luminance = (2 * first * second + bright) / (first * first + second * second + bright)
    return _over_pixels(luminance * structure), _over_pixels(structure)


def refuse_small(height, width):
    """Raises a `UserError` for frames smaller than the window."""
    if min(height, width) < WINDOW:
        raise UserError(f"Frames of {width} x {height} are too small for SSIM: its window has {WINDOW} pixels a side.")


def mean_over_frames(measure, first, second):
    """A measure of frames for each example of a batch of pictures or clips: the mean over the example's frames.

    Args:
        measure: callable of two tensors (frames, height, width, channels) that gives (frames,).
        first, second: (batch, ..., height, width, channels) of one shape.

    Returns:
        (batch,).

    Raises:
        UserError: if the shapes differ.

    Example:
        >>> mean_over_frames(lambda a, b: ops.mean(ops.abs(a - b), axis=(1, 2, 3)), clips, clips + 1)
        [1.0, 1.0]
    """
    if first.shape[1:] != second.shape[1:]:
        raise UserError(f"Clips of shape {tuple(first.shape)} cannot be compared with {tuple(second.shape)}.")
    shape = (-1, *first.shape[-3:])
    values = measure(*(ops.reshape(ops.cast(clips, "float32"), shape) for clips in (first, second)))
    return ops.mean(ops.reshape(values, (ops.shape(first)[0], -1)), axis=1)


@keras.saving.register_keras_serializable("vtkeras")
class SsimLoss(keras.losses.Loss):
    """1 - SSIM: 0 for equal frames, up to 2.

    Args:
        max_value: float, what the brightest pixel may be; 1 for frames from 0 to 1, 2 for frames from -1 to 1.

    Call arguments:
        y_true, y_pred: (batch, ..., height, width, channels), pictures or clips.

    Returns:
        One value per example before reduction, the mean over its frames.

    Example:
        >>> SsimLoss(max_value=1.0)(clips, clips)
        0.0

    Source: Zhao et al., "Loss Functions for Image Restoration with Neural Networks", 2017.
    """

    def __init__(self, max_value=255.0, name="ssim_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.max_value = max_value

    def call(self, y_true, y_pred):
        return mean_over_frames(self._of_frames, y_true, y_pred)

    def _of_frames(self, first, second):
        return 1 - ops.mean(structural_similarity(first, second, self.max_value)[0], axis=-1)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}


def _over_pixels(frames):
    """The mean of each channel; pixels come last, for then TensorFlow sums in pairs, and float32 does for millions."""
    return ops.mean(ops.transpose(frames, (0, 3, 1, 2)), axis=(2, 3))


def _kernel(channels):
    """A column of the Gaussian window, (11, 1, channels, 1)."""
    weights = [math.exp(-((place - WINDOW // 2) ** 2) / (2 * SIGMA**2)) for place in range(WINDOW)]
    column = ops.convert_to_tensor([weight / sum(weights) for weight in weights], "float32")
    return ops.tile(column[:, None, None, None], (1, 1, channels, 1))
