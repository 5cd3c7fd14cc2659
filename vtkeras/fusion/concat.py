"""Fusion by concatenation: the baseline that cannot choose where to look."""

import keras
from keras import ops

from vtkeras.fusion.base import Fusion
from vtkeras.layers import MaskedMean


@keras.saving.register_keras_serializable("vtkeras")
class ConcatFusion(Fusion):
    """Every query position gets the mean of the context, concatenated and projected.

    Arguments and call as `Fusion`; the scores are the mean's own weights, the same for every query
    position: one over the number of readable context positions.

    Example:
        >>> fusion = ConcatFusion(dim=64, num_heads=4)
        >>> fusion(keras.random.normal((2, 5, 64)), keras.random.normal((2, 128, 64))).shape
        (2, 5, 64)
    """

    def build_reader(self, query_shape, context_shape):
        self.pool = MaskedMean(dtype=self.dtype_policy, name="pool")
        self.project = keras.layers.Dense(self.dim, activation="gelu", dtype=self.dtype_policy, name="project")
        self.project.build((*query_shape[:-1], query_shape[-1] + context_shape[-1]))

    def prepare(self, context, context_mask=None):
        if context_mask is None:
            context_mask = ops.ones(ops.shape(context)[:2], "bool")
        return self.pool(context, context_mask), context_mask

    def read(self, query, memory, return_scores, training):
        pooled, mask = memory
        pooled = ops.broadcast_to(pooled[:, None], (*ops.shape(query)[:2], pooled.shape[-1]))
        update = self.project(ops.concatenate([query, pooled], axis=-1))
        if not return_scores:
            return update, None
        weights = ops.cast(mask, "float32")
        weights = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
        shape = (ops.shape(query)[0], self.num_heads, ops.shape(query)[1], ops.shape(mask)[1])
        return update, ops.broadcast_to(weights[:, None, None], shape)
