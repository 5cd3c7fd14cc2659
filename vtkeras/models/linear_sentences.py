"""What a linear model says of whole sentences, weighed beside what a network writes."""

from __future__ import annotations

import keras
from keras import ops

from vtkeras.models.linear_experts import LEAST_LOG

NEVER_NEW = -1e4  # log-probability of a new sentence where only known ones may be said
NOT_OFFERED = -1e9


@keras.saving.register_keras_serializable("vtkeras")
class LinearSentences(keras.layers.Layer):
    """Log-probabilities of the sentences that training showed, the likeliest of which are offered beside another one.

    Args:
        num_sentences: int; one may stand there several times, for instance once for each clip that it tells of, and is
            as likely as these together.
        dim: int, width of a clip's vector.
        length: int, tokens of a sentence, the end token included.
        offered: int, sentences that are offered for a clip, at most `num_sentences`.
        nearest: bool, clips are compared by the cosine of their vectors.

    Attributes:
        kernel: float (dim, num_sentences).
        bias: float (num_sentences,).
        tokens: int32 (num_sentences, length), 0 after the end token.
        new: float scalar below 0, log-probability that a sentence is none of these; they share the rest.
        share: float scalar, what log-probabilities are multiplied by; with 0 nothing is offered.

    Call arguments:
        clips: float (batch, dim).
        written: int32 (batch, length), the sentence that a network wrote.

    Returns:
        int32 (batch, offered + 1, length), what was written and then what is offered, and float
        (batch, offered + 1), `share` times their log-probabilities.

    Example:
        >>> layer = LinearSentences(num_sentences=10, dim=8, length=5, offered=3)
        >>> tokens, logs = layer(ops.ones((2, 8)), ops.ones((2, 5), "int32"))
        >>> tokens.shape, logs.shape
        ((2, 4, 5), (2, 4))

    Source: a product of experts (Hinton, "Training products of experts by minimizing contrastive divergence", 2002)
    over a list of candidates, as rescoring of n-best lists does it (Schwartz and Austin, "A comparison of several
    approximate algorithms for finding multiple (N-best) sentence hypotheses", 1991).
    """

    def __init__(self, num_sentences, dim, length, offered=4, nearest=False, **kwargs):
        super().__init__(**{**kwargs, "trainable": False, "dtype": "float32"})  # as they were fitted
        self.num_sentences = num_sentences
        self.dim = dim
        self.length = length
        self.offered = min(offered, num_sentences)
        self.nearest = nearest
        self.kernel = self.add_weight(shape=(dim, num_sentences), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(num_sentences,), initializer="zeros", name="bias")
        shape = (num_sentences, length)
        self.tokens = self.add_weight(shape=shape, initializer="zeros", dtype="int32", name="tokens")
        self.new = self.add_weight(shape=(), initializer=keras.initializers.Constant(LEAST_LOG), name="new")
        self.share = self.add_weight(shape=(), initializer="ones", name="share")
        self.built = True

    def call(self, clips, written):
        logs = self.log_probabilities(clips)
        _, places = ops.top_k(logs, self.offered)
        tokens = ops.concatenate([written[:, None], ops.take(self.tokens, places, axis=0)], axis=1)
        same = ops.all(ops.equal(tokens[:, :, None], self.tokens), axis=-1)
        together = ops.logsumexp(ops.where(same, logs[:, None], NOT_OFFERED), axis=-1)
        together = ops.maximum(together, LEAST_LOG) + ops.log1p(-ops.exp(self.new))
        own = ops.where(ops.any(same[:, :1], axis=-1), together[:, :1], self.new)
        offered = ops.where(self.share > 0, self.share * together[:, 1:], NOT_OFFERED)
        return tokens, ops.concatenate([self.share * own, offered], axis=-1)

    def log_probabilities(self, clips):
        """float (batch, num_sentences) of clips' vectors (batch, dim), where the sentence is one of these."""
        clips = ops.normalize(clips, axis=-1) if self.nearest else clips
        return ops.log_softmax(ops.matmul(clips, self.kernel) + self.bias, axis=-1)

    def get_config(self):
        names = ("num_sentences", "dim", "length", "offered", "nearest")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
