"""Linear models on a frozen encoder's features, whose say is mixed into a network's."""

from __future__ import annotations

import itertools

import keras
from keras import ops

from vtkeras.models.clip_statistics import group_sizes, read_clips
from vtkeras.pretrained.sentence_encoder import SentenceEncoder

ALONE = 100.0  # share with which a linear model decides all but alone
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
        super().__init__(**{**kwargs, "trainable": False, "dtype": "float32"})  # as they were fitted
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
    """Clips and texts in one space: ridge regression from a clip's vector to the words of its caption, and to what a
    sentence encoder says of it.

    Args:
        dim: int, width of a clip's vector.
        vocabulary_size: int, word pieces.
        embedding_dim: int, width of the space of words.
        meaning: frozen `SentenceEncoder`, or None.

    Attributes:
        kernel, bias: float (dim, width) and (width,), from clips into both spaces side by side.
        words: float (vocabulary_size, embedding_dim), from counts of word pieces into the space of words.
        word_weight: float scalar, length of a text's vector in the space of words, beside 1 in that of meaning.
        mean: float (meaning.dim,), what `meaning` says of a caption in the mean.
        share: float scalar, how much its similarity counts beside the network's.

    Example:
        >>> space = LinearSpace(dim=8, vocabulary_size=100, embedding_dim=4)
        >>> space.beside(ops.ones((2, 16)), space.embed_video(ops.ones((2, 8)))).shape
        (2, 20)

    Source: regression into the space of sentences, Frome et al., "DeViSE", 2013.
    """

    def __init__(self, dim, vocabulary_size, embedding_dim, meaning=None, **kwargs):
        super().__init__(**{**kwargs, "trainable": False, "dtype": "float32"})  # as they were fitted
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.meaning = meaning
        width = embedding_dim + (meaning.dim if meaning else 0)
        self.kernel = self.add_weight(shape=(dim, width), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")
        self.words = self.add_weight(shape=(vocabulary_size, embedding_dim), initializer="zeros", name="words")
        self.share = self.add_weight(shape=(), initializer="ones", name="share")
        if meaning:
            self.word_weight = self.add_weight(shape=(), initializer="ones", name="word_weight")
            self.mean = self.add_weight(shape=(meaning.dim,), initializer="zeros", name="mean")
        self.built = True

    def embed_video(self, clips):
        """Unit vectors (batch, width) of clips (batch, dim)."""
        return ops.normalize(ops.matmul(clips, self.kernel) + self.bias, axis=-1)

    def embed_text(self, tokens, pieces=None):
        """Unit vectors (batch, width) of token ids (batch, length), 0 where there is none, and of what `pieces` gives
        of the same texts."""
        words = ops.normalize(ops.sum(ops.take(self.words, tokens, axis=0), axis=1), axis=-1)
        if self.meaning is None:
            return words
        meaning = ops.normalize(self.meaning(pieces) - self.mean, axis=-1)
        return ops.normalize(ops.concatenate([self.word_weight * words, meaning], axis=-1), axis=-1)

    def pieces(self, texts):
        """What `meaning` reads of strings (batch,), int32 (batch, length); None without it."""
        return self.meaning.tokenize(texts) if self.meaning else None

    def beside(self, embedded, linear):
        """Unit vectors (batch, both widths) whose products are those of both spaces, the linear one's by `share`."""
        share = ops.sqrt(self.share)
        return ops.concatenate([embedded, share * linear], axis=-1) / ops.sqrt(1.0 + self.share)

    def get_config(self):
        names = ("dim", "vocabulary_size", "embedding_dim")
        meaning = self.meaning and self.meaning.get_config()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "meaning": meaning}

    @classmethod
    def from_config(cls, config):
        meaning = config.get("meaning")  # which runs of before lack
        return cls(**{**config, "meaning": meaning and SentenceEncoder.from_config(meaning)})


