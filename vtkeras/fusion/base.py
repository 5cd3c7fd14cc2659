"""What every fusion strategy shares."""

import keras

from vtkeras.layers import FeedForward


class Fusion(keras.layers.Layer):
    """A residual block in which a query sequence takes in a context sequence.

    A strategy says how in two methods, so that decoding can prepare a context once and read it at
    every step: `prepare` and `read`. The block then adds what was read to the query and passes the
    sum through a feed-forward layer.

    Args:
        dim: int, width of query and context.
        num_heads: int, attention heads.
        dropout: float.
        blind_channels: int, the last channels of the context that do not guide attention, as in
            `CrossAttention`; strategies without attention have no use for it.

    Call arguments:
        query: float (batch, query_length, dim).
        context: float (batch, context_length, dim).
        query_mask: bool (batch, query_length), or None.
        context_mask: bool (batch, context_length), or None.
        return_scores: bool.

    Returns:
        (batch, query_length, dim), and with `return_scores` float32 scores
        (batch, heads, query_length, context_length) that sum to 1 over the readable context.

    Source: Vaswani et al., "Attention Is All You Need", 2017.
    """

    causal = True  # a query position's output does not depend on later query positions

    def __init__(self, dim, num_heads, dropout=0.0, blind_channels=0, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.blind_channels = blind_channels
        self.supports_masking = True

    def build(self, query_shape, context_shape, query_mask_shape=None, context_mask_shape=None):
        self.query_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="query_norm")
        self.forward_norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name="forward_norm"
        )
        self.forward = FeedForward(self.dim, dropout=self.dropout, dtype=self.dtype_policy, name="forward")
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        for layer in (self.query_norm, self.forward_norm, self.forward):
            layer.build(query_shape)
        self.build_reader(query_shape, context_shape)

    def call(
        self, query, context, query_mask=None, context_mask=None, return_scores=False, training=None
    ):
        memory = self.prepare(context, context_mask)
        return self.step(query, memory, return_scores=return_scores, training=training)

    def build_reader(self, query_shape, context_shape):
        """Makes and builds the strategy's own layers.

        Args:
            query_shape, context_shape: tuples (batch, length, dim).
        """
        raise NotImplementedError

    def prepare(self, context, context_mask=None):
        """Whatever the strategy remembers of a context, for `read`.

        Args:
            context: float (batch, context_length, dim).
            context_mask: bool (batch, context_length), or None.
        """
        raise NotImplementedError

    def read(self, query, memory, return_scores, training):
        """What the query takes from the memory.

        Args:
            query: float (batch, query_length, dim), normalised.
            memory: what `prepare` gave.
            return_scores: bool.
            training: bool.

        Returns:
            (update, scores): float (batch, query_length, dim), and float32
            (batch, heads, query_length, context_length) or None.
        """
        raise NotImplementedError

    def step(self, query, memory, return_scores=False, training=None):
        """As `call`, over what `prepare` remembered.

        Args:
            query: float (batch, query_length, dim).
            memory: what `prepare` gave.
            return_scores: bool.
        """
        update, scores = self.read(self.query_norm(query), memory, return_scores, training)
        return self.take_in(query, update, scores, training)

    def take_in(self, query, update, scores, training=None):
        """Adds what was read and passes the sum through the feed-forward layer.

        Args:
            query: float (batch, query_length, dim).
            update: float (batch, query_length, dim), what was read.
            scores: float (batch, heads, query_length, context_length), or None.

        Returns:
            float (batch, query_length, dim), and the scores where there are any.
        """
        output = query + self.drop(update, training=training)
        output = output + self.forward(self.forward_norm(output), training=training)
        return output if scores is None else (output, scores)

    def compute_output_shape(
        self, query_shape, context_shape, query_mask_shape=None, context_mask_shape=None
    ):
        return query_shape

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "blind_channels": self.blind_channels,
        }
