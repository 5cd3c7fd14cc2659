"""Fusion by co-attention: both sequences read each other before the query takes its part."""

import keras

from vtkeras.fusion.base import Fusion
from vtkeras.layers import CrossAttention


@keras.saving.register_keras_serializable("vtkeras")
class CoAttentionFusion(Fusion):
    """The context reads the query, then the query reads the context so informed.

    After the co-attentional layers of Lu et al., "ViLBERT", 2019. Arguments and call as `Fusion`.
    Not causal: the context it reads has seen the whole query, so it cannot serve a decoder.

    Example:
        >>> fusion = CoAttentionFusion(dim=64, num_heads=4)
        >>> fusion(keras.random.normal((2, 5, 64)), keras.random.normal((2, 128, 64))).shape
        (2, 5, 64)
    """

    causal = False

    def build_reader(self, query_shape, context_shape):
        options = {"dropout": self.dropout, "dtype": self.dtype_policy}
        self.context_norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name="context_norm"
        )
        self.context_reads_query = CrossAttention(self.dim, self.num_heads, name="context_reads_query", **options)
        self.query_reads_context = CrossAttention(self.dim, self.num_heads, name="query_reads_context", **options)
        self.context_norm.build(context_shape)
        self.context_reads_query.build(context_shape, query_shape)
        self.query_reads_context.build(query_shape, context_shape)

    def call(
        self, query, context, query_mask=None, context_mask=None, return_scores=False, training=None
    ):
        context = context + self.context_reads_query(
            self.context_norm(context), query, context_mask=query_mask, training=training
        )
        return self.step(query, (context, context_mask), return_scores=return_scores, training=training)

    def read(self, query, memory, return_scores, training):
        context, context_mask = memory
        result = self.query_reads_context(
            query, context, context_mask=context_mask, return_scores=return_scores, training=training
        )
        return result if return_scores else (result, None)