@keras.saving.register_keras_serializable("vtkeras")
class LinearExperts(keras.Model):
    """A frozen frame encoder, what is kept of its features, and linear models on that, one for each head.

    Args:
        encoder: frozen `FrameEncoder`.
        channels: int, of its patches.
        num_frames, image_size: int, of the clips that it reads.
        dim: int, width of a clip's vector, or of each group of statistics in it, see `group_sizes`.
        classes: {head: `LinearClasses`}.
        space: `LinearSpace`, or None.
        sentences: `LinearSentences`, or None.
        copies: bool, a clip's vector is also made of `small_copies`; runs of before have none.
        fine: bool, it is also made of `fine_statistics`; runs of before have none.

    Call arguments:
        frames: uint8 (batch, num_frames, image_size, image_size, 3).
        frames_mask: bool (batch, num_frames), True for frames up to the clip's last one.

    Returns:
        float (batch, total of `dim`), a clip's vector.

    Example:
        >>> experts = LinearExperts(encoder, 1284, num_frames=8, image_size=128, dim=64, classes={})
        >>> experts(ops.zeros((2, 8, 128, 128, 3), "uint8"), ops.ones((2, 8), "bool")).shape
        (2, 64)
    """

    def __init__(
        self, encoder, channels, num_frames, image_size, dim, classes, space=None, sentences=None, copies=False,
        fine=False, **kwargs,
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
        self.fine = fine
        dims = [dim] if isinstance(dim, int) else list(dim)
        self.sizes = group_sizes(channels, num_frames, encoder.map_channels if fine else (), copies)
        names = ["reduce", *(f"reduce_fine_{place}" for place in range(len(dims) - 1))]
        self.reduce, *self.reduce_fine = [keras.layers.Dense(size, name=name) for size, name in zip(dims, names)]
        for layer, size in zip([self.reduce, *self.reduce_fine], self.sizes, strict=True):
            layer.build((None, size))

    def build(self, frames_shape, frames_mask_shape=None):
        if not self.encoder.built:
            self.encoder.build(frames_shape)

    def call(self, frames, frames_mask):
        return self.vectors(read_clips(self.encoder, frames, frames_mask, self.copies, self.fine)[1])

    def vectors(self, statistics):
        """float (batch, total of `dim`) of clips' statistics, float (batch, total of their groups' sizes)."""
        ends = list(itertools.accumulate(self.sizes))
        groups = [statistics[:, end - size : end] for size, end in zip(self.sizes, ends)]
        reduced = [reduce(group) for reduce, group in zip([self.reduce, *self.reduce_fine], groups)]
        return ops.concatenate(reduced, axis=-1)

    def without(self, heads):
        """The same encoder and layers, as another model, but for the space or the sentences of some heads."""
        space, sentences = (None if one and one.name in heads else one for one in (self.space, self.sentences))
        lean = LinearExperts(
            self.encoder, self.channels, self.num_frames, self.image_size, self.dim, self.classes, space, sentences,
            copies=self.copies, fine=self.fine, name=self.name,
        )  # fmt: skip
        for own, other in zip([lean.reduce, *lean.reduce_fine], [self.reduce, *self.reduce_fine]):
            own.set_weights(other.get_weights())
        clips = (None, self.num_frames)
        lean.build((*clips, self.image_size, self.image_size, 3), clips)  # else a file might lack weights
        return lean

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
            **{name: getattr(self, name) for name in ("channels", "num_frames", "image_size", "dim", "copies", "fine")},
            "classes": {name: keras.saving.serialize_keras_object(layer) for name, layer in self.classes.items()},
            **{name: layer and keras.saving.serialize_keras_object(layer) for name, layer in whole.items()},
        }

    @classmethod
    def from_config(cls, config):
        revive = keras.saving.deserialize_keras_object
        classes = {name: revive(layer) for name, layer in config["classes"].items()}
        whole = {name: config[name] and revive(config[name]) for name in ("space", "sentences") if name in config}
        return cls(**{**config, **whole, "encoder": revive(config["encoder"]), "classes": classes})
