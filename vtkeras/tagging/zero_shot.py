"""Texts that no classifier was trained on, by way of the names that it knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vtkeras.pretrained.sentences import Encode, to_unit_length

TOP = 10  # names that count, as in the paper


class ConceptSpace:
    """Places frames among sentences: the mean of their likeliest names' embeddings, weighted by probability.

    The mean of all names is taken off every embedding first, as whatever has a common part is near to everything:
    with it "dog" was nearly as near to a flower (0.49) as "flower" was (0.54), without it 0.09 and 0.36.

    Args:
        names: of the classes.
        encode: a sentence encoder, texts to unit vectors (texts, dim).

    Example:
        >>> space = ConceptSpace(class_names(), universal_sentence_encoder())
        >>> space.similarities(tagged.probabilities, ["a dog", "ein Auto"]).shape
        (16, 2)

    Source: Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ConSE), 2013;
    Mu and Viswanath, "All-but-the-Top", 2018.
    """

    def __init__(self, names: Sequence[str], encode: Encode):
        vectors = encode(names)
        self.encode = encode
        self.mean = vectors.mean(axis=0)
        self.vectors = to_unit_length(vectors - self.mean)

    def embed(self, probabilities: np.ndarray) -> np.ndarray:
        """Unit vectors float32 (frames, dim) of frames whose classes have these probabilities (frames, classes)."""
        top = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
        weights = np.take_along_axis(probabilities, top, axis=1)
        return to_unit_length((weights[..., None] * self.vectors[top]).sum(axis=1))

    def similarities(self, probabilities: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """How near each frame is to each text, cosines (frames, texts): about 0 for what has nothing to do with it."""
        return self.embed(probabilities) @ to_unit_length(self.encode(texts) - self.mean).T
