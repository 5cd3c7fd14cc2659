"""What a rectified flow learns: the clean grid behind a noisy one, as words tell it."""

import math

import keras
from keras import ops

from vtkeras.layers import ModulatedBlock, rms_norm

WAVES = 32  # sines and as many cosines by which the time is read
SIGNAL = 0.25  # mean square of latents


@keras.saving.register_keras_serializable("vtkeras")
class Denoiser(keras.layers.Layer):
    """Predicts a grid of latents from ``time * latents + (1 - time) * noise``, the time and the words.

    Args:
        dim: int, width.
        num_blocks: int; every second one has attention, over the grid and to the words.
        num_heads: int, attention heads.

    Call arguments:
        noisy: float (batch, height, width, channels).
        time: float (batch,), 0 for noise to 1 for latents.
        words: float (batch, length, word_dim).
        readable: bool (batch, length), False everywhere for no words.
        pooled: float (batch, word_dim), the words as one vector, zeros for no words.

    Returns:
        (batch, height, width, channels).

    Example:
        >>> denoiser = Denoiser(dim=64, num_blocks=2)
        >>> denoiser(noisy, ops.array([0.5, 0.5]), words, readable, pooled).shape == noisy.shape
        True

    Source: Liu et al., "Flow Straight and Fast", 2023; prediction of the clean data as in Li and He, "Back to Basics:
    Let Denoising Generative Models Denoise", 2025.
    """

    def __init__(self, dim=128, num_blocks=4, num_heads=4, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.num_blocks = num_blocks
        self.num_heads = num_heads

    def build(self, noisy_shape, time_shape, words_shape, readable_shape, pooled_shape):
        dense = {"dtype": self.dtype_policy}
        self.read_time = keras.Sequential(
            [keras.layers.Dense(self.dim, "silu", **dense), keras.layers.Dense(self.dim, **dense)], name="read_time"
        )
        self.read_pooled = keras.layers.Dense(self.dim, name="read_pooled", **dense)
        self.condition = keras.layers.Dense(self.dim, "silu", name="condition", **dense)
        self.enter = keras.layers.Conv2D(self.dim, 3, padding="same", name="enter", **dense)
        self.leave = keras.layers.Conv2D(
            noisy_shape[-1], 3, padding="same", kernel_initializer="zeros", name="leave", **dense
        )
        self.blocks = [
            ModulatedBlock(self.num_heads if index % 2 else 0, name=f"block_{index}", **dense)
            for index in range(self.num_blocks)
        ]
        grid, vector = (*noisy_shape[:-1], self.dim), (noisy_shape[0], self.dim)
        self.read_time.build((noisy_shape[0], 2 * WAVES))
        self.read_pooled.build(pooled_shape)
        self.condition.build(vector)
        self.enter.build(noisy_shape)
        self.leave.build(grid)
        for block in self.blocks:
            block.build(grid, vector, words_shape, readable_shape)

    def call(self, noisy, time, words, readable, pooled):
        condition = self.condition(ops.silu(self.read_time(_waves(time)) + self.read_pooled(pooled)))
        scale = ops.rsqrt(ops.square(1 - time) + SIGNAL * ops.square(time))  # to a variance of about 1
        grid = self.enter(noisy * scale[:, None, None, None])
        for block in self.blocks:
            grid = block(grid, condition, words, readable)
        return self.leave(rms_norm(grid))

    def compute_output_shape(self, noisy_shape, *other_shapes):
        return noisy_shape

    def get_config(self):
        sizes = {name: getattr(self, name) for name in ("dim", "num_blocks", "num_heads")}
        return {**super().get_config(), **sizes}


def _waves(time):
    """(batch, 2 * WAVES) sines and cosines of the logarithm of signal over noise."""
    level = ops.log((time + 1e-3) / (1 - time + 1e-3))[:, None]
    angles = level * ops.exp(ops.linspace(math.log(0.1), math.log(3.0), WAVES))[None]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
