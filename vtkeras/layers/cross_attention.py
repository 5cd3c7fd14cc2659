"""Multi-head cross-attention: a query sequence reads a context sequence."""

import math

import keras
from keras import ops

from vtkeras.layers.attention_memory import KeysAndValues, ProjectedContext, SharedContext
from vtkeras.layers.chunked_attention import CHUNK_SCORES, MASKED_SCORE, chunked_attention, regroup

SHORTEST_FOLD = 64  # context positions; a shorter context is projected before folding has begun


@keras.saving.register_keras_serializable("vtkeras")
class CrossAttention(keras.layers.Layer):
    """Multi-head attention of a query over a context of any width and length.

    Computes, for each head, ``softmax(Q K^T / sqrt(head_dim)) V`` with separate projections for
    query, key and value (Vaswani et al., 2017). Scores and softmax are float32 under every dtype
    policy. A masked context position gets exactly zero attention; if every position is masked the
    heads give zeros, never NaN.

    Scores are built where they are asked for, or where an example has no more than `CHUNK_SCORES`
    of them (heads * query_length * context_length), which is faster. Elsewhere, and where a length is
    not known when the graph is made, the context is read chunk by chunk (`chunked_attention`).

    Where the query is short, the context is not projected at all: ``(Q Wk^T) X^T`` are the scores and
    ``(A X) Wv`` the heads, with fewer multiplications (`folding_pays`) and the same result.

    Args:
        dim: int, width of all heads together.
        num_heads: int, divides `dim`.
        output_dim: int, width of the output; None keeps the query's.
        dropout: float, rate applied to the attention weights.
        gated: bool, multiply the output by ``tanh(gate)`` with a learned scalar gate that starts at
            0, so that a new layer leaves its host unchanged (Alayrac et al., "Flamingo", 2022).
        blind_channels: int, the last channels of the context that keys do not read: what they hold is
            taken along from where the other channels lead.

    Call arguments:
        query: float (batch, query_length, query_dim).
        context: float (batch, context_length, context_dim).
        context_mask: bool (batch, context_length), True where the context may be read.
        causal: bool, let query position i read context positions up to i only.
        return_scores: bool, also return the attention weights, before dropout.

    Returns:
        (batch, query_length, output_dim), and with `return_scores` float32 weights
        (batch, heads, query_length, context_length).

    Raises:
        ValueError: if `num_heads` does not divide `dim`.

    Example:
        >>> layer = CrossAttention(dim=64, num_heads=4)
        >>> words, patches = keras.random.normal((2, 5, 32)), keras.random.normal((2, 128, 48))
        >>> output, scores = layer(words, patches, return_scores=True)
        >>> output.shape, scores.shape
        ((2, 5, 32), (2, 4, 5, 128))

    Source: Vaswani et al., "Attention Is All You Need", 2017.
    """

    def __init__(self, dim, num_heads, output_dim=None, dropout=0.0, gated=False, blind_channels=0, **kwargs):
        super().__init__(**kwargs)
        if dim % num_heads:
            raise ValueError(f"dim {dim} is not a multiple of num_heads {num_heads}.")
        self.dim = dim
        self.num_heads = num_heads
        self.output_dim = output_dim
        self.dropout = dropout
        self.gated = gated
        self.blind_channels = blind_channels
        self.supports_masking = True

    def build(self, query_shape, context_shape):
        self.query_projection = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="query")
        blind = Blind(self.blind_channels) if self.blind_channels else None
        self.key_projection = keras.layers.Dense(
            self.dim, kernel_constraint=blind, dtype=self.dtype_policy, name="key"
        )
        self.value_projection = keras.layers.Dense(self.dim, dtype=self.dtype_policy, name="value")
        self.output_projection = keras.layers.Dense(
            self.output_dim or query_shape[-1], dtype=self.dtype_policy, name="output"
        )
        self.weight_dropout = keras.layers.Dropout(self.dropout, dtype="float32")
        self.query_projection.build(query_shape)
        self.key_projection.build(context_shape)
        if blind:
            self.key_projection.kernel.assign(blind(self.key_projection.kernel))
        self.value_projection.build(context_shape)
        self.output_projection.build((*query_shape[:-1], self.dim))
        if self.gated:
            self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")

    def call(self, query, context, context_mask=None, causal=False, return_scores=False, training=None):
        context = ops.cast(context, self.compute_dtype)
        mask = None if context_mask is None else ops.convert_to_tensor(context_mask)[:, None, None, :]
        whole = return_scores or few_scores(self.num_heads, query.shape[1], context.shape[1])
        how = {"mask": mask, "causal": causal, "training": training}
        heads = self._query_heads(query)
        if self._folds(query, context):
            output, scores = self._read_folded(heads, context, whole, **how)
        elif whole or not self._has_kernels():
            key, value = self.project_context(context)
            output, scores = self._read_projected(heads, key, value, whole, **how)
        else:
            kernel, bias = self._joined_kernel()
            memory = ProjectedContext(context, kernel, bias, self.num_heads)
            output, scores = self._read_chunks(heads, memory, **how), None
        return self._finish(output, scores, return_scores)

    def project_context(self, context):
        """Keys and values of a context, each (batch, heads, context_length, head_dim).

        Decoding projects a context once and reads it at every step through `attend`.
        """
        return self._split(self.key_projection(context)), self._split(self.value_projection(context))

    def attend(self, query, key, value, mask=None, return_scores=False, training=None):
        """Attention of `query` over projected keys and values.

        Args:
            query: float (batch, query_length, query_dim).
            key, value: as `project_context` gives them.
            mask: bool, broadcastable to (batch, heads, query_length, context_length).

        Returns:
            As `call`.
        """
        whole = return_scores or few_scores(self.num_heads, query.shape[1], key.shape[2])
        heads = self._query_heads(query)
        output, scores = self._read_projected(heads, key, value, whole, mask=mask, training=training)
        return self._finish(output, scores, return_scores)

    def _query_heads(self, query):
        """Scaled here and not after the product, so that float16 holds the scores."""
        return self._split(self.query_projection(query)) / math.sqrt(self.dim // self.num_heads)

    def _read_projected(self, heads, key, value, whole, **how):
        """What `heads` (batch, heads, query_length, width) read, and the scores if `whole`."""
        if whole:
            return self._read_whole(heads, key, value, **how)[:2]
        return self._read_chunks(heads, KeysAndValues(key, value), **how), None

    def _read_folded(self, heads, context, whole, **how):
        """As `_read_projected` over the projected context, without projecting it."""
        by_head = (context.shape[-1], self.num_heads, self.dim // self.num_heads)
        (key_kernel, value_kernel), (key_bias, value_bias) = self._kernels()
        heads = ops.matmul(heads, ops.transpose(ops.reshape(key_kernel, by_head), (1, 2, 0)))
        if whole:
            read, scores, weights = self._read_whole(heads, context[:, None], context[:, None], **how)
            sums_to_one = how["mask"] is None and not how["causal"] and not (self.dropout and how["training"])
            covered = 1.0 if sums_to_one else ops.sum(weights, axis=-1, keepdims=True)
        else:
            read, scores = self._read_chunks(heads, SharedContext(context), **how), None
            read, covered = read[..., :-1], read[..., -1:]
        # The keys' bias adds the same to all scores of a row, which softmax takes away: its gradient is 0.
        bias = ops.reshape(value_bias + 0 * key_bias, (self.num_heads, 1, by_head[-1]))
        output = ops.matmul(read, ops.transpose(ops.reshape(value_kernel, by_head), (1, 0, 2)))
        return output + covered * bias, scores

    def _read_whole(self, heads, key, value, mask, training, causal=False):
        """What `heads` read, the scores, and what dropout made of them, all scores at once."""
        groups = key.shape[1]
        logits = ops.matmul(regroup(heads, groups), ops.swapaxes(key, -1, -2))
        logits = ops.cast(regroup(logits, self.num_heads), "float32")
        if causal:
            earlier = causal_mask(*ops.shape(logits)[2:])
            mask = earlier if mask is None else ops.logical_and(mask, earlier)
        scores = masked_softmax(logits, mask)
        weights = ops.cast(self.weight_dropout(scores, training=training), value.dtype)
        return regroup(ops.matmul(regroup(weights, groups), value), self.num_heads), scores, weights

    def _read_chunks(self, heads, memory, mask, training, causal=False):
        rate = self.dropout if training else 0.0
        seed = self.weight_dropout.seed_generator.next() if rate else None
        return chunked_attention(heads, memory, mask, causal, rate, seed)

    def _finish(self, heads, scores, return_scores):
        output = self.output_projection(self._merge(heads))
        if self.gated:
            output = output * ops.cast(ops.tanh(self.gate), output.dtype)
        return (output, scores) if return_scores else output

    def _folds(self, query, context):
        lengths = query.shape[1], context.shape[1]
        return self._has_kernels() and folding_pays(*lengths, context.shape[-1], self.dim, self.num_heads)

    def _has_kernels(self):
        """Whether keys and values are plain matrix products; a quantised layer's kernel is not one."""
        parts = self.key_projection, self.value_projection
        return all(type(part) is keras.layers.Dense and part.quantization_mode is None for part in parts)

    def _kernels(self):
        parts = self.key_projection, self.value_projection
        return (
            [ops.cast(part.kernel, self.compute_dtype) for part in parts],
            [ops.cast(part.bias, self.compute_dtype) for part in parts],
        )

    def _joined_kernel(self):
        kernels, biases = self._kernels()
        return ops.concatenate(kernels, axis=1), ops.concatenate(biases)

    def _split(self, sequence):
        batch, length = ops.shape(sequence)[:2]
        heads = ops.reshape(sequence, (batch, length, self.num_heads, self.dim // self.num_heads))
        return ops.transpose(heads, (0, 2, 1, 3))

    def _merge(self, heads):
        batch, _, length, _ = ops.shape(heads)
        return ops.reshape(ops.transpose(heads, (0, 2, 1, 3)), (batch, length, self.dim))

    def compute_output_shape(self, query_shape, context_shape):
        return (*query_shape[:-1], self.output_dim or query_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_heads": self.num_heads,
            "output_dim": self.output_dim,
            "dropout": self.dropout,
            "gated": self.gated,
            "blind_channels": self.blind_channels,
        }


@keras.saving.register_keras_serializable("vtkeras")
class Blind(keras.constraints.Constraint):
    """Keeps a kernel from reading the last `channels` of its inputs, by zeros in those rows.

    Example:
        >>> Blind(1)(ops.ones((3, 2)))
        [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, channels):
        self.channels = channels

    def __call__(self, kernel):
        rows = ops.arange(kernel.shape[0]) < kernel.shape[0] - self.channels
        return kernel * ops.cast(rows, kernel.dtype)[:, None]

    def get_config(self):
        return {"channels": self.channels}


def causal_mask(query_length, context_length):
    """Bool (query_length, context_length): True where the context is not later than the query."""
    return ops.arange(query_length)[:, None] >= ops.arange(context_length)[None, :]


def few_scores(num_heads, query_length, context_length):
    """Whether an example's scores are few enough to hold; never of a length that is not known.

    Args:
        num_heads: int.
        query_length, context_length: int, or None where it is not known yet.

    Example:
        >>> few_scores(8, 32, 784), few_scores(8, 512, 784), few_scores(8, 32, None)
        (True, False, False)
    """
    if query_length is None or context_length is None:
        return False
    return num_heads * query_length * context_length <= CHUNK_SCORES


def folding_pays(query_length, context_length, context_dim, dim, num_heads):
    """Whether attention takes fewer multiplications with the projections folded into the query.

    Projected, each context position costs ``dim * (context_dim + query_length)`` for its key and its
    score; folded, ``num_heads * query_length * context_dim`` for its score alone, after the query has
    been folded once. Values cost the same again.

    Args:
        query_length, context_length: int, None where the graph does not know it.
        context_dim: int, width of the context.
        dim: int, width of all heads together.
        num_heads: int.

    Example:
        >>> folding_pays(32, 784, 256, 256, 8), folding_pays(512, 784, 256, 256, 8)
        (True, False)
    """
    if query_length is None or (context_length or SHORTEST_FOLD) < SHORTEST_FOLD:
        return False
    fold = query_length * dim * context_dim / context_length if context_length else 0
    return num_heads * query_length * context_dim + fold < dim * (context_dim + query_length)


def masked_softmax(logits, mask=None):
    """Softmax over the last axis with exact zeros where `mask` is False, all zeros if it is False everywhere.

    Args:
        logits: float32 (..., length).
        mask: bool, broadcastable to `logits`, or None.

    Returns:
        float32 (..., length), rows that sum to 1, or 0 where nothing may be read.
    """
    if mask is None:
        return ops.softmax(logits, axis=-1)
    scores = ops.softmax(ops.where(mask, logits, MASKED_SCORE), axis=-1)
    return ops.where(mask, scores, 0.0)
