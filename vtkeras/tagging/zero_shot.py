"""Texts that no classifier was trained on, by way of the names that it knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from vtkeras.errors import UserError, lookup
from vtkeras.pretrained.packages import PACKAGES
from vtkeras.pretrained.sentences import SENTENCE_ENCODERS, Encode, to_unit_length
from vtkeras.run_files import cache_folder
from vtkeras.whole_files import write_arrays

TOP = 10  # names that count, as in the paper


class ConceptSpace:
    """Places frames among sentences: the mean of their likeliest names' embeddings, weighted by probability.

    The mean of all names is taken off every embedding first, as whatever has a common part is near to everything:
    with it "dog" was nearly as near to a flower (0.49) as "flower" was (0.54), without it 0.09 and 0.36.

    Args:
        names: of the classes.
        encode: a sentence encoder, texts to unit vectors (texts, dim).
        stored: file for the names' vectors, so that they are computed once; None computes them.

    Example:
        >>> space = concept_space(class_names(), "use")
        >>> space.similarities(tagged.probabilities, ["a dog", "ein Auto"]).shape
        (16, 2)

    Source: Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ConSE), 2013;
    Mu and Viswanath, "All-but-the-Top", 2018.
    """

    def __init__(self, names: Sequence[str], encode: Encode, stored: Path | None = None):
        vectors = _stored(names, encode, stored) if stored else encode(names)
        self.encode = encode
        self.mean = vectors.mean(axis=0)
        self.vectors = to_unit_length(vectors - self.mean)

    def embed(self, probabilities: np.ndarray) -> np.ndarray:
        """Unit vectors float32 (frames, dim) of frames whose classes have these probabilities (frames, classes)."""
        return self.embed_best(*best_classes(probabilities))

    def embed_best(self, classes: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """As `embed`, of what `best_classes` gives."""
        return to_unit_length((chances[..., None] * self.vectors[classes]).sum(axis=-2))

    def similarities(self, probabilities: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """How near each frame is to each text, cosines (frames, texts): about 0 for what has nothing to do with it."""
        return self.near(self.embed(probabilities), texts)

    def near(self, embedded: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """As `similarities`, of frames (frames, dim) that are embedded already."""
        return embedded @ self.embed_texts(texts).T

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (texts, dim)."""
        return to_unit_length(self.encode(texts) - self.mean)


def concept_space(names: Sequence[str], sentences: str = "use") -> ConceptSpace:
    """A `ConceptSpace` whose names are embedded once on this machine.

    Args:
        names: of the classes.
        sentences: a name in `SENTENCE_ENCODERS`.

    Raises:
        UserError: for an unknown name, or a package that is missing.
    """
    encode = lookup(SENTENCE_ENCODERS, sentences, "--sentences")()
    asked = json.dumps([PACKAGES[sentences].files, list(names)])  # the encoder by the hashes of its files
    key = hashlib.sha256(asked.encode()).hexdigest()[:16]
    return ConceptSpace(names, encode, cache_folder() / "embeddings" / f"{sentences}-{key}.npz")


def best_classes(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest classes of each frame, int (frames, `TOP`), and their probabilities, float of the same shape."""
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    return top, np.take_along_axis(probabilities, top, axis=1)


def _stored(names: Sequence[str], encode: Encode, path: Path) -> np.ndarray:
    with suppress(Exception):  # whatever a missing or damaged file leads to: it is made anew
        with np.load(path, allow_pickle=False) as arrays:
            vectors = arrays["vectors"]
        if vectors.ndim == 2 and len(vectors) == len(names) and np.isfinite(vectors).all():
            return vectors
    vectors = encode(names)
    with suppress(UserError):  # where nothing can be written they are computed each time
        write_arrays(path, {"vectors": vectors})
    return vectors
