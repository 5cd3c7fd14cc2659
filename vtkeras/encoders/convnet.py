"""`convnet_tiny`: four plain convolutions with a fine grid, which keeps small differences of place apart."""

import keras

from vtkeras.encoders.frames import FrameEncoder, refuse_weights

WIDTHS = (24, 32, 48, 48)
STRIDES = (2, 2, 1, 1)


def convnet_tiny(image_size, weights=None, preset=None, motion=True, motion_dropout=0.0):
    """The frame encoder with the finest grid, for questions about where things are, as in Sort-of-CLEVR.

    Four 3x3 convolutions, each with batch normalisation; the first two halve the frame.

    Args:
        image_size, weights, preset, motion, motion_dropout: as for `efficientnet_tiny`.

    Returns:
        a `FrameEncoder` with patches of 4 pixels and 48 channels, e.g. 256 patches of a frame of 64 pixels.

    Raises:
        UserError: if pretrained weights are asked for.
    """
    refuse_weights("convnet_tiny", weights)
    images = keras.Input((image_size, image_size, 3))
    grid = images
    for index, (width, stride) in enumerate(zip(WIDTHS, STRIDES)):
        grid = keras.layers.Conv2D(width, 3, stride, "same", use_bias=False, name=f"conv_{index}")(grid)
        grid = keras.layers.BatchNormalization(name=f"norm_{index}")(grid)
        grid = keras.layers.Activation("relu", name=f"relu_{index}")(grid)
    backbone = keras.Model(images, grid, name="convnet_tiny")
    return FrameEncoder(
        backbone, scale=1 / 255, motion=motion, motion_dropout=motion_dropout, name="frame_encoder"
    )
