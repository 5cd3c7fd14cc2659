"""Self-attention between things that have a place."""

import math

import keras
from keras import ops

from vtkeras.layers.cross_attention import masked_softmax


@keras.saving.register_keras_serializable("vtkeras")
class RelationAttention(keras.layers.Layer):
    """Multi-head self-attention whose scores also depend on how far apart two things are.

    To each head's score a multiple of the squared distance along every axis is added, with learned
    multiples, so that a head can look at the nearest thing, or the furthest (linear biases as in Press
    et al., "ALiBi", 2022, here over places instead of positions in a text). Half of the heads begin
    with an eye for what is near, half for what is far.

    Args:
        dim: int, width of all heads together.
        num_heads: int, divides `dim`.
        dropout: float, rate applied to the attention weights.
        start: float, the multiple that heads begin with, minus for near and plus for far.

    Call arguments:
        tokens: float (batch, length, dim).
        places: float (batch, length, axes).
        mask: bool (batch, length), True where a token may be read.
        return_scores: bool, also return the attention weights, before dropout.

    Returns:
        (batch, length, dim), and with `return_scores` float32 weights (batch, heads, length, length).

    Example:
        >>> layer = RelationAttention(dim=64, num_heads=4)
        >>> layer(keras.random.normal((2, 16, 64)), keras.random.uniform((2, 16, 2))).shape
        (2, 16, 64)
    """

    def __init__(self, dim, num_heads, dropout=0.0, start=4.0, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.start = start

    def build(self, tokens_shape, places_shape, mask_shape=None):
        self.read = keras.layers.Dense(3 * self.dim, dtype=self.dtype_policy, name="query_key_value")
        self.write = keras.layers.Dense(tokens_shape[-1], dtype=self.dtype_policy, name="output")
        self.weight_dropout = keras.layers.Dropout(self.dropout, dtype="float32")
        self.read.build(tokens_shape)
        self.write.build((*tokens_shape[:-1], self.dim))
        self.slopes = self.add_weight(
            shape=(self.num_heads, places_shape[-1]), initializer=alternating, dtype="float32", name="slopes"
        )

    def call(self, tokens, places, mask=None, return_scores=False, training=None):
        batch, length = ops.shape(tokens)[:2]
        heads = ops.reshape(self.read(tokens), (batch, length, 3, self.num_heads, self.dim // self.num_heads))
        query, key, value = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)))
        logits = ops.matmul(query / math.sqrt(query.shape[-1]), ops.swapaxes(key, -1, -2))
        logits = ops.cast(logits, "float32") + self._bias(ops.cast(places, "float32"))
        scores = masked_softmax(logits, None if mask is None else mask[:, None, None, :])
        weights = ops.cast(self.weight_dropout(scores, training=training), value.dtype)
        merged = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        output = self.write(ops.reshape(merged, (batch, length, self.dim)))
        return (output, scores) if return_scores else output

    def _bias(self, places):
        """Float32 (batch, heads, length, length) from places (batch, length, axes)."""
        apart = ops.square(places[:, :, None] - places[:, None])
        return ops.transpose(ops.matmul(apart, ops.transpose(self.slopes * self.start)), (0, 3, 1, 2))

    def compute_output_shape(self, tokens_shape, places_shape, mask_shape=None):
        return tokens_shape

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "start": self.start,
        }


def alternating(shape, dtype=None):
    """Rows of -1 and of 1 in turn."""
    signs = ops.where(ops.arange(shape[0]) % 2 == 0, -1.0, 1.0)
    return ops.cast(ops.ones(shape) * signs[:, None], dtype or "float32")
