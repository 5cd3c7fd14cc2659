"""Sampling with temperature, top-k and top-p over a step callable; runs in the graph."""

import keras
from keras import ops

from vtkeras.generation.logits import RULED_OUT
from vtkeras.generation.loop import write_texts

LEAST = 1e-6  # stands for 0 where 0 would divide, or keep no token


def sample(
    step, state, start_tokens, end_id, max_length, temperature=1.0, top_k=0, top_p=1.0, seed=0, **rules
):
    """Draws every token by its probability until every text has ended.

    The same seed draws the same texts. Every option may be a tensor, so that an exported endpoint can
    take them as arguments.

    Args:
        step, state, start_tokens, end_id, max_length: as in `greedy`.
        temperature: float scalar; logits are divided by it. Towards 0 the likeliest token is taken.
        top_k: int scalar, draw among the k likeliest tokens; 0 for all.
        top_p: float scalar, then among the fewest likeliest tokens whose probabilities sum to it.
        seed: int32 scalar.
        rules: as in `greedy`.

    Returns:
        As `greedy`; probabilities are those of the model, before temperature, top-k and top-p.

    Example:
        >>> sample(step, state, starts, end_id=3, max_length=20, top_p=0.9, seed=7)["tokens"]

    Source: Fan et al., "Hierarchical Neural Story Generation", 2018 (top-k); Holtzman et al.,
    "The Curious Case of Neural Text Degeneration", 2020 (top-p).
    """

    def draw(logits, index):
        ranked, order = ops.top_k(logits, _candidates(top_k, logits.shape[-1]))
        ranked = keep_nucleus((ranked - ranked[:, :1]) / ops.maximum(temperature, LEAST), top_p)
        rank = keras.random.categorical(ranked, 1, dtype="int32", seed=StepSeed(seed, index))
        return ops.take_along_axis(order, rank, axis=-1)[:, 0]

    return write_texts(step, state, start_tokens, end_id, max_length, draw, **rules)


def keep_nucleus(logits, top_p):
    """Rules out all but the fewest tokens whose probabilities sum to `top_p`.

    Args:
        logits: float32 (rows, tokens), the greatest first.
        top_p: float scalar; from 1 on, every token stays.

    Example:
        >>> keep_nucleus(ops.log([[0.5, 0.3, 0.2]]), 0.6)  # 0.5 alone is not enough, 0.5 + 0.3 is
        [[-0.69, -1.2, -inf]]
    """
    probabilities = ops.softmax(logits, axis=-1)
    before = ops.cumsum(probabilities, axis=-1) - probabilities
    top_p = ops.maximum(ops.cast(top_p, "float32"), LEAST)
    kept = ops.logical_or(before < top_p, top_p >= 1.0)  # the sum may round to just above 1
    return ops.where(kept, logits, RULED_OUT)


def _candidates(top_k, vocabulary):
    """How many of the likeliest tokens stay."""
    if isinstance(top_k, int):  # a plain number stays one, as a compiled graph needs it
        return min(top_k or vocabulary, vocabulary)
    return ops.where(top_k > 0, ops.minimum(top_k, vocabulary), vocabulary)


class StepSeed(keras.random.SeedGenerator):
    """A seed without state, from a scalar that may be a tensor and the position in the text."""

    def __init__(self, seed, index):  # a SeedGenerator's own would make a variable
        self.pair = ops.stack([ops.cast(seed, "int32"), ops.cast(index, "int32")])

    def next(self, ordered=True):
        """The pair of seed and position, int32 (2,)."""
        return self.pair
