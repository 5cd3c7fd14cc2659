"""The caption decoder: causal self-attention, then a fusion block that reads the video."""

import keras
from keras import ops

from vtkeras.layers import CrossAttention

RARE = 5.0  # in logits: a probability 150 times smaller


@keras.saving.register_keras_serializable("vtkeras")
class DecoderBlock(keras.layers.Layer):
    """Causal self-attention followed by a fusion block.

    Args:
        fusion: a causal `Fusion`; its sizes are the block's.

    Call arguments:
        tokens: float (batch, length, dim).
        context: float (batch, context_length, dim).
        context_mask: bool (batch, context_length).

    Returns:
        (batch, length, dim), and with `return_scores` (batch, heads, length, context_length).
    """

    def __init__(self, fusion, **kwargs):
        super().__init__(**kwargs)
        self.fusion = fusion

    def build(self, tokens_shape, context_shape, context_mask_shape=None):
        options = {"dropout": self.fusion.dropout, "dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")
        self.attention = CrossAttention(self.fusion.dim, self.fusion.num_heads, name="self_attention", **options)
        self.drop = keras.layers.Dropout(self.fusion.dropout, dtype=self.dtype_policy)
        self.norm.build(tokens_shape)
        self.attention.build(tokens_shape, tokens_shape)
        if not self.fusion.built:
            self.fusion.build(tokens_shape, context_shape)

    def call(self, tokens, context, context_mask=None, return_scores=False, training=None):
        normed = self.norm(tokens)
        tokens = tokens + self.drop(
            self.attention(normed, normed, causal=True, training=training), training=training
        )
        return self.fusion(
            tokens, context, context_mask=context_mask, return_scores=return_scores, training=training
        )

    def look(self, tokens, context, context_mask=None):
        """As `call` outside training: output, and (self-attention scores, the fusion's scores)."""
        normed = self.norm(tokens)
        update, self_scores = self.attention(normed, normed, causal=True, return_scores=True)
        output, scores = self.fusion(tokens + update, context, context_mask=context_mask, return_scores=True)
        return output, (self_scores, scores)

    def step(self, token, index, keys, values, memory):
        """One position, with what the positions before left in the cache.

        Args:
            token: float (batch, 1, dim).
            index: int32 scalar, the position.
            keys, values: float (batch, heads, max_length, head_dim).
            memory: what `fusion.prepare` gave.

        Returns:
            output (batch, 1, dim), keys, values, scores (batch, heads, 1, context_length).
        """
        normed = self.norm(token)
        key, value = self.attention.project_context(normed)
        keys = ops.slice_update(keys, (0, 0, index, 0), key)
        values = ops.slice_update(values, (0, 0, index, 0), value)
        seen = (ops.arange(ops.shape(keys)[2]) <= index)[None, None, None]
        token = token + self.attention.attend(normed, keys, values, seen)
        output, scores = self.fusion.step(token, memory, return_scores=True)
        return output, keys, values, scores

    def compute_output_shape(self, tokens_shape, context_shape, context_mask_shape=None):
        return tokens_shape

    def get_config(self):
        return {**super().get_config(), "fusion": keras.saving.serialize_keras_object(self.fusion)}

    @classmethod
    def from_config(cls, config):
        config["fusion"] = keras.saving.deserialize_keras_object(config["fusion"])
        return cls(**config)


