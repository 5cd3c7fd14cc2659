"""Rules over the next token's logits, shared by every decoding strategy."""

import functools

from keras import ops

RULED_OUT = float("-inf")


def restrict(logits, tokens, index, end_id, forbidden_ids=(), min_length=0, no_repeat_ngram=0):
    """Rules tokens out by setting their logits to minus infinity.

    Where the rules leave no token at all, the end token stays, so that a text always goes on or ends.
    `min_length` and `no_repeat_ngram` may be tensors; a plain 0 costs nothing.

    Args:
        logits: float (rows, vocabulary).
        tokens: int32 (rows, max_length), what was written before position `index`; the rest is not read.
        index: int32 scalar, the position of the token to come.
        end_id: int, the token that ends a text.
        forbidden_ids: ints, tokens that are never written, such as padding and start.
        min_length: int scalar, tokens at least before the end token.
        no_repeat_ngram: int scalar n, no n tokens in a row come twice in one text; 0 lets them.

    Returns:
        float (rows, vocabulary).

    Example:
        >>> restrict(ops.zeros((1, 4)), ops.array([[2, 0]]), 1, end_id=3, forbidden_ids=(0,), no_repeat_ngram=1)
        [[-inf, 0, -inf, 0]]

    Source: the n-gram rule is that of Paulus et al., "A Deep Reinforced Model", 2017.
    """
    vocabulary = logits.shape[-1]
    is_end = _one_of((end_id,), vocabulary)
    rules = []
    if forbidden_ids:
        rules.append(_one_of(forbidden_ids, vocabulary))
    if not _is_off(min_length):
        rules.append(ops.logical_and(is_end, index < min_length))
    if not _is_off(no_repeat_ngram):
        rules.append(repeats(tokens, index, no_repeat_ngram, vocabulary))
    if not rules:
        return logits
    ruled_out = ops.logical_or(functools.reduce(ops.logical_or, rules), ops.zeros(ops.shape(logits), "bool"))
    stuck = ops.all(ruled_out, axis=-1, keepdims=True)
    ruled_out = ops.logical_and(ruled_out, ops.logical_not(ops.logical_and(stuck, is_end)))
    return ops.where(ruled_out, RULED_OUT, logits)


def repeats(tokens, index, size, vocabulary):
    """Tokens that would complete an n-gram which the text already has.

    Args:
        tokens: int32 (rows, max_length), written before position `index`.
        index: int32 scalar.
        size: int scalar, the n of the n-gram; may be a tensor; with 0 nothing is a repeat.
        vocabulary: int.

    Returns:
        bool (rows, vocabulary).

    Example:
        >>> repeats(ops.array([[1, 2, 1, 0]]), 3, size=2, vocabulary=4)  # 1, 2, 1: not 2 again
        [[False, False, True, False]]
    """
    length = ops.shape(tokens)[1]
    lasts = ops.arange(length)  # where an n-gram may have ended

    def compare(back, again):
        before = ops.take(tokens, ops.maximum(lasts - back, 0), axis=1)
        recent = ops.take(tokens, ops.maximum(index - back, 0), axis=1)
        same = ops.logical_and(ops.equal(before, recent[:, None]), lasts >= back)
        return ops.logical_and(again, same)

    written = ops.logical_and(lasts < index, size > 0)
    written = ops.logical_and(written, ops.ones(ops.shape(tokens), "bool"))
    again = ops.fori_loop(1, ops.minimum(size, length), compare, written)
    completed = ops.equal(tokens[:, :, None], ops.arange(vocabulary, dtype=tokens.dtype))
    return ops.any(ops.logical_and(completed, again[:, :, None]), axis=1)


def _is_off(rule):
    return isinstance(rule, int) and rule == 0


def _one_of(ids, vocabulary):
    return ops.any(ops.equal(ops.arange(vocabulary)[:, None], ops.array(ids, "int32")), axis=-1)
