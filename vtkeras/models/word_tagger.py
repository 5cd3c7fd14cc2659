"""Which words does the caption of a frame have?"""

import math

import keras
from keras import ops

LEAST_DOUBT = 0.02  # nats; words that all captions have are not shown


@keras.saving.register_keras_serializable("vtkeras")
class WordTagger(keras.layers.Layer):
    """Log odds of every word for the latents of a frame, learned from the captions of clips.

    A frame is as its caption tells where the words that the caption has are likely and the others are not; words that
    no frame shows, like those of motion, count alike for all frames. That is so where captions combine freely. Where
    training shows a thing only with some words, the tagger sees those words in the thing: `weighs` then counts a word
    by how much frames tell of it in all.

    Args:
        vocabulary_size: int.
        dim: int, width of the last convolution.
        weighs: bool, learn how much frames tell of each word, and count errors by it.

    Call arguments:
        latents: float (batch, height, width, channels).

    Returns:
        (batch, vocabulary_size).

    Example:
        >>> WordTagger(40)(keras.random.normal((2, 8, 8, 4))).shape
        (2, 40)

    Source: word detectors of Fang et al., "From Captions to Visual Concepts and Back", 2015; choosing among drawn
    pictures as in Ramesh et al., "Zero-Shot Text-to-Image Generation", 2021.
    """

    def __init__(self, vocabulary_size, dim=128, weighs=False, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.weighs = weighs

    def build(self, latents_shape):
        shape = latents_shape
        self.convolutions = []
        for place, width in enumerate((self.dim // 2, self.dim * 3 // 4, self.dim)):
            layer = keras.layers.Conv2D(
                width, 3, padding="same", activation="silu", dtype=self.dtype_policy, name=f"convolution_{place}"
            )
            layer.build(shape)
            shape = (*shape[:-1], width)
            self.convolutions.append(layer)
        self.judge = keras.layers.Dense(self.vocabulary_size, dtype=self.dtype_policy, name="judge")
        self.judge.build((shape[0], self.dim))
        if self.weighs:
            usual = {"shape": (self.vocabulary_size,), "dtype": "float32"}
            self.usual_odds = self.add_weight(initializer="zeros", name="usual_odds", **usual)
            self.usual_error = self.add_weight(
                initializer=keras.initializers.Constant(math.log(2)), name="usual_error", **usual
            )

    def call(self, latents):
        for layer in self.convolutions:
            latents = layer(latents)
        return self.judge(ops.max(latents, axis=(1, 2)))

    def losses(self, latents, tokens):
        """What the tagger learns from, float (batch,); arguments as for `errors`."""
        wrong, there = self._wrong(latents, tokens)
        total = ops.sum(wrong[:, 1:], axis=-1)  # 0 is no word
        if not self.weighs:
            return total
        blind = ops.softplus(self.usual_odds) - there * self.usual_odds
        missed = ops.square(self.usual_error - ops.stop_gradient(wrong))
        return total + ops.sum((blind + missed)[:, 1:], axis=-1)

    def errors(self, latents, tokens):
        """Binary cross-entropy of the words of captions, summed over the vocabulary.

        Args:
            latents: float (batch, height, width, channels).
            tokens: int32 (batch, length), 0 where padded.

        Returns:
            float (batch,); low where the frame is as the caption tells.
        """
        wrong, _ = self._wrong(latents, tokens)
        return ops.sum((self.shown() * wrong if self.weighs else wrong)[:, 1:], axis=-1)

    def shown(self):
        """Of each word, which share of the doubt whether a caption has it a frame takes away; float (vocabulary_size,),
        0 to 1, where the tagger `weighs`.
        """
        doubt = ops.softplus(self.usual_odds) - ops.sigmoid(self.usual_odds) * self.usual_odds
        return ops.stop_gradient(ops.clip((doubt - self.usual_error) / (doubt + LEAST_DOUBT), 0.0, 1.0))

    def _wrong(self, latents, tokens):
        """Errors of each word, and 1 where a caption has it, else 0; both float32 (batch, vocabulary_size)."""
        odds = ops.cast(self(latents), "float32")
        there = ops.max(ops.one_hot(tokens, self.vocabulary_size, dtype="float32"), axis=1)
        return ops.softplus(odds) - there * odds, there

    def compute_output_shape(self, latents_shape):
        return (latents_shape[0], self.vocabulary_size)

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "dim": self.dim, "weighs": self.weighs}
