"""Words as a frame shows them: each alone, and only those that a frame can show."""

import keras
from keras import ops

from vtkeras import keys
from vtkeras.encoders.text import text_spec
from vtkeras.layers import MaskedMean


@keras.saving.register_keras_serializable("vtkeras")
class ShownWords(keras.layers.Layer):
    """Embeds the words of a caption that frames show, each by itself.

    A text encoder mixes all words of a caption, so what it gives for a thing also tells how the thing moves. A model of
    single frames that reads it learns which things move in which way, and fails where the words combine otherwise than
    in training. Here it reads the words that a frame shows, and nothing of the others.

    Args:
        vocabulary_size: int.
        dim: int, width of the embeddings.
        least: float, 0 to 1, the least share of a word's doubt that frames take away, see `WordTagger.shown`.

    Call arguments:
        tokens: int32 (batch, length), 0 where padded.
        shown: float (vocabulary_size,).

    Returns:
        dict of `sequence` (batch, length, dim), `mask` (batch, length) and `pooled` (batch, dim), zeros where a
        caption has no such word.

    Example:
        >>> ShownWords(40, dim=64)(ops.ones((2, 10), "int32"), ops.ones((40,)))["pooled"].shape
        (2, 64)
    """

    def __init__(self, vocabulary_size, dim, least=0.25, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.least = least
        self.pool = MaskedMean(dtype=self.dtype_policy, name="pool")

    def build(self, tokens_shape, shown_shape=None):
        self.embedding = keras.layers.Embedding(
            self.vocabulary_size,
            self.dim,
            embeddings_initializer=keras.initializers.RandomNormal(1.0),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.embedding.build(tokens_shape)

    def call(self, tokens, shown):
        sequence = self.embedding(tokens)
        mask = ops.logical_and(tokens != 0, ops.take(shown, tokens) >= self.least)
        return {keys.SEQUENCE: sequence, keys.MASK: mask, keys.POOLED: self.pool(sequence, mask)}

    def compute_output_spec(self, tokens, shown):
        return text_spec(tokens, self.dim, self.compute_dtype)

    def get_config(self):
        sizes = {name: getattr(self, name) for name in ("vocabulary_size", "dim", "least")}
        return {**super().get_config(), **sizes}
