"""A plain convolutional frame encoder, for pictures in which small differences of place count."""

import keras

from vtkeras.encoders.frames import FrameEncoder, refuse_weights

WIDTHS = (24, 32, 48, 48)
STRIDES = (2, 2, 1, 1)


def convnet_tiny(image_size, weights=None, preset=None, motion=True, motion_dropout=0.0):
    """Four 3x3 convolutions with batch normalisation, from scratch on a CPU: 4 pixels a patch.

    Args:
        image_size, weights, preset, motion, motion_dropout: as for `efficientnet_tiny`.

    Returns:
        a `FrameEncoder`.

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
