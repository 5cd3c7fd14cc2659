"""Multi-head cross-attention: a query sequence reads a context sequence."""

import math

import keras
from keras import ops

MASKED_SCORE = -1e9  # float32 only: scores are always computed in float32


@keras.saving.register_keras_serializable("vtkeras")
class CrossAttention(keras.layers.Layer):
    """Multi-head attention of a query over a context of any width and length.

    Computes, for each head, ``softmax(Q K^T / sqrt(head_dim)) V`` with separate projections for
    query, key and value (Vaswani et al., 2017). Scores and softmax are float32 under every dtype
    policy. A masked context position gets exactly zero attention; if every position is masked the
    heads give zeros, never NaN.

    Args:
        dim: int, width of all heads together.
        num_heads: int, divides `dim`.
        output_dim: int, width of the output; None keeps the query's.
        dropout: float, rate applied to the attention weights.
        gated: bool, multiply the output by ``tanh(gate)`` with a learned scalar gate that starts at
            0, so that a new layer leaves its host unchanged (Alayrac et al., "Flamingo", 2022).

    Call arguments:
        query: float (batch, query_length, query_dim).
        context: float (batch, context_length, context_dim).
        context_mask: bool (batch, context_length), True where the context may be read.
        causal: bool, let query position i read context positions up to i only.
        return_scores: bool, also return the attention weights, before dropout.

    Returns:
        (batch, query_length, output_dim), and with `return_scores` float32 weights
        (batch, heads, query_length, context_length).

    Raises:
        ValueError: if `num_heads` does not divide `dim`.

    Example:
        >>> layer = CrossAttention(dim=64, num_heads=4)
        >>> words, patches = keras.random.normal((2, 5, 32)), keras.random.normal((2, 128, 48))
        >>> output, scores = layer(words, patches, return_scores=True)
        >>> output.shape, scores.shape
        ((2, 5, 32), (2, 4, 5, 128))

    Source: spec B1.
    """

    def __init__(self, dim, num_heads, output_dim=None, dropout=0.0, gated=False, **kwargs):
        super().__init__(**kwargs)
        if dim % num_heads:
            raise ValueError(f"dim {dim} is not a multiple of num_heads {num_heads}.")
        self.dim = dim
        self.num_heads = num_heads
        self.output_dim = output_dim
        self.dropout = dropout
        self.gated = gated
        self.supports_masking = True

    def build(self, query_shape, context_shape):
        self.query_projection = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="query")
        self.key_projection = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="key")
        self.value_projection = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="value")
        self.output_projection = keras.layers.Dense(
            self.output_dim or query_shape[-1], dtype=self.dtype_policy, name="output"
        )
        self.weight_dropout = keras.layers.Dropout(self.dropout, dtype="float32")
        self.query_projection.build(query_shape)
        self.key_projection.build(context_shape)
        self.value_projection.build(context_shape)
        self.output_projection.build((*query_shape[:-1], self.dim))
        if self.gated:
            self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")

    def call(self, query, context, context_mask=None, causal=False, return_scores=False, training=None):
        key, value = self.project_context(context)
        mask = None if context_mask is None else context_mask[:, None, None, :]
        if causal:
            earlier = causal_mask(ops.shape(query)[1], ops.shape(context)[1])[None, None]
            mask = earlier if mask is None else ops.logical_and(mask, earlier)
        return self.attend(query, key, value, mask, return_scores=return_scores, training=training)

    def project_context(self, context):
        """Keys and values of a context, each (batch, heads, context_length, head_dim).

        Decoding projects a context once and reads it at every step through `attend`.
        """
        return self._split(self.key_projection(context)), self._split(self.value_projection(context))

    def attend(self, query, key, value, mask=None, return_scores=False, training=None):
        """Attention of `query` over projected keys and values.

        Args:
            query: float (batch, query_length, query_dim).
            key, value: as `project_context` gives them.
            mask: bool, broadcastable to (batch, heads, query_length, context_length).

        Returns:
            As `call`.
        """
        heads = self._split(self.query_projection(query)) / math.sqrt(self.dim // self.num_heads)
        logits = ops.matmul(heads, ops.swapaxes(key, -1, -2))  # scaled before, so that float16 holds them
        scores = masked_softmax(ops.cast(logits, "float32"), mask)
        weights = ops.cast(self.weight_dropout(scores, training=training), value.dtype)
        output = self.output_projection(self._merge(ops.matmul(weights, value)))
        if self.gated:
            output = output * ops.cast(ops.tanh(self.gate), output.dtype)
        return (output, scores) if return_scores else output

    def _split(self, sequence):
        batch, length = ops.shape(sequence)[:2]
        heads = ops.reshape(sequence, (batch, length, self.num_heads, self.dim // self.num_heads))
        return ops.transpose(heads, (0, 2, 1, 3))

    def _merge(self, heads):
        batch, _, length, _ = ops.shape(heads)
        return ops.reshape(ops.transpose(heads, (0, 2, 1, 3)), (batch, length, self.dim))

    def compute_output_shape(self, query_shape, context_shape):
        return (*query_shape[:-1], self.output_dim or query_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_heads": self.num_heads,
            "output_dim": self.output_dim,
            "dropout": self.dropout,
            "gated": self.gated,
        }


def causal_mask(query_length, context_length):
    """Bool (query_length, context_length): True where the context is not later than the query."""
    return ops.arange(query_length)[:, None] >= ops.arange(context_length)[None, :]


def masked_softmax(logits, mask=None):
    """Softmax over the last axis with exact zeros where `mask` is False, all zeros if it is False everywhere.

    Args:
        logits: float32 (..., length).
        mask: bool, broadcastable to `logits`, or None.
    """
    if mask is None:
        return ops.softmax(logits, axis=-1)
    scores = ops.softmax(ops.where(mask, logits, MASKED_SCORE), axis=-1)
    return ops.where(mask, scores, 0.0)
