"""Attention that reads its context chunk by chunk and never holds all scores."""

import keras
from keras import ops

MASKED_SCORE = -1e9  # float32 only: scores are always computed in float32
CHUNK_SCORES = 2**19  # scores of an example that a chunk may have: 2 MB
SHORTEST_CHUNK = 128


def chunked_attention(query, memory, mask=None, causal=False, dropout=0.0, seed=None, chunk_length=None):
    """``softmax(Q K^T) V`` in memory that does not grow with query length times context length.

    Each chunk of the context adds to a softmax under way, which is rescaled whenever a larger score
    comes (Rabe and Staats, "Self-attention Does Not Need O(n^2) Memory", 2021). The gradient is its
    own: it computes each chunk's weights again from the rows' log-sums (Dao et al.,
    "FlashAttention", 2022). Scores, softmax and sums are float32 under every dtype.

    Args:
        query: float (batch, heads, query_length, head_dim), scaled.
        memory: what keys and values come from, of `vtkeras.layers.attention_memory`.
        mask: bool, broadcastable to (batch, heads, query_length, context_length), or None. A query
            position that may read nothing gets zeros.
        causal: bool, let query position i read context positions up to i only.
        dropout: float, rate applied to the attention weights.
        seed: int64 (2,), needed with `dropout`; forward and backward pass drop the same weights.
        chunk_length: int, the most context positions a chunk may have; None chooses by `CHUNK_SCORES`.

    Returns:
        (batch, heads, query_length, value_dim), in the query's dtype.

    Example:
        >>> query, key, value = (keras.random.normal((2, 4, 512, 16)) for _ in range(3))
        >>> chunked_attention(query / 4, KeysAndValues(key, value)).shape
        (2, 4, 512, 16)
    """
    heads, rows = query.shape[1], query.shape[2]
    if chunk_length is None:
        chunk_length = max(CHUNK_SCORES // (heads * rows), SHORTEST_CHUNK) if rows else SHORTEST_CHUNK
    chunks = Chunks(query, memory, chunk_length, mask, causal, dropout, seed)

    @ops.custom_gradient
    def attention(query, *tensors):
        output, log_sum = _forward(query, tensors, chunks)

        def gradient(upstream):
            return _backward(query, tensors, output, log_sum, upstream, chunks)

        return ops.cast(output, query.dtype), gradient

    return regroup(attention(regroup(query, memory.groups), *memory.parts, *memory.weights), heads)


def regroup(tensor, groups):
    """(batch, a, b, width) as (batch, groups, a * b / groups, width).

    Heads that read one key are rows of one matrix product: one group.
    """
    batch, heads, rows, width = ops.shape(tensor)
    if heads == groups:
        return tensor
    return ops.reshape(tensor, (batch, groups, heads * rows // groups, width))


class Chunks:
    """How the context is cut, and what hides and drops the scores of a chunk.

    The last chunk is as long as the others and begins early enough to be so; what it has in common
    with the one before is hidden in it.

    Args:
        query: float (batch, groups, rows, head_dim).
        memory: what is read, of `vtkeras.layers.attention_memory`.
        chunk_length: int, the most context positions of a chunk.
        mask, causal, dropout, seed: as in `chunked_attention`.
    """

    def __init__(self, query, memory, chunk_length, mask, causal, dropout, seed):
        self.batch, self.heads, self.rows, _ = ops.shape(query)
        self.memory = memory
        self.total = ops.shape(memory.parts[0])[-2]
        self.count = _ceil_divide(self.total, chunk_length)
        self.length = _ceil_divide(self.total, self.count)
        self.even = isinstance(self.total, int) and self.count * self.length == self.total
        self.mask = mask if mask is None else ops.logical_and(mask, ops.ones((self.total,), "bool"))
        self.causal = causal
        self.dropout = dropout
        self.seed = seed

    def loop(self, add_chunk, start):
        """What `add_chunk(index, *carried)` has made of `start` after the last chunk."""
        state = (ops.zeros((), "int32"), *start)
        return ops.while_loop(lambda index, *_: index < self.count, add_chunk, state)[1:]

    def load(self, tensors, index):
        """Chunk `index` of each of the memory's parts, their weights, and the chunk's key and value."""
        parts, weights = self.split(tensors)
        parts = [self._slice(part, index, -2) for part in parts]
        return parts, weights, *self.memory.load(parts, weights)

    def split(self, tensors):
        """(parts, weights) of the memory among `tensors`."""
        return tensors[: len(self.memory.parts)], tensors[len(self.memory.parts) :]

    def logits(self, query, key, index):
        """Float32 scores (batch, groups, rows, chunk) before softmax.

        Args:
            query: float (batch, groups, rows, head_dim), scaled.
            key: float (batch, groups, chunk, head_dim), of the chunk.
            index: int32 scalar, which chunk it is.

        Returns:
            float32 (batch, groups, rows, chunk), far below zero where a row may not read.
        """
        logits = ops.cast(ops.matmul(query, ops.swapaxes(key, -1, -2)), "float32")
        readable = self._readable(index)
        if readable is None:
            return logits
        hidden = ops.where(readable, 0.0, MASKED_SCORE)
        return regroup(regroup(logits, self.heads) + hidden, self.memory.groups)

    def kept(self, weights, index):
        """What dropout leaves of `weights` as factors, or 1."""
        if not self.dropout:
            return 1.0
        seed = self.seed + ops.cast(ops.stack([index, 0]), self.seed.dtype)
        return keras.random.dropout(ops.ones_like(weights), self.dropout, seed=DrawnSeed(seed))

    def add(self, whole, new, index):
        """`whole` (rows, total, width) plus `new` (..., length, width) at the chunk's positions.

        TensorFlow adds in place; where the last chunk overlaps the one before, `new` is 0.

        Args:
            whole: float (rows, total, width), over all positions of the context.
            new: float, as many rows over the positions of one chunk: (..., length, width).
            index: int32 scalar, which chunk it is.

        Returns:
            `whole` with the sum, of the same shape.
        """
        rows, _, width = ops.shape(whole)
        positions = self._start(index) + ops.arange(self.length)
        places = ops.stack(ops.meshgrid(ops.arange(rows), positions, indexing="ij"), axis=-1)
        new = ops.reshape(new, (rows, self.length, width))
        return ops.scatter_update(whole, places, new, reduction="add")

    def _start(self, index):
        return ops.minimum(index * self.length, self.total - self.length)

    def _slice(self, tensor, index, axis):
        start, shape = [0] * len(tensor.shape), list(ops.shape(tensor))
        start[axis], shape[axis] = self._start(index), self.length
        return ops.slice(tensor, start, shape)

    def _readable(self, index):
        positions = self._start(index) + ops.arange(self.length)
        rules = []
        if not self.even:
            rules.append(positions >= index * self.length)
        if self.causal:
            rules.append(ops.arange(self.rows)[:, None] >= positions)
        if self.mask is not None:
            rules.append(self._slice(self.mask, index, -1))
        if not rules:
            return None
        readable = rules[0]
        for rule in rules[1:]:
            readable = ops.logical_and(readable, rule)
        return readable


class DrawnSeed(keras.random.SeedGenerator):
    """A seed that was drawn already, so that a chunk's dropout can be computed again."""

    def __init__(self, seed):
        self.seed = seed

    def next(self, ordered=True):
        """The seed, the same each time."""
        return self.seed


def _forward(query, tensors, chunks):
    """Output and log-sum of each row's exponentials, float32 (batch, groups, rows, value_dim or 1)."""

    def add_chunk(index, top, total, output):
        _, _, key, value = chunks.load(tensors, index)
        logits = chunks.logits(query, key, index)
        new_top = ops.maximum(top, ops.max(logits, axis=-1, keepdims=True))
        powers = ops.exp(logits - new_top)
        shrink = ops.exp(top - new_top)
        total = total * shrink + ops.sum(powers, axis=-1, keepdims=True)
        dropped = ops.cast(powers * chunks.kept(powers, index), value.dtype)
        output = output * shrink + ops.cast(ops.matmul(dropped, value), "float32")
        return _after(output, index + 1), new_top, total, output

    shape = ops.shape(query)[:-1]
    start = [ops.full((*shape, 1), MASKED_SCORE), ops.zeros((*shape, 1))]
    start.append(ops.zeros((*shape, chunks.memory.value_dim)))
    top, total, output = chunks.loop(add_chunk, start)
    read = top > MASKED_SCORE / 2
    total = ops.maximum(total, 1.0)  # at least exp(top - top) in a row that reads anything
    return ops.where(read, output / total, 0.0), ops.where(read, top + ops.log(total), -MASKED_SCORE)


def _backward(query, tensors, output, log_sum, upstream, chunks):
    """Gradients of the query and of the memory's tensors."""
    slope = ops.sum(output * ops.cast(upstream, "float32"), axis=-1, keepdims=True)

    def add_chunk(index, query_grad, part_grads, weight_grads):
        parts, weights, key, value = chunks.load(tensors, index)
        powers = ops.exp(chunks.logits(query, key, index) - log_sum)
        kept = chunks.kept(powers, index)
        value_grad = ops.matmul(ops.swapaxes(ops.cast(powers * kept, value.dtype), -1, -2), upstream)
        power_grad = ops.cast(ops.matmul(upstream, ops.swapaxes(value, -1, -2)), "float32") * kept
        logit_grad = ops.cast(powers * (power_grad - slope), query.dtype)
        query_grad = query_grad + ops.cast(ops.matmul(logit_grad, key), "float32")
        key_grad = ops.matmul(ops.swapaxes(logit_grad, -1, -2), query)
        found = chunks.memory.unload(parts, weights, key_grad, value_grad)
        part_grads = [chunks.add(grad, new, index) for grad, new in zip(part_grads, found[0])]
        weight_grads = [grad + ops.cast(new, "float32") for grad, new in zip(weight_grads, found[1])]
        return _after(query_grad, index + 1), query_grad, part_grads, weight_grads

    parts, weights = chunks.split(tensors)
    start = (
        ops.zeros(ops.shape(query)),
        [ops.reshape(ops.zeros_like(part), (-1, chunks.total, part.shape[-1])) for part in parts],
        [ops.zeros(weight.shape) for weight in weights],
    )
    query_grad, part_grads, weight_grads = chunks.loop(add_chunk, start)
    return (
        ops.cast(query_grad, query.dtype),
        *(ops.reshape(grad, ops.shape(part)) for grad, part in zip(part_grads, parts)),
        *(ops.cast(grad, weight.dtype) for grad, weight in zip(weight_grads, weights)),
    )


def _after(value, index):
    """`index`, but known only once `value` is.

    TensorFlow runs up to ten iterations of a loop side by side where nothing holds them back, and
    each would keep its scores. No number is above infinity, which no graph optimiser knows.
    """
    return index + ops.cast(ops.ravel(value)[0] > float("inf"), "int32")


def _ceil_divide(number, by):
    return (number + by - 1) // by
