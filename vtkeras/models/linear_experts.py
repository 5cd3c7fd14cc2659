"""Linear models on a frozen encoder's features, whose say is mixed into a network's."""

from __future__ import annotations

import keras
from keras import ops

LEAST_LOG = -12.0  # log-probability of a class that a linear model never saw


@keras.saving.register_keras_serializable("vtkeras")
class LinearClasses(keras.layers.Layer):
    """What linear models say of the classes of a head, as logits to be added to the network's.

    Args:
        num_classes: int.
        dim: int, width of a clip's vector.
        questions: int, questions that have a model of their own.
        question_length: int, tokens of a question.
        vocabulary_size: int, word pieces of questions, which the model of all other questions reads; 0 where nothing is
            asked.
        several: bool, each class has a probability of its own.

    Attributes:
        kernel: float (questions + 1, dim, num_classes), the last one for all other questions.
        bias: float (questions + 1, num_classes).
        known: int32 (questions, question_length), the tokens of the questions.
        words: float (vocabulary_size, num_classes), what the last model adds for each word piece of a question.
        share: float scalar, what the linear models' logarithms are multiplied by.

    Call arguments:
        clips: float (batch, dim).
        tokens: int32 (batch, question_length), the questions, where they count.

    Returns:
        float (batch, num_classes): `share` times the log-probabilities, or with `several` times the logits.

    Example:
        >>> LinearClasses(num_classes=3, dim=8)(ops.ones((2, 8))).shape
        (2, 3)

    Source: a product of experts (Hinton, "Training products of experts by minimizing contrastive divergence", 2002).
    """

    def __init__(
        self, num_classes, dim, questions=0, question_length=0, vocabulary_size=0, several=False, **kwargs
    ):
        super().__init__(**{**kwargs, "trainable": False})
        self.num_classes = num_classes
        self.dim = dim
        self.questions = questions
        self.question_length = question_length
        self.vocabulary_size = vocabulary_size
        self.several = several
        models = questions + 1
        self.kernel = self.add_weight(shape=(models, dim, num_classes), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(models, num_classes), initializer="zeros", name="bias")
        self.share = self.add_weight(shape=(), initializer="ones", name="share")
        if questions:
            shape = (questions, question_length)
            self.known = self.add_weight(shape=shape, initializer="zeros", dtype="int32", name="known")
        if vocabulary_size:
            self.words = self.add_weight(shape=(vocabulary_size, num_classes), initializer="zeros", name="words")
        self.built = True

    def call(self, clips, tokens=None):
        logits = ops.matmul(clips, self.kernel[-1]) + self.bias[-1]
        if self.vocabulary_size:
            logits = logits + ops.sum(ops.take(self.words, tokens, axis=0), axis=1)
        if self.questions:
            own = ops.einsum("bd,mdc->bmc", clips, self.kernel[:-1]) + self.bias[:-1]
            asked = ops.all(ops.equal(tokens[:, None], self.known), axis=-1)
            chosen = ops.einsum("bm,bmc->bc", ops.cast(asked, own.dtype), own)
            logits = ops.where(ops.any(asked, axis=-1, keepdims=True), chosen, logits)
        if not self.several:
            logits = ops.maximum(ops.log_softmax(logits, axis=-1), LEAST_LOG)
        return self.share * logits

    def get_config(self):
        names = ("num_classes", "dim", "questions", "question_length", "vocabulary_size", "several")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("vtkeras")
class LinearSpace(keras.layers.Layer):
    """Clips and texts in one space: ridge regression from a clip's vector to the words of its caption.

    Args:
        dim: int, width of a clip's vector.
        vocabulary_size: int, word pieces.
        embedding_dim: int, width of the space.

    Attributes:
        kernel, bias: float (dim, embedding_dim) and (embedding_dim,), from clips into the space.
        words: float (vocabulary_size, embedding_dim), from counts of word pieces into the space.
        share: float scalar, how much its similarity counts beside the network's.

    Example:
        >>> space = LinearSpace(dim=8, vocabulary_size=100, embedding_dim=4)
        >>> space.beside(ops.ones((2, 16)), space.embed_video(ops.ones((2, 8)))).shape
        (2, 20)
    """

    def __init__(self, dim, vocabulary_size, embedding_dim, **kwargs):
        super().__init__(**{**kwargs, "trainable": False})
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.kernel = self.add_weight(shape=(dim, embedding_dim), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(embedding_dim,), initializer="zeros", name="bias")
        self.words = self.add_weight(shape=(vocabulary_size, embedding_dim), initializer="zeros", name="words")
        self.share = self.add_weight(shape=(), initializer="ones", name="share")
        self.built = True

    def embed_video(self, clips):
        """Unit vectors (batch, embedding_dim) of clips (batch, dim)."""
        return ops.normalize(ops.matmul(clips, self.kernel) + self.bias, axis=-1)

    def embed_text(self, tokens):
        """Unit vectors (batch, embedding_dim) of token ids (batch, length), 0 where there is none."""
        return ops.normalize(ops.sum(ops.take(self.words, tokens, axis=0), axis=1), axis=-1)

    def beside(self, embedded, linear):
        """Unit vectors (batch, both widths) whose products are those of both spaces, the linear one's by `share`."""
        share = ops.sqrt(self.share)
        return ops.concatenate([embedded, share * linear], axis=-1) / ops.sqrt(1.0 + self.share)

    def get_config(self):
        names = ("dim", "vocabulary_size", "embedding_dim")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("vtkeras")
