"""A probe: a fusion whose gate starts closed, so that a new block begins as the identity (Flamingo, 2022)."""

import keras
from keras import ops

from vtkeras.fusion.cross_attention import CrossAttentionFusion


@keras.saving.register_keras_serializable("probes")
class GatedFusion(CrossAttentionFusion):
    """Cross-attention and feed-forward layer, each through tanh of a learned gate that is 0 at first."""

    def build(self, query_shape, context_shape, query_mask_shape=None, context_mask_shape=None):
        super().build(query_shape, context_shape, query_mask_shape, context_mask_shape)
        self.gate = self.add_weight(shape=(2,), initializer="zeros", name="gate")

    def take_in(self, query, update, scores, training=None):
        gate = ops.cast(ops.tanh(self.gate), query.dtype)
        output = query + gate[0] * self.drop(update, training=training)
        output = output + gate[1] * self.forward(self.forward_norm(output), training=training)
        return output if scores is None else (output, scores)
