"""Text encoders: from token ids to a text sequence."""

import keras
import keras_nlp
from keras import ops

from vtkeras import keys
from vtkeras.errors import UserError, first_line
from vtkeras.layers import MaskedMean


def text_spec(tokens, dim, dtype):
    """What the encoder contract gives of tokens (batch, length), as `keras.KerasTensor`s of width `dim`."""
    batch, length = tokens.shape
    return {
        keys.SEQUENCE: keras.KerasTensor((batch, length, dim), dtype),
        keys.MASK: keras.KerasTensor((batch, length), "bool"),
        keys.POOLED: keras.KerasTensor((batch, dim), dtype),
    }


class _TextEncoder(keras.layers.Layer):
    """Embeds tokens, lets `mix` relate them; gives the encoder contract.

    Args:
        vocabulary_size: int.
        max_length: int, the most tokens of a text.
        dim: int, width of the text sequence.
        num_layers: int.
        num_heads: int, attention heads.
        dropout: float.

    Call arguments:
        tokens: int32 (batch, length), 0 where padded.

    Returns:
        dict of `sequence` (batch, length, dim), `mask` (batch, length) and `pooled` (batch, dim).
    """

    def __init__(
        self, vocabulary_size, max_length, dim, num_layers=1, num_heads=4, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.max_length = max_length
        self.dim = dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.pool = MaskedMean(dtype=self.dtype_policy, name="pool")

    def call(self, tokens, training=None):
        mask = ops.not_equal(tokens, 0)
        sequence = self.mix(tokens, mask, training)
        return {keys.SEQUENCE: sequence, keys.MASK: mask, keys.POOLED: self.pool(sequence, mask)}

    def compute_output_spec(self, tokens, training=None):
        return text_spec(tokens, self.dim, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "max_length": self.max_length,
            "dim": self.dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
        }


@keras.saving.register_keras_serializable("vtkeras")
class TextTransformer(_TextEncoder):
    """Token and learned position embeddings, then keras-nlp Transformer encoder layers.

    Example:
        >>> TextTransformer(100, 16, dim=64)(ops.ones((2, 10), "int32"))["sequence"].shape
        (2, 10, 64)

    Source: Vaswani et al., "Attention Is All You Need", 2017.
    """

    def build(self, tokens_shape):
        self.embedding = keras_nlp.layers.TokenAndPositionEmbedding(
            self.vocabulary_size, self.max_length, self.dim, dtype=self.dtype_policy, name="embedding"
        )
        self.embedding.build(tokens_shape)
        self.blocks = [
            keras_nlp.layers.TransformerEncoder(
                intermediate_dim=2 * self.dim,
                num_heads=self.num_heads,
                dropout=self.dropout,
                activation="gelu",
                normalize_first=True,
                dtype=self.dtype_policy,
                name=f"block_{index}",
            )
            for index in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((*tokens_shape, self.dim))
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="last_norm")
        self.last_norm.build((*tokens_shape, self.dim))

    def mix(self, tokens, mask, training):
        """Embeds token ids int32 (batch, length) and relates them by self-attention."""
        sequence = self.embedding(tokens)
        for block in self.blocks:
            sequence = block(sequence, padding_mask=mask, training=training)
        return self.last_norm(sequence)


@keras.saving.register_keras_serializable("vtkeras")
class TextLSTM(_TextEncoder):
    """Token embeddings, then bidirectional LSTMs.

    Example:
        >>> TextLSTM(100, 16, dim=64)(ops.ones((2, 10), "int32"))["pooled"].shape
        (2, 64)
    """

    def build(self, tokens_shape):
        self.embedding = keras.layers.Embedding(
            self.vocabulary_size, self.dim, dtype=self.dtype_policy, name="embedding"
        )
        self.embedding.build(tokens_shape)
        self.blocks = [
            keras.layers.Bidirectional(
                keras.layers.LSTM(self.dim // 2, return_sequences=True, dtype=self.dtype_policy),
                dtype=self.dtype_policy,
                name=f"block_{index}",
            )
            for index in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((*tokens_shape, self.dim))
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def mix(self, tokens, mask, training):
        """Embeds token ids int32 (batch, length) and reads them in both directions."""
        sequence = self.embedding(tokens)
        for block in self.blocks:
            sequence = self.drop(block(sequence, mask=mask, training=training), training=training)
        return sequence


@keras.saving.register_keras_serializable("vtkeras")
class TextBackbone(keras.layers.Layer):
    """A pretrained keras-nlp text backbone, projected to our width.

    Args:
        backbone: keras-nlp backbone taking `token_ids` and `padding_mask` (and `segment_ids`).
        dim: int, width of the text sequence.

    Call arguments and returns as for the other text encoders.
    """

    def __init__(self, backbone, dim, **kwargs):
        super().__init__(**kwargs)
        self.backbone = backbone
        self.dim = dim
        self.project = keras.layers.Dense(dim, dtype=self.dtype_policy, name="project")
        self.pool = MaskedMean(dtype=self.dtype_policy, name="pool")

    @property
    def vocabulary_size(self):
        """int, tokens that the backbone knows."""
        return self.backbone.vocabulary_size

    def build(self, tokens_shape):
        self.project.build((*tokens_shape, self.backbone.hidden_dim))

    def call(self, tokens, training=None):
        mask = ops.not_equal(tokens, 0)
        inputs = {"token_ids": tokens, "padding_mask": ops.cast(mask, "int32")}
        if "segment_ids" in self.backbone.input:
            inputs["segment_ids"] = ops.zeros_like(tokens)
        outputs = self.backbone(inputs, training=training)
        sequence = self.project(outputs["sequence_output"] if isinstance(outputs, dict) else outputs)
        return {keys.SEQUENCE: sequence, keys.MASK: mask, keys.POOLED: self.pool(sequence, mask)}

    compute_output_spec = _TextEncoder.compute_output_spec

    def get_config(self):
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "dim": self.dim,
        }

    @classmethod
    def from_config(cls, config):
        config["backbone"] = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**config)


def text_preset(dim, preset=None, name="text_encoder", **sizes):
    """A text encoder around a keras-nlp backbone preset, which brings its own sizes.

    Args:
        dim: int, width of the text sequence.
        preset: str, a preset's name or a local folder.
        name: str, of the layer.
        sizes: of other encoders; not used.

    Returns:
        a `TextBackbone`.

    Raises:
        UserError: if the preset is missing or cannot be loaded.
    """
    if not preset:
        raise UserError("text_encoder `preset` needs model.text_preset: a preset name or a local folder.")
    try:
        backbone = keras_nlp.models.Backbone.from_preset(preset)
    except Exception as error:
        reason = first_line(error)
        raise UserError(
            f"Text preset '{preset}' cannot be loaded: a name takes a network, a local folder does not ({reason})."
        ) from None
    return TextBackbone(backbone, dim, name=name)


TEXT_ENCODERS = {"transformer": TextTransformer, "lstm": TextLSTM, "preset": text_preset}
