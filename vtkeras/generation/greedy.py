"""Greedy decoding over a step callable; runs in the graph."""

from keras import ops

from vtkeras.generation.loop import write_texts


def greedy(step, state, start_tokens, end_id, max_length, **rules):
    """Takes the likeliest token at every step until every text has ended.

    Args:
        step: callable (tokens int32 (batch,), index int32 scalar, state) to
            (logits (batch, vocabulary), state, scores (batch, ...)).
        state: nested structure of tensors that `step` carries on, shapes fixed.
        start_tokens: int32 (batch,).
        end_id: int, the token that ends a text.
        max_length: int scalar, tokens at most, the end token included; may be a tensor, here and below.
        rules: `forbidden_ids`, `min_length` and `no_repeat_ngram`, as in `logits.restrict`.

    Returns:
        dict of
        tokens: int32 (batch, max_length), 0 after the end token.
        probabilities: float32 (batch, max_length), of each token taken, 0 after the end.
        scores: float32 (batch, max_length, ...), what `step` gave for each token, 0 after the end.

    Example:
        >>> step = lambda tokens, index, state: (ops.one_hot(tokens + 1, 5), state, ops.ones((1, 2)))
        >>> greedy(step, (), ops.array([1]), end_id=4, max_length=5)["tokens"]
        [[2, 3, 4, 0, 0]]
    """

    def likeliest(logits, index):
        return ops.argmax(logits, axis=-1)

    return write_texts(step, state, start_tokens, end_id, max_length, likeliest, **rules)