class LinearExperts(keras.Model):
    """A frozen frame encoder, what is kept of its features, and linear models on that, one for each head.

    Args:
        encoder: frozen `FrameEncoder`.
        channels: int, of its patches.
        num_frames, image_size: int, of the clips that it reads.
        dim: int, width of a clip's vector.
        classes: {head: `LinearClasses`}.
        space: `LinearSpace`, or None.
        sentences: `LinearSentences`, or None.
        copies: bool, a clip's vector is also made of `small_copies`; runs of before have none.

    Call arguments:
        frames: uint8 (batch, num_frames, image_size, image_size, 3).
        frames_mask: bool (batch, num_frames), True for frames up to the clip's last one.

    Returns:
        float (batch, dim), a clip's vector.

    Example:
        >>> experts = LinearExperts(encoder, 1284, num_frames=8, image_size=128, dim=64, classes={})
        >>> experts(ops.zeros((2, 8, 128, 128, 3), "uint8"), ops.ones((2, 8), "bool")).shape
        (2, 64)
    """

    def __init__(
        self, encoder, channels, num_frames, image_size, dim, classes, space=None, sentences=None, copies=False,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**{**kwargs, "trainable": False})
        self.encoder = encoder
        self.channels = channels
        self.num_frames = num_frames
        self.image_size = image_size
        self.dim = dim
        self.classes = dict(classes)
        self.space = space
        self.sentences = sentences
        self.copies = copies
        self.reduce = keras.layers.Dense(dim, name="reduce")
        self.reduce.build((None, STATISTICS * channels + copies * num_frames * COPY_VALUES))

    def build(self, frames_shape, frames_mask_shape=None):
        if not self.encoder.built:
            self.encoder.build(frames_shape)

    def call(self, frames, frames_mask):
        features = ops.cast(self.encoder(frames, training=False), "float32")
        return self.vectors(pool_clips(features, frames_mask, small_copies(frames) if self.copies else None))

    def vectors(self, pooled):
        """float (batch, dim) of `pool_clips`' vectors."""
        return self.reduce(pooled)

    @property
    def shares(self):
        """{head: the variable that says how much its linear model counts}."""
        found = {name: layer.share for name, layer in self.classes.items()}
        return found | {layer.name: layer.share for layer in (self.space, self.sentences) if layer}

    def get_config(self):
        whole = {"space": self.space, "sentences": self.sentences}
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            **{name: getattr(self, name) for name in ("channels", "num_frames", "image_size", "dim", "copies")},
            "classes": {name: keras.saving.serialize_keras_object(layer) for name, layer in self.classes.items()},
            **{name: layer and keras.saving.serialize_keras_object(layer) for name, layer in whole.items()},
        }

    @classmethod
    def from_config(cls, config):
        revive = keras.saving.deserialize_keras_object
        classes = {name: revive(layer) for name, layer in config["classes"].items()}
        whole = {name: config[name] and revive(config[name]) for name in ("space", "sentences") if name in config}
        return cls(**{**config, **whole, "encoder": revive(config["encoder"]), "classes": classes})


STATISTICS = 4
COPY_SIDE = 8  # pixels a side of a small copy
COPY_VALUES = 3 * COPY_SIDE**2


def small_copies(frames):
    """Frames in a few pixels: what is where, which pooled features do not tell.

    Args:
        frames: uint8 or float (batch, time, height, width, 3), values 0 to 255.

    Returns:
        float (batch, time, 192), values 0 to 1, pixels row by row.
    """
    batch, time, height, width, channels = ops.shape(frames)
    pictures = ops.reshape(ops.cast(frames, "float32") / 255, (batch * time, height, width, channels))
    small = ops.image.resize(pictures, (COPY_SIDE, COPY_SIDE), antialias=True)
    return ops.reshape(small, (batch, time, COPY_VALUES))


def pool_clips(features, frames_mask, copies=None):
    """What linear models read of a clip: the mean, the mean over frames of the strongest patch, the change from the
    first half to the second, and the spread over frames; and the small copies as they are.

    Args:
        features: float (batch, time, patches, channels).
        frames_mask: bool (batch, time), True for frames up to the clip's last one.
        copies: float (batch, time, 192), `small_copies` of the frames; None leaves them out.

    Returns:
        float (batch, 4 * channels), with copies (batch, 4 * channels + time * 192).
    """
    mask = ops.cast(frames_mask, "float32")
    count = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    half = ops.maximum(ops.floor(count / 2), 1.0)
    place = ops.cumsum(mask, axis=1)
    frames = ops.mean(features, axis=2)
    mean = _weighted(frames, mask / count)
    first = _weighted(frames, mask * ops.cast(place <= half, "float32") / half)
    last = _weighted(frames, mask * ops.cast(place > count - half, "float32") / half)
    spread = ops.sqrt(_weighted(ops.square(frames - mean[:, None]), mask / count))
    strongest = _weighted(ops.max(features, axis=2), mask / count)
    statistics = [mean, strongest, last - first, spread]
    if copies is not None:
        statistics.append(ops.reshape(copies * mask[..., None], (-1, copies.shape[1] * COPY_VALUES)))
    return ops.concatenate(statistics, axis=-1)


def _weighted(frames, weights):
    return ops.einsum("btc,bt->bc", frames, weights)
