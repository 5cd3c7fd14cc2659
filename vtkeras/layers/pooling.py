"""From a sequence to one vector."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class MaskedMean(keras.layers.Layer):
    """Mean over the positions a mask leaves in; zeros if it leaves none.

    Call arguments:
        sequence: float (..., length, dim).
        mask: bool (..., length), or None for all positions.

    Returns:
        (..., dim).

    Example:
        >>> MaskedMean()(ops.array([[[1.0], [3.0], [9.0]]]), mask=ops.array([[True, True, False]]))
        [[2.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequence, mask=None):
        if mask is None:
            return ops.mean(sequence, axis=-2)
        weights = ops.cast(mask, "float32")[..., None]  # half precision cannot sum a long sequence
        total = ops.sum(ops.cast(sequence, "float32") * weights, axis=-2)
        return ops.cast(total / ops.maximum(ops.sum(weights, axis=-2), 1), sequence.dtype)

    def compute_mask(self, sequence, mask=None):
        return None  # one vector has no positions to mask

    def compute_output_shape(self, sequence_shape):
        return (*sequence_shape[:-2], sequence_shape[-1])


@keras.saving.register_keras_serializable("vtkeras")
class MaskedMax(keras.layers.Layer):
    """Maximum over the positions a mask leaves in; keeps a small thing that is in one place only.

    Call arguments:
        sequence: float (..., length, dim).
        mask: bool (..., length), or None for all positions.

    Returns:
        (..., dim); zeros where the mask leaves no position.

    Example:
        >>> MaskedMax()(ops.array([[[1.0], [3.0], [9.0]]]), mask=ops.array([[True, True, False]]))
        [[3.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequence, mask=None):
        if mask is None:
            return ops.max(sequence, axis=-2)
        lowest = ops.cast(-1e4, sequence.dtype)  # fits float16
        highest = ops.max(ops.where(mask[..., None], sequence, lowest), axis=-2)
        return ops.where(ops.any(mask, axis=-1, keepdims=True), highest, ops.zeros_like(highest))

    def compute_mask(self, sequence, mask=None):
        return None  # one vector has no positions to mask

    def compute_output_shape(self, sequence_shape):
        return (*sequence_shape[:-2], sequence_shape[-1])
