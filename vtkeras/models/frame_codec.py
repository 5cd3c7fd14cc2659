"""An autoencoder of single frames: a small grid of numbers stands for a frame."""

import keras

from vtkeras.layers import depth_to_space, space_to_depth

GRID = 8  # positions a side; a frame's side is a multiple of 2 * GRID


@keras.saving.register_keras_serializable("vtkeras")
class FrameCodec(keras.layers.Layer):
    """Frames to a grid of latents from -1 to 1, and back. The encoder sees patches that overlap a little, the decoder
    relates neighbouring positions.

    Args:
        channels: int, numbers at each of the 8 x 8 positions.
        dim: int, width of the layers.

    Call arguments:
        frames: float (batch, size, size, 3), 0 to 1.

    Returns:
        The frames encoded and decoded, (batch, size, size, 3).

    Example:
        >>> codec = FrameCodec(channels=4)
        >>> codec.encode(keras.random.uniform((2, 64, 64, 3))).shape
        (2, 8, 8, 4)

    Source: the first stage of Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022.
    """

    def __init__(self, channels=4, dim=96, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.dim = dim

    def build(self, frames_shape):
        self.patch = frames_shape[1] // (2 * GRID)
        half = self.dim // 2
        smooth = {"padding": "same", "activation": "silu", "dtype": self.dtype_policy}
        plain = {"dtype": self.dtype_policy}
        conv = keras.layers.Conv2D
        self.encoder = keras.Sequential(
            [
                conv(half, 1, name="look", **smooth),
                conv(half, 4, strides=2, name="merge", **smooth),
                conv(self.dim, 1, name="mix", **smooth),
                conv(self.channels, 1, activation="tanh", name="latents", **plain),
            ],
            name="encoder",
        )
        self.widen = conv(self.dim, 3, name="widen", **smooth)
        self.relate = conv(self.dim, 3, name="relate", **smooth)
        self.split = conv(4 * half, 1, name="split", **smooth)
        self.draw = conv(half, 3, name="draw", **smooth)
        self.paint = conv(self.patch**2 * 3, 1, name="paint", **plain)
        self.encoder.build((None, 2 * GRID, 2 * GRID, self.patch**2 * 3))
        self.widen.build((None, GRID, GRID, self.channels))
        self.relate.build((None, GRID, GRID, self.dim))
        self.split.build((None, GRID, GRID, self.dim))
        self.draw.build((None, 2 * GRID, 2 * GRID, half))
        self.paint.build((None, 2 * GRID, 2 * GRID, half))

    def encode(self, frames):
        """Latents float (batch, 8, 8, channels), -1 to 1."""
        return self.encoder(space_to_depth(frames, self.patch))

    def decode(self, latents):
        """Frames float (batch, size, size, 3); training brings them to 0 to 1."""
        grid = self.widen(latents)
        grid = grid + self.relate(grid)
        return depth_to_space(self.paint(self.draw(depth_to_space(self.split(grid), 2))), self.patch)

    def call(self, frames):
        return self.decode(self.encode(frames))

    def compute_output_shape(self, frames_shape):
        return frames_shape

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "dim": self.dim}
