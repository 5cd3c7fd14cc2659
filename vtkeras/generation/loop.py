"""The loop that writes one text a row, token after token; what is chosen is handed in."""

from keras import ops

from vtkeras.generation.logits import restrict


def write_texts(step, state, start_tokens, end_id, max_length, choose, **rules):
    """Calls `step` and `choose` in turn until every text has ended.

    Args:
        step, state, start_tokens, end_id, max_length: as in `greedy`.
        choose: callable (logits float32 (batch, vocabulary), index int32 scalar) to int32 (batch,).
        rules: options of `restrict`, applied before `choose`.

    Returns:
        As `greedy`.

    Example:
        >>> write_texts(step, state, starts, 3, 20, choose=lambda logits, index: ops.argmax(logits, -1))
    """
    _, _, first_scores = step(start_tokens, ops.convert_to_tensor(0), state)
    batch = ops.shape(start_tokens)[0]
    tokens = ops.zeros((batch, max_length), "int32")
    probabilities = ops.zeros((batch, max_length), "float32")
    scores = ops.zeros((batch, max_length, *ops.shape(first_scores)[1:]), "float32")

    def unfinished(index, current, ended, state, tokens, probabilities, scores):
        return ops.logical_not(ops.all(ended))

    def advance(index, current, ended, state, tokens, probabilities, scores):
        logits, state, step_scores = step(current, index, state)
        logits = ops.cast(logits, "float32")
        chosen = choose(restrict(logits, tokens, index, end_id, **rules), index)
        chosen = ops.cast(chosen, "int32")
        likelihood = ops.take_along_axis(ops.softmax(logits, axis=-1), chosen[:, None], axis=-1)[:, 0]
        going = ops.logical_not(ended)
        chosen = ops.where(going, chosen, 0)
        tokens = write_at(tokens, index, chosen)
        probabilities = write_at(probabilities, index, ops.where(going, likelihood, 0.0))
        scores = write_at(scores, index, ops.where(align(going, step_scores), step_scores, 0.0))
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


def write_at(array, index, values):
    """Puts values at one position of a sequence.

    Args:
        array: tensor (rows, length, ...).
        index: int32 scalar, the position.
        values: tensor (rows, ...).

    Returns:
        `array` with `values` at ``[:, index]``.
    """
    starts = (0, index, *([0] * (len(array.shape) - 2)))
    return ops.slice_update(array, starts, ops.expand_dims(ops.cast(values, array.dtype), 1))


def align(values, array):
    """`values` with ones appended to their shape until they have the rank of `array`."""
    missing = len(array.shape) - len(values.shape)
    return ops.reshape(values, (*ops.shape(values), *([1] * missing)))
