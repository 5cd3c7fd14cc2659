"""A residual convolution block that words steer in two ways."""

import keras
from keras import ops

from vtkeras.layers.cross_attention import CrossAttention
from vtkeras.layers.rms_norm import rms_norm


@keras.saving.register_keras_serializable("vtkeras")
class ModulatedBlock(keras.layers.Layer):
    """Two convolutions scaled and shifted by a condition; then, if asked, self-attention and cross-attention to words.

    The condition scales and shifts what the first convolution reads, after normalisation, and scales what the second
    gives, as in "AdaGN" of Dhariwal and Nichol ("Diffusion Models Beat GANs on Image Synthesis", 2021). A new block
    adds nothing to its input but what it reads by attention.

    Args:
        num_heads: int, attention heads; 0 for no attention.

    Call arguments:
        grid: float (batch, height, width, dim).
        condition: float (batch, condition_dim).
        words: float (batch, length, word_dim).
        readable: bool (batch, length), which words may be read.

    Returns:
        (batch, height, width, dim).

    Example:
        >>> block = ModulatedBlock(num_heads=4)
        >>> grid, condition = keras.random.normal((2, 8, 8, 64)), keras.random.normal((2, 32))
        >>> block(grid, condition, keras.random.normal((2, 5, 32)), ops.ones((2, 5), "bool")).shape
        (2, 8, 8, 64)
    """

    def __init__(self, num_heads=0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, grid_shape, condition_shape, words_shape, readable_shape):
        _, height, width, dim = grid_shape
        options = {"padding": "same", "dtype": self.dtype_policy}
        self.first = keras.layers.Conv2D(dim, 3, name="first", **options)
        self.second = keras.layers.Conv2D(dim, 3, kernel_initializer="zeros", name="second", **options)
        self.modulation = keras.layers.Dense(
            3 * dim, kernel_initializer="zeros", dtype=self.dtype_policy, name="modulation"
        )
        for layer, shape in ((self.first, grid_shape), (self.second, grid_shape), (self.modulation, condition_shape)):
            layer.build(shape)
        if self.num_heads:
            sequence = (grid_shape[0], height * width, dim)
            self.position = self.add_weight(
                shape=(height * width, dim), initializer=keras.initializers.RandomNormal(0.02), name="position"
            )
            self.read_grid = CrossAttention(dim, self.num_heads, dtype=self.dtype_policy, name="read_grid")
            self.read_words = CrossAttention(dim, self.num_heads, dtype=self.dtype_policy, name="read_words")
            self.read_grid.build(sequence, sequence)
            self.read_words.build(sequence, words_shape)

    def call(self, grid, condition, words, readable):
        scale, shift, gain = ops.split(self.modulation(condition)[:, None, None], 3, axis=-1)
        update = self.first(rms_norm(grid) * (1 + scale) + shift)
        grid = grid + self.second(ops.silu(update)) * (1 + gain)
        return self._attend(grid, words, readable) if self.num_heads else grid

    def _attend(self, grid, words, readable):
        _, height, width, dim = grid.shape
        sequence = ops.reshape(grid, (-1, height * width, dim))
        query = rms_norm(sequence) + self.position
        sequence = sequence + self.read_grid(query, query)
        query = rms_norm(sequence) + self.position
        sequence = sequence + self.read_words(query, words, context_mask=readable)
        return ops.reshape(sequence, (-1, height, width, dim))

    def compute_output_shape(self, grid_shape, condition_shape, words_shape, readable_shape):
        return grid_shape

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads}
