"""`nfnet_tiny`: residual blocks whose weights are standardised in place of normalised activations."""

import keras

from vtkeras.encoders.frames import FrameEncoder, refuse_weights
from vtkeras.layers import StandardizedConv2D

STEM = (32, 64)
WIDTH = 96
BLOCKS = 2
RELU_GAIN = 1.7139  # brings the variance of a rectified normal variable back to 1
BRANCH = 0.5  # weight of a residual branch


def nfnet_tiny(image_size, weights=None, preset=None, motion=True, motion_dropout=0.0):
    """The quickest frame encoder to train from scratch on a CPU: a normaliser-free residual network.

    It keeps no statistics of batches, so that it works the same in small batches, in training and in use.

    Args:
        image_size, weights, preset, motion, motion_dropout: as for `efficientnet_tiny`.

    Returns:
        a `FrameEncoder` with patches of 8 pixels and 96 channels, e.g. 64 patches of a frame of 64 pixels.

    Raises:
        UserError: if pretrained weights are asked for.

    Source: Brock et al., "High-performance large-scale image recognition without normalization", 2021.
    """
    refuse_weights("nfnet_tiny", weights)
    images = keras.Input((image_size, image_size, 3))
    grid = images
    for index, width in enumerate(STEM):
        grid = _active(_conv(width, f"stem_{index}", strides=2)(grid), f"stem_{index}")
    grid = _conv(WIDTH, "widen", strides=2)(grid)
    for index in range(BLOCKS):
        branch = grid
        for part in ("a", "b"):
            name = f"block_{index}{part}"
            branch = _conv(WIDTH, name)(_active(branch, name))
        branch = keras.layers.Rescaling(BRANCH, name=f"block_{index}_weight")(branch)
        grid = keras.layers.Add(name=f"block_{index}_add")([grid, branch])
    backbone = keras.Model(images, _active(grid, "last"), name="nfnet_tiny")
    return FrameEncoder(
        backbone, scale=4 / 255, offset=-2.0, motion=motion, motion_dropout=motion_dropout, name="frame_encoder"
    )


def _conv(width, name, strides=1):
    return StandardizedConv2D(width, 3, strides, "same", name=name)


def _active(grid, name):
    grid = keras.layers.ReLU(name=f"{name}_relu")(grid)
    return keras.layers.Rescaling(RELU_GAIN, name=f"{name}_gain")(grid)
