"""How important each shot of a video is: shots read each other, and what is said."""

import math

import keras
from keras import ops

from vtkeras.layers import CrossAttention, FeedForward

LONGEST_PERIOD = 1024.0  # seconds


@keras.saving.register_keras_serializable("vtkeras")
class ImportanceModel(keras.Model):
    """Self-attention over the shots of a video, cross-attention from shots to sentences, a score a shot.

    After Fajtl et al., "Summarizing Videos with Attention", 2018, with the transcript as a second
    context. The cross-attention is gated and begins closed, so that a model without a transcript and
    one with it start from the same place.

    Args:
        feature_dim: int, width of the shots' and sentences' embeddings.
        dim: int, width inside.
        num_heads: int.
        dropout: float.

    Inputs (a dict):
        shots: float (batch, shots, feature_dim).
        shots_mask: bool (batch, shots).
        shot_times: float (batch, shots), seconds of the middle of each.
        sentences: float (batch, sentences, feature_dim).
        sentences_mask: bool (batch, sentences); False everywhere without a transcript.
        sentence_times: float (batch, sentences), seconds.

    Returns:
        float32 (batch, shots), 0 to 1.

    Example:
        >>> model = ImportanceModel(feature_dim=64)
        >>> model(inputs).shape
        (1, 40)
    """

    def __init__(self, feature_dim, dim=64, num_heads=4, dropout=0.3, **kwargs):
        # === Layers ===
        seconds = SecondsEncoding(dim, name="seconds")
        project = keras.layers.Dense(dim, name="shot_projection")
        project_text = keras.layers.Dense(dim, name="sentence_projection")
        among = CrossAttention(dim, num_heads, dropout=dropout, name="among_shots")
        heard = CrossAttention(dim, num_heads, dropout=dropout, gated=True, name="shots_to_sentences")
        forward = FeedForward(dim, dropout=dropout, name="feed_forward")
        norms = [
            keras.layers.LayerNormalization(name=f"norm_{name}")
            for name in ("among", "heard", "forward", "out")
        ]
        head = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="score")

        # === Functional model ===
        shots = keras.Input((None, feature_dim), name="shots")
        shots_mask = keras.Input((None,), dtype="bool", name="shots_mask")
        shot_times = keras.Input((None,), name="shot_times")
        sentences = keras.Input((None, feature_dim), name="sentences")
        sentences_mask = keras.Input((None,), dtype="bool", name="sentences_mask")
        sentence_times = keras.Input((None,), name="sentence_times")
        x = project(shots) + seconds(shot_times)
        said = project_text(sentences) + seconds(sentence_times)
        read = norms[0](x)
        x = x + among(read, read, shots_mask)
        x = x + heard(norms[1](x), said, sentences_mask)
        x = x + forward(norms[2](x))
        score = keras.layers.Flatten(name="flat")(head(norms[3](x)))
        inputs = (shots, shots_mask, shot_times, sentences, sentences_mask, sentence_times)
        super().__init__(inputs={part.name: part for part in inputs}, outputs=score, **kwargs)

        # === Config ===
        self.feature_dim = feature_dim
        self.dim = dim
        self.num_heads = num_heads
        self.dropout = dropout

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "feature_dim": self.feature_dim,
            "dim": self.dim,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


@keras.saving.register_keras_serializable("vtkeras")
class SecondsEncoding(keras.layers.Layer):
    """Sines and cosines of times, with periods from 1 s to 1,024 s (Vaswani et al., 2017, over seconds).

    Args:
        dim: int, even.

    Call arguments:
        times: float (batch, length), seconds.

    Returns:
        float (batch, length, dim).

    Example:
        >>> SecondsEncoding(4)(ops.zeros((1, 1)))
        [[[0., 0., 1., 1.]]]
    """

    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim

    def call(self, times):
        steps = ops.arange(self.dim // 2, dtype="float32") / max(self.dim // 2 - 1, 1)
        periods = ops.exp(steps * math.log(LONGEST_PERIOD))
        angles = 2 * math.pi * ops.cast(times, "float32")[..., None] / periods
        return ops.cast(ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1), self.compute_dtype)

    def compute_output_shape(self, times_shape):
        return (*times_shape, self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim}
