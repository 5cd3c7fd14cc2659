"""Beam search over a step callable; runs in the graph."""

from keras import ops, tree

from vtkeras.generation.logits import RULED_OUT, restrict
from vtkeras.generation.loop import align, write_at


def beam(step, state, start_tokens, end_id, max_length, width=4, length_penalty=0.6, **rules):
    """Carries the `width` likeliest unfinished texts of every row on, and keeps the best finished ones.

    A finished text Y is ranked by ``log P(Y) / ((5 + |Y|) / 6) ** length_penalty``, its end token
    counted in |Y|. It is kept only if it is among the `width` best continuations of its step, so that
    a width of 1 is greedy decoding. The search stops when no unfinished text can come before the
    finished ones any more; a text cut at `max_length` counts as finished.

    Args:
        step: as in `greedy`, but called with batch * width rows, row ``b * width + w`` for beam w of
            text b. What `step` reads beside its state must have as many rows: see `repeat_rows`.
        state: nested structure of tensors (batch, ...) that `step` carries on.
        start_tokens, end_id, max_length: as in `greedy`.
        width: int scalar, beams of every text; may be a tensor.
        length_penalty: float scalar, may be a tensor; 0 ranks by probability alone, more favours
            longer texts.
        rules: as in `greedy`.

    Returns:
        dict of tokens, probabilities and scores as `greedy` gives them, for the best text, and
        beams: int32 (batch, width, max_length), the finished texts, best first, 0 after the end;
        beam_scores: float32 (batch, width), what they are ranked by, -inf where there are fewer.

    Example:
        >>> found = beam(step, state, starts, end_id=3, max_length=20, width=4)
        >>> found["beams"][:, 0] == found["tokens"]

    Source: Wu et al., "Google's Neural Machine Translation System", 2016, equation 14
    (length penalty).
    """
    batch = ops.shape(start_tokens)[0]
    state, current = repeat_rows((state, start_tokens), width)
    _, _, first_scores = step(current, ops.convert_to_tensor(0), state)
    log = ops.zeros((batch * width, max_length, *ops.shape(first_scores)[1:]), "float32")
    length_penalty = ops.cast(length_penalty, "float32")

    def unfinished(index, current, state, log, live, finished):
        kindest = ops.maximum(penalty(index + 1, length_penalty), penalty(max_length, length_penalty))
        return ops.any(live["score"][:, 0] / kindest > finished["score"][:, -1])

    def advance(index, current, state, log, live, finished):
        logits, state, step_scores = step(current, index, state)
        log = write_at(log, index, step_scores)
        texts = _extend(live, logits, index, end_id, rules)
        ends = ops.logical_or(ops.equal(_column(texts["tokens"], index), end_id), index + 1 == max_length)
        counts = ops.logical_and(ends, ops.arange(2 * width) < width)
        ranked = ops.where(counts, texts["score"] / penalty(index + 1, length_penalty), RULED_OUT)
        finished = _best(_join(finished, {**texts, "score": ranked}), width)
        live = _best({**texts, "score": ops.where(ends, RULED_OUT, texts["score"])}, width)
        state = _follow(state, _column(live["parents"], index))
        current = ops.reshape(_column(live["tokens"], index), (-1,))
        return index + 1, current, state, log, live, finished

    nothing = {
        "tokens": ops.zeros((batch, width, max_length), "int32"),
        "parents": ops.zeros((batch, width, max_length), "int32"),  # the beam that each token came from
        "log_probabilities": ops.zeros((batch, width, max_length), "float32"),
        "score": ops.full((batch, width), RULED_OUT, "float32"),
    }
    first = ops.where(ops.arange(width) == 0, 0.0, RULED_OUT)  # equal beams would stay equal
    live = {**nothing, "score": ops.broadcast_to(first, (batch, width))}
    start = (ops.convert_to_tensor(0, "int32"), current, state, log, live, nothing)
    *_, log, _, finished = ops.while_loop(unfinished, advance, start, maximum_iterations=max_length)
    return {**_winner(finished, log, end_id), "beams": finished["tokens"], "beam_scores": finished["score"]}


def penalty(length, alpha):
    """What a text's log probability is divided by: ``((5 + length) / 6) ** alpha``.

    Args:
        length: int scalar, words with the end token.
        alpha: float scalar, the length penalty.

    Example:
        >>> penalty(7, 1.0)
        2.0
    """
    return ops.power((5.0 + ops.cast(length, "float32")) / 6.0, ops.cast(alpha, "float32"))


def repeat_rows(structure, times):
    """Every row of every tensor `times` times in a row; None stays None.

    Args:
        structure: nested structure of tensors (batch, ...) and None.
        times: int scalar, may be a tensor.

    Returns:
        the structure with tensors (batch * times, ...).

    Example:
        >>> repeat_rows({"x": ops.array([1, 2])}, 2)
        {"x": [1, 1, 2, 2]}
    """
    return tree.map_structure(
        lambda rows: None if rows is None else ops.repeat(rows, times, axis=0), structure
    )


def _extend(live, logits, index, end_id, rules):
    """The 2 * width likeliest continuations by one token: of these at most width end."""
    width, length = ops.shape(live["tokens"])[1:]
    vocabulary = logits.shape[-1]
    logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    allowed = restrict(logs, ops.reshape(live["tokens"], (-1, length)), index, end_id, **rules)
    totals = ops.reshape(allowed, (-1, width, vocabulary)) + live["score"][:, :, None]
    score, places = ops.top_k(ops.reshape(totals, (-1, width * vocabulary)), 2 * width)
    parents = places // vocabulary
    log_probability = ops.take_along_axis(ops.reshape(logs, (-1, width * vocabulary)), places, axis=1)
    added = {"tokens": places % vocabulary, "parents": parents, "log_probabilities": log_probability}
    before = _pick({name: live[name] for name in added}, parents)
    return {"score": score, **{name: _write(before[name], index, added[name]) for name in added}}


def _pick(texts, beams):
    """The texts (batch, ..., ...) at `beams` int32 (batch, chosen)."""
    return tree.map_structure(lambda all_: ops.take_along_axis(all_, align(beams, all_), axis=1), texts)


def _best(texts, width):
    _, order = ops.top_k(texts["score"], width)
    return _pick(texts, order)


def _join(texts, others):
    return {name: ops.concatenate([texts[name], others[name]], axis=1) for name in texts}


def _column(array, index):
    return ops.take(array, index, axis=2)


def _write(array, index, values):
    return ops.slice_update(array, (0, 0, index), ops.cast(values, array.dtype)[:, :, None])


def _follow(state, parents):
    """The state with the rows of the beams that the live texts came from."""
    batch, width = ops.shape(parents)
    rows = ops.reshape(ops.arange(batch)[:, None] * width + parents, (-1,))
    return tree.map_structure(lambda values: ops.take(values, rows, axis=0), state)


def _winner(finished, log, end_id):
    """Tokens, probabilities and scores of every row's best text."""
    tokens, parents = finished["tokens"][:, 0], finished["parents"][:, 0]
    ends = ops.cast(ops.equal(tokens, end_id), "int32")
    written = ops.equal(ops.cumsum(ends, axis=1) - ends, 0)
    batch, width, length = ops.shape(finished["tokens"])
    places = (ops.arange(batch)[:, None] * width + parents) * length + ops.arange(length)
    scores = ops.take(ops.reshape(log, (-1, *ops.shape(log)[2:])), places, axis=0)
    return {
        "tokens": tokens,
        "probabilities": ops.where(written, ops.exp(finished["log_probabilities"][:, 0]), 0.0),
        "scores": ops.where(align(written, scores), scores, 0.0),
    }
