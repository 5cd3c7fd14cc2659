"""Greedy decoding over a step callable; runs in the graph."""

from keras import ops


def greedy(step, state, start_tokens, end_id, max_length):
    """Takes the likeliest token at every step until every text has ended.

    Args:
        step: callable (tokens int32 (batch,), index int32 scalar, state) to
            (logits (batch, vocabulary), state, scores (batch, ...)).
        state: nested structure of tensors that `step` carries on, shapes fixed.
        start_tokens: int32 (batch,).
        end_id: int, the token that ends a text.
        max_length: int, tokens at most, the end token included.

    Returns:
        dict of
        tokens: int32 (batch, max_length), 0 after the end token.
        probabilities: float32 (batch, max_length), of each token taken, 0 after the end.
        scores: float32 (batch, max_length, ...), what `step` gave for each token, 0 after the end.

    Example:
        >>> step = lambda tokens, index, state: (ops.one_hot(tokens + 1, 5), state, ops.ones((1, 2)))
        >>> greedy(step, (), ops.array([1]), end_id=4, max_length=5)["tokens"]
        [[2, 3, 4, 0, 0]]

    Source: spec B5.
    """
    _, _, first_scores = step(start_tokens, 0, state)
    batch = ops.shape(start_tokens)[0]
    tokens = ops.zeros((batch, max_length), "int32")
    probabilities = ops.zeros((batch, max_length), "float32")
    scores = ops.zeros((batch, max_length, *ops.shape(first_scores)[1:]), "float32")

    def unfinished(index, current, ended, state, tokens, probabilities, scores):
        return ops.logical_not(ops.all(ended))

    def advance(index, current, ended, state, tokens, probabilities, scores):
        logits, state, step_scores = step(current, index, state)
        chosen = ops.cast(ops.argmax(logits, axis=-1), "int32")
        likelihood = ops.max(ops.softmax(ops.cast(logits, "float32"), axis=-1), axis=-1)
        going = ops.logical_not(ended)
        chosen = ops.where(going, chosen, 0)
        tokens = _write(tokens, index, chosen)
        probabilities = _write(probabilities, index, ops.where(going, likelihood, 0.0))
        scores = _write(scores, index, step_scores * _like(going, step_scores))
        ended = ops.logical_or(ended, ops.equal(chosen, end_id))
        return index + 1, chosen, ended, state, tokens, probabilities, scores

    start = (
        ops.convert_to_tensor(0, "int32"),
        start_tokens,
        ops.zeros((batch,), "bool"),
        state,
        tokens,
        probabilities,
        scores,
    )
    *_, tokens, probabilities, scores = ops.while_loop(
        unfinished, advance, start, maximum_iterations=max_length
    )
    return {"tokens": tokens, "probabilities": probabilities, "scores": scores}


def _write(array, index, values):
    starts = (0, index, *([0] * (len(array.shape) - 2)))
    return ops.slice_update(array, starts, ops.expand_dims(ops.cast(values, array.dtype), 1))


def _like(flags, array):
    return ops.cast(ops.reshape(flags, (-1, *([1] * (len(array.shape) - 1)))), array.dtype)
