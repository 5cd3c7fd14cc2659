"""Fusion by cross-attention: each query position chooses what to read."""

import keras

from vtkeras.fusion.base import Fusion
from vtkeras.layers import CrossAttention


@keras.saving.register_keras_serializable("vtkeras")
class CrossAttentionFusion(Fusion):
    """The query attends to the context (Vaswani et al., 2017; Lu et al., "ViLBERT", 2019).

    Arguments and call as `Fusion`.

    Example:
        >>> fusion = CrossAttentionFusion(dim=64, num_heads=4)
        >>> fusion(keras.random.normal((2, 5, 64)), keras.random.normal((2, 128, 64))).shape
        (2, 5, 64)
    """

    def build_reader(self, query_shape, context_shape):
        self.attention = CrossAttention(
            self.dim,
            self.num_heads,
            dropout=self.dropout,
            blind_channels=self.blind_channels,
            dtype=self.dtype_policy,
            name="attention",
        )
        self.attention.build(query_shape, context_shape)

    def call(
        self, query, context, query_mask=None, context_mask=None, return_scores=False, training=None
    ):
        """Reads the context as it is; keys and values made by `prepare` are for reading it many times."""
        options = {"context_mask": context_mask, "return_scores": return_scores, "training": training}
        result = self.attention(self.query_norm(query), context, **options)
        update, scores = result if return_scores else (result, None)
        return self.take_in(query, update, scores, training)

    def prepare(self, context, context_mask=None):
        mask = None if context_mask is None else context_mask[:, None, None, :]
        return (*self.attention.project_context(context), mask)

    def read(self, query, memory, return_scores, training):
        key, value, mask = memory
        result = self.attention.attend(query, key, value, mask, return_scores=return_scores, training=training)
        return result if return_scores else (result, None)
