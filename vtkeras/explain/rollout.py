"""Attention rollout: from the layers' attention to where in the input a word's content came from."""

from keras import ops


def rollout(layers):
    """Attention rolled out through self-attention layers (Abnar and Zuidema, 2020).

    A layer adds what it reads to what it had, so each position keeps half of itself:
    ``(A + I) / 2`` with A the mean over heads; the layers' matrices are multiplied.

    Args:
        layers: list of scores float (batch, heads, length, length), the first layer first.

    Returns:
        float (batch, length, length): how much of each position at the end (rows) each position at the
        beginning (columns) makes up; rows sum to 1.

    Example:
        >>> swap = ops.array([[[[0.0, 1.0], [1.0, 0.0]]]])
        >>> rollout([swap])
        [[[0.5, 0.5], [0.5, 0.5]]]
    """
    length = ops.shape(layers[0])[-1]
    return roll_back(ops.eye(length, dtype="float32")[None], layers)


def cross_rollout(blocks, layers):
    """Rollout of words that read a context, through the context's own encoder to its input.

    In each block words first read each other, if they do, then the context; both times half of a word
    is what it was. What reached the words from the context is then followed back through the encoder.

    Args:
        blocks: list of (self scores float (batch, heads, words, words) or None,
            scores float (batch, heads, words, length)), the first block first.
        layers: the encoder's scores, as in `rollout`; an encoder without attention has none.

    Returns:
        float (batch, words, length); each row sums to 1, or is zero for a word that read nothing.

    Example:
        >>> cross_rollout([(None, ops.array([[[[0.0, 1.0]]]]))], [])
        [[[0.0, 1.0]]]

    Source: Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020.
    """
    came = ops.zeros_like(ops.mean(blocks[0][1], axis=1))
    for self_scores, scores in blocks:
        if self_scores is not None:
            came = (came + ops.matmul(ops.mean(self_scores, axis=1), came)) / 2
        came = (came + ops.mean(scores, axis=1)) / 2
    came = roll_back(came, layers)
    total = ops.sum(came, axis=-1, keepdims=True)
    return came / ops.where(total > 0, total, 1.0)


def roll_back(shares, layers):
    """Follows shares of an encoder's output (batch, rows, length) back to shares of its input."""
    for scores in reversed(layers):
        shares = (shares + ops.matmul(shares, ops.cast(ops.mean(scores, axis=1), "float32"))) / 2
    return shares
