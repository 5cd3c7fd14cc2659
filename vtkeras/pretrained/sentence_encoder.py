"""A frozen sentence encoder as a layer, with its own word pieces, so that a model can keep and export it."""

from __future__ import annotations

import functools

import keras
import keras_nlp
from keras import ops

from vtkeras.pretrained.packages import checked_files

MOST_WORD_PIECES = 256  # of a sentence, that MiniLM was trained to read
START, END, PAD_ID = "[CLS]", "[SEP]", 0


@keras.saving.register_keras_serializable("vtkeras")
class SentenceEncoder(keras.layers.Layer):
    """Unit vectors of sentences: the mean of what a BERT says of their word pieces.

    Args:
        backbone: `keras_nlp.models.BertBackbone`.
        pieces: its word pieces, in the order of their ids, the first of which pads.

    Call arguments:
        tokens: int32 (batch, length) from `tokenize`, 0 where padded.

    Returns:
        float (batch, dim), rows of length 1.

    Example:
        >>> encoder = load_minilm()
        >>> encoder(encoder.tokenize(["a dog", "a car"])).shape
        (2, 384)

    Source: Reimers and Gurevych, "Sentence-BERT", 2019.
    """

    def __init__(self, backbone, pieces, **kwargs):
        super().__init__(**{**kwargs, "trainable": False})
        self.backbone = backbone
        self.pieces = tuple(pieces)
        self.built = True

    @property
    def dim(self):
        """Width of the vectors."""
        return self.backbone.hidden_dim

    def tokenize(self, texts):
        """int32 (batch, length) of strings (batch,), as long as the longest, `MOST_WORD_PIECES` at most."""
        tokenizer, packer = _tokenizer(self.pieces)
        tokens = packer(tokenizer(texts))
        longest = ops.max(ops.sum(ops.cast(ops.not_equal(tokens, PAD_ID), "int32"), axis=1))
        return tokens[:, :longest]

    def call(self, tokens):
        mask = ops.not_equal(tokens, PAD_ID)
        inputs = {"token_ids": tokens, "padding_mask": mask, "segment_ids": ops.zeros_like(tokens)}
        sequence = self.backbone(inputs)["sequence_output"]
        weights = ops.cast(mask, sequence.dtype)[..., None]
        return ops.normalize(ops.sum(sequence * weights, axis=1) / ops.sum(weights, axis=1), axis=-1)

    def get_config(self):
        backbone = keras.saving.serialize_keras_object(self.backbone)
        return {**super().get_config(), "backbone": backbone, "pieces": list(self.pieces)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "backbone": keras.saving.deserialize_keras_object(config["backbone"])})


@functools.lru_cache(maxsize=2)
def _tokenizer(pieces):
    """Outside of the layer, whose file would hold the pieces once more, and of the graph that first asks for it."""
    import tensorflow as tf  # not at the top: what needs no texts runs without it

    ends = (pieces.index(START), pieces.index(END), PAD_ID)
    with tf.init_scope():
        tokenizer = keras_nlp.models.BertTokenizer(list(pieces), lowercase=True, strip_accents=True)
        return tokenizer, keras_nlp.layers.StartEndPacker(MOST_WORD_PIECES, *ends)


def load_minilm() -> SentenceEncoder:
    """all-MiniLM-L6-v2, English, 384 dimensions.

    Raises:
        UserError: if its package is missing or another.

    Source: Wang et al., "MiniLM", 2020.
    """
    weights, _, vocabulary = checked_files("minilm")
    backbone = keras_nlp.models.BertBackbone.from_preset(str(weights.parent), dtype="float32")
    pieces = vocabulary.read_text(encoding="utf-8").splitlines()
    return SentenceEncoder(backbone, pieces, dtype="float32", name="minilm")