@keras.saving.register_keras_serializable("vtkeras")
class TextDecoder(keras.layers.Layer):
    """Predicts the next token of a text from the tokens before and a context.

    Args:
        vocabulary_size: int.
        max_length: int, the most tokens of a text.
        blocks: list of `DecoderBlock`.
        word_dropout: float, share of input tokens replaced by `unknown_id` in training, so that the
            decoder looks at the video instead of guessing from the words before (Bowman et al., 2016).
        unknown_id: int.
        rare: ints, tokens whose logits are lowered by `RARE`, such as pieces that spell characters: so that a
            decoder does not first have to learn to leave them alone.

    Call arguments:
        tokens: int32 (batch, length).
        context: float (batch, context_length, dim).
        context_mask: bool (batch, context_length).
        return_scores: bool.

    Returns:
        logits float32 (batch, length, vocabulary_size), and with `return_scores` a list with each
        block's scores (batch, heads, length, context_length).

    Raises:
        ValueError: if a block's fusion is not causal.

    Example:
        >>> blocks = [DecoderBlock(CrossAttentionFusion(dim=64, num_heads=4))]
        >>> decoder = TextDecoder(vocabulary_size=100, max_length=24, blocks=blocks)
        >>> decoder(ops.ones((2, 10), "int32"), keras.random.normal((2, 128, 64))).shape
        (2, 10, 100)

    Source: Vaswani et al., "Attention Is All You Need", 2017.
    """

    def __init__(self, vocabulary_size, max_length, blocks, word_dropout=0.0, unknown_id=1, rare=(), **kwargs):
        super().__init__(**kwargs)
        for block in blocks:
            if not block.fusion.causal:
                raise ValueError(f"{type(block.fusion).__name__} is not causal and cannot decode.")
        self.vocabulary_size = vocabulary_size
        self.max_length = max_length
        self.blocks = blocks
        self.word_dropout = word_dropout
        self.unknown_id = unknown_id
        self.rare = tuple(rare)
        self.offset = [-RARE * (token in self.rare) for token in range(vocabulary_size)] if self.rare else 0.0
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, tokens_shape, context_shape, context_mask_shape=None):
        dim = self.blocks[0].fusion.dim
        self.embedding = keras.layers.Embedding(
            self.vocabulary_size,
            dim,
            embeddings_initializer=keras.initializers.RandomNormal(dim**-0.5),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.embedding.build(tokens_shape)
        self.position = self.add_weight(
            shape=(self.max_length, dim), initializer=keras.initializers.RandomNormal(0.02), name="position"
        )
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")
        self.norm.build((*tokens_shape, dim))
        for block in self.blocks:
            if not block.built:  # a block read from a file is
                block.build((*tokens_shape, dim), context_shape)

    def call(self, tokens, context, context_mask=None, return_scores=False, training=None):
        if training and self.word_dropout:
            drawn = keras.random.uniform(ops.shape(tokens), seed=self.seed_generator)
            tokens = ops.where(drawn < self.word_dropout, self.unknown_id, tokens)
        sequence = self.embedding(tokens) + self._positions(0, ops.shape(tokens)[1])
        all_scores = []
        for block in self.blocks:
            sequence = block(
                sequence, context, context_mask=context_mask, return_scores=return_scores, training=training
            )
            if return_scores:
                sequence, scores = sequence
                all_scores.append(scores)
        logits = self._logits(sequence)
        return (logits, all_scores) if return_scores else logits

    def look(self, tokens, context, context_mask=None):
        """Logits as `call` gives them outside training, and what every block looked at.

        Returns:
            logits, and a list with each block's self-attention scores (batch, heads, length, length) and
            its scores over the context (batch, heads, length, context_length).
        """
        sequence = self.embedding(tokens) + self._positions(0, ops.shape(tokens)[1])
        looks = []
        for block in self.blocks:
            sequence, scores = block.look(sequence, context, context_mask)
            looks.append(scores)
        return self._logits(sequence), looks

    def start(self, context, context_mask, max_length):
        """The cache that `step` carries: empty keys and values, and each block's reading of the context.

        Returns:
            dict of `keys` and `values` (lists with (batch, heads, max_length, head_dim) a block) and
            `memory` (a list with what each block's fusion prepared).
        """
        fusion = self.blocks[0].fusion
        shape = (ops.shape(context)[0], fusion.num_heads, max_length, fusion.dim // fusion.num_heads)
        empty = ops.zeros(shape, self.compute_dtype)
        return {
            "keys": [empty for _ in self.blocks],
            "values": [empty for _ in self.blocks],
            "memory": [block.fusion.prepare(context, context_mask) for block in self.blocks],
        }

    def step(self, tokens, index, cache):
        """Logits for the token after position `index`.

        Args:
            tokens: int32 (batch,), the tokens at position `index`.
            index: int32 scalar.
            cache: as `start` or the step before gave it.

        Returns:
            logits (batch, vocabulary_size), the cache, scores (batch, blocks, heads, context_length).
        """
        sequence = self.embedding(tokens[:, None]) + self._positions(index, 1)
        keys, values, all_scores = [], [], []
        for number, block in enumerate(self.blocks):
            sequence, block_keys, block_values, scores = block.step(
                sequence, index, cache["keys"][number], cache["values"][number], cache["memory"][number]
            )
            keys.append(block_keys)
            values.append(block_values)
            all_scores.append(scores[:, :, 0])
        cache = {"keys": keys, "values": values, "memory": cache["memory"]}
        return self._next_logits(sequence[:, 0]), cache, ops.stack(all_scores, axis=1)

    def _positions(self, start, length):
        rows = ops.slice(self.position, (start, 0), (length, self.position.shape[1]))
        return ops.cast(rows, self.compute_dtype)

    def _logits(self, sequence):
        sequence = ops.cast(self.norm(sequence), "float32")
        logits = ops.matmul(sequence, ops.transpose(ops.cast(self.embedding.embeddings, "float32")))
        return logits + ops.convert_to_tensor(self.offset, "float32")

    def _next_logits(self, sequence):
        """As `_logits` for one position a row (batch, dim), without transposing all embeddings each time."""
        sequence = ops.cast(self.norm(sequence), "float32")
        embeddings = ops.cast(self.embedding.embeddings, "float32")
        logits = ops.transpose(ops.matmul(embeddings, ops.transpose(sequence)))
        return logits + ops.convert_to_tensor(self.offset, "float32")

    def compute_output_spec(self, tokens, context, context_mask=None, return_scores=False, training=None):
        logits = keras.KerasTensor((*tokens.shape, self.vocabulary_size), "float32")
        if not return_scores:
            return logits
        shape = (tokens.shape[0], self.blocks[0].fusion.num_heads, tokens.shape[1], context.shape[1])
        return logits, [keras.KerasTensor(shape, "float32") for _ in self.blocks]

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "max_length": self.max_length,
            "blocks": [keras.saving.serialize_keras_object(block) for block in self.blocks],
            "word_dropout": self.word_dropout,
            "unknown_id": self.unknown_id,
            "rare": self.rare,
        }

    @classmethod
    def from_config(cls, config):
        config["blocks"] = [keras.saving.deserialize_keras_object(block) for block in config["blocks"]]
        return cls(**config)
