"""Cross-entropy of a predicted token sequence."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class SequenceCrossEntropy(keras.losses.Loss):
    """Mean cross-entropy over each text's tokens; token 0 is padding and does not count.

    Args:
        label_smoothing: float, share of the target probability spread over the vocabulary.

    Call arguments:
        y_true: int (batch, length).
        y_pred: logits (batch, length, vocabulary_size).

    Returns:
        One value per example before reduction, 0 for a text without tokens.

    Example:
        >>> SequenceCrossEntropy()(ops.array([[1, 0]]), ops.zeros((1, 2, 4)))  # log 4
        1.3862944
    """

    def __init__(self, label_smoothing=0.0, name="sequence_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, "int32")
        log_probabilities = ops.log_softmax(y_pred, axis=-1)
        losses = -ops.take_along_axis(log_probabilities, y_true[..., None], axis=-1)[..., 0]
        if self.label_smoothing:
            uniform = -ops.mean(log_probabilities, axis=-1)
            losses = (1 - self.label_smoothing) * losses + self.label_smoothing * uniform
        counted = ops.cast(ops.not_equal(y_true, 0), losses.dtype)
        return ops.sum(losses * counted, axis=-1) / ops.maximum(ops.sum(counted, axis=-1), 1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
