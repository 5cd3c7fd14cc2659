"""Early fusion: one sequence of words and patches in which everything attends to everything."""

import keras
from keras import ops

from vtkeras.fusion.base import Fusion
from vtkeras.layers import CrossAttention


@keras.saving.register_keras_serializable("vtkeras")
class EarlyFusion(Fusion):
    """Query and context become one sequence with joint self-attention before the query takes its part.

    After Li et al., "VisualBERT", 2019: both are put one behind the other, a learned vector tells the
    two kinds apart, and each position attends to all of them; the query then reads the sequence so
    mixed. Arguments and call as `Fusion`; the scores are the share of each context position among what
    a query position read of the context. Not causal: the sequence has seen the whole query.

    Example:
        >>> fusion = EarlyFusion(dim=64, num_heads=4)
        >>> fusion(keras.random.normal((2, 5, 64)), keras.random.normal((2, 128, 64))).shape
        (2, 5, 64)
    """

    causal = False

    def build_reader(self, query_shape, context_shape):
        options = {"dropout": self.dropout, "dtype": self.dtype_policy}
        self.joint_norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name="joint_norm"
        )
        self.mix = CrossAttention(self.dim, self.num_heads, name="mix", **options)
        self.attention = CrossAttention(self.dim, self.num_heads, name="attention", **options)
        self.kinds = self.add_weight(shape=(2, 1, self.dim), initializer="random_normal", name="kinds")
        self.joint_norm.build(context_shape)
        self.mix.build(context_shape, context_shape)
        self.attention.build(query_shape, context_shape)

    def call(self, query, context, query_mask=None, context_mask=None, return_scores=False, training=None):
        length = ops.shape(query)[1]
        kinds = ops.cast(self.kinds, query.dtype)
        joint = ops.concatenate([query + kinds[0], context + kinds[1]], axis=1)
        masks = [
            ops.ones(ops.shape(part)[:2], "bool") if mask is None else ops.cast(mask, "bool")
            for part, mask in ((query, query_mask), (context, context_mask))
        ]
        mask = ops.concatenate(masks, axis=1)
        normal = self.joint_norm(joint)
        mixed = self.mix(normal, normal, context_mask=mask, training=training)
        joint = joint + self.drop(mixed, training=training)
        found = self.step(joint[:, :length], (joint, mask), return_scores=return_scores, training=training)
        if not return_scores:
            return found
        output, scores = found
        of_context = scores[..., length:]
        total = ops.sum(of_context, axis=-1, keepdims=True)
        return output, of_context / ops.maximum(total, keras.config.epsilon())

    def read(self, query, memory, return_scores, training):
        joint, mask = memory
        result = self.attention(query, joint, context_mask=mask, return_scores=return_scores, training=training)
        return result if return_scores else (result, None)
