"""Which words does the caption of a frame have?"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("vtkeras")
class WordTagger(keras.layers.Layer):
    """Log odds of every word for the latents of a frame, learned from the captions of clips.

    A frame is as its caption tells where the words that the caption has are likely and the others are not; words that
    no frame shows, like those of motion, count alike for all frames.

    Args:
        vocabulary_size: int.
        dim: int, width of the last convolution.

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

    def __init__(self, vocabulary_size, dim=128, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim

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

    def call(self, latents):
        for layer in self.convolutions:
            latents = layer(latents)
        return self.judge(ops.max(latents, axis=(1, 2)))

    def errors(self, latents, tokens):
        """Binary cross-entropy of the words of captions, summed over the vocabulary.

        Args:
            latents: float (batch, height, width, channels).
            tokens: int32 (batch, length), 0 where padded.

        Returns:
            float (batch,); low where the frame is as the caption tells.
        """
        odds = ops.cast(self(latents), "float32")
        there = ops.max(ops.one_hot(tokens, self.vocabulary_size, dtype="float32"), axis=1)
        wrong = ops.softplus(odds) - there * odds
        return ops.sum(wrong[:, 1:], axis=-1)  # 0 is no word

    def compute_output_shape(self, latents_shape):
        return (latents_shape[0], self.vocabulary_size)

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "dim": self.dim}
