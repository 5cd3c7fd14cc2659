"""Contrastive loss between videos and captions."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class ContrastiveLoss(keras.losses.Loss):
    """Symmetric cross-entropy over the similarities of a batch (Radford et al., "CLIP", 2021).

    Examples with the same id (the same caption) are all right for each other: the target is spread
    evenly over them, so that a repeated caption is never called wrong.

    Args:
        gather: callable bringing (batch, ...) to (all replicas' batch, ...), or None. Under a
            distribution strategy it lets every replica see all negatives, so that the loss is the
            one a single device would compute.

    Call arguments:
        y_true: int (batch,) or (batch, 1), ids; a negative id takes the example out.
        y_pred: float (batch, 2, dim), scaled embeddings of videos and captions.

    Returns:
        One value per example before reduction.
    """

    def __init__(self, gather=None, name="contrastive", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gather = gather or (lambda tensor: tensor)

    def call(self, y_true, y_pred):
        ids = ops.reshape(y_true, (-1,))
        all_ids, everyone = self.gather(ids), self.gather(y_pred)
        counted = ops.cast(ids >= 0, y_pred.dtype)
        same = ops.logical_and(ops.equal(ids[:, None], all_ids[None]), all_ids[None] >= 0)
        target = ops.cast(same, y_pred.dtype)
        target = target / ops.maximum(ops.sum(target, axis=1, keepdims=True), 1)
        to_text = _cross_entropy(target, ops.matmul(y_pred[:, 0], ops.transpose(everyone[:, 1])), all_ids)
        to_video = _cross_entropy(target, ops.matmul(y_pred[:, 1], ops.transpose(everyone[:, 0])), all_ids)
        return counted * (to_text + to_video) / 2


def _cross_entropy(target, logits, ids):
    logits = ops.where(ids[None] >= 0, logits, -1e9)
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
