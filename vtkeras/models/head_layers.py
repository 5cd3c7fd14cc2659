"""Output layers over a trunk's readings. Each says what it reads, and which tokens it takes beside that.

A head layer has the attributes
    reads: names of readings, a subset of `keys.READS_VIDEO`, `READS_QUESTION`, `READS_STATEMENT` and `READS_TEXT`.
    tokens: {name of an input: its shape without the batch}, int32.
    word_by_word: bool, whether it writes a text with the video alone as context.
and is called with one dict of these readings and tokens. Its `join` makes one output of those of several models.
"""

import keras
from keras import ops

from vtkeras import keys
from vtkeras.layers import MaskedMax


class _HeadLayer(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, reading, mask=None):
        return None  # masks are in the reading

    def join(self, outputs):
        """What several models give through this head, as one: the mean of their logits."""
        return mean_logits(outputs)


def mean_logits(outputs):
    """The logits of several models that answer as one."""
    return sum(outputs) / len(outputs)


@keras.saving.register_keras_serializable("vtkeras")
class WrittenText(_HeadLayer):
    """Logits of a text that a decoder writes with a reading as its context.

    Args:
        decoder: `TextDecoder`; several head layers may share one.
        reads: name of the reading that is the context.
        tokens: name of the decoder's input.
        length: int, tokens of the text.
        texts: int, texts a clip, where the reading holds several questions; 1 for one without an axis of its own.

    Call arguments:
        reading: {reads: dict of `sequence` (batch, context_length, dim) and `mask`, tokens: int32 (batch, length)},
            with an axis of texts after the batch for several.

    Returns:
        float32 (batch, length, vocabulary_size), or (batch, texts, length, vocabulary_size).

    Example:
        >>> head = WrittenText(decoder, reads="video", tokens="caption_tokens", length=24)
        >>> head({"video": video, "caption_tokens": ops.ones((2, 24), "int32")}).shape
        (2, 24, 100)
    """

    def __init__(self, decoder, reads, tokens, length, texts=1, **kwargs):
        super().__init__(**kwargs)
        self.decoder = decoder
        self.reads = (reads,)
        self.tokens_name = tokens
        self.tokens = {tokens: (length,) if texts == 1 else (texts, length)}
        self.length = length
        self.texts = texts
        self.word_by_word = reads == keys.READS_VIDEO

    def build(self, reading_shape):
        if not self.decoder.built:
            context = reading_shape[self.reads[0]][keys.SEQUENCE]
            self.decoder.build((None, self.length), (None, *context[-2:]))

    def call(self, reading, training=None):
        context, tokens = reading[self.reads[0]], reading[self.tokens_name]
        sequence, mask = context[keys.SEQUENCE], context[keys.MASK]
        if self.texts > 1:
            sequence = ops.reshape(sequence, (-1, *sequence.shape[2:]))
            mask, tokens = (ops.reshape(rows, (-1, rows.shape[-1])) for rows in (mask, tokens))
        logits = self.decoder(tokens, sequence, mask, training=training)
        if self.texts == 1:
            return logits
        return ops.reshape(logits, (-1, self.texts, *logits.shape[1:]))

    def compute_output_spec(self, reading, training=None):
        tokens = reading[self.tokens_name]
        return keras.KerasTensor((*tokens.shape, self.decoder.vocabulary_size), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "reads": self.reads[0],
            "tokens": self.tokens_name,
            "length": self.length,
            "texts": self.texts,
        }

    @classmethod
    def from_config(cls, config):
        decoder = config["decoder"]
        if isinstance(decoder, dict):  # else a model that shares it among heads has made it
            decoder = keras.saving.deserialize_keras_object(decoder)
        return cls(**{**config, "decoder": decoder})


@keras.saving.register_keras_serializable("vtkeras")
class ClassLogits(_HeadLayer):
    """Logits of classes from a question that has read the video, from the video itself, or from both.

    Args:
        num_classes: int.
        with_video: bool, read the strongest sign of each channel in any patch, and the mean over all questions of
            a clip in place of each question.
        single: bool, exactly one class is right; otherwise each has a probability of its own.
        with_question: bool, read the question; without it the mean over all patches takes its place.

    Call arguments:
        reading: {"question": dict with `pooled` (batch, dim) or (batch, questions, dim)}, and "video" with
            `sequence` and `mask` where it is read.

    Returns:
        float32 (batch, num_classes), or (batch, questions, num_classes) without the video.

    Example:
        >>> ClassLogits(5)({"question": {"pooled": ops.ones((2, 64))}}).shape
        (2, 5)
    """

    tokens: dict[str, tuple[int, ...]] = {}
    word_by_word = False

    def __init__(self, num_classes, with_video=False, single=True, with_question=True, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.with_video = with_video
        self.single = single
        self.with_question = with_question
        self.reads = (keys.READS_VIDEO,) * with_video + (keys.READS_QUESTION,) * with_question
        self.label_max = MaskedMax(dtype=self.dtype_policy, name="label_max")
        self.logits = keras.layers.Dense(num_classes, dtype=self.dtype_policy, name="logits")

    def build(self, reading_shape):
        shape = reading_shape[self.reads[-1]][keys.POOLED]
        if self.with_video:
            shape = (shape[0], shape[-1] + reading_shape[keys.READS_VIDEO][keys.SEQUENCE][-1])
        self.logits.build(shape)

    def call(self, reading):
        summary = reading[self.reads[-1]][keys.POOLED]
        if self.with_video:
            video = reading[keys.READS_VIDEO]
            seen = self.label_max(video[keys.SEQUENCE], mask=video[keys.MASK])
            if len(summary.shape) == 3:
                summary = _mean_of_texts(summary, reading[self.reads[-1]].get(keys.MASK))
            summary = ops.concatenate([seen, summary], axis=-1)
        return self.logits(summary)

    def probabilities(self, logits):
        """Of the classes, from logits as `call` gives them."""
        return ops.softmax(logits, axis=-1) if self.single else ops.sigmoid(logits)

    def get_config(self):
        names = ("num_classes", "with_video", "single", "with_question")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _mean_of_texts(pooled, mask):
    """The mean of texts, float (batch, texts, dim), but for empty ones, which fill up clips of few texts.

    Of these a mask, bool (batch, texts, length), leaves the start token at most. Where all are empty, all count.
    """
    if mask is None:
        return ops.mean(pooled, axis=1)
    asked = ops.sum(ops.cast(mask, "int32"), axis=-1) > 1
    asked = ops.logical_or(asked, ops.logical_not(ops.any(asked, axis=1, keepdims=True)))
    weights = ops.cast(asked, pooled.dtype)
    return ops.sum(pooled * weights[..., None], axis=1) / ops.sum(weights, axis=1, keepdims=True)


@keras.saving.register_keras_serializable("vtkeras")
class StatementLogits(_HeadLayer):
    """Logits of false and true for statements that have read the video.

    Args:
        statements: int, statements a clip.
        length: int, tokens of a statement.

    Call arguments:
        reading: {"statement": dict with `pooled` (batch, statements, dim)}.

    Returns:
        float32 (batch, statements, 2).

    Example:
        >>> StatementLogits(3, 24)({"statement": {"pooled": ops.ones((2, 3, 64))}}).shape
        (2, 3, 2)
    """

    reads = (keys.READS_STATEMENT,)
    word_by_word = False

    def __init__(self, statements, length, **kwargs):
        super().__init__(**kwargs)
        self.statements = statements
        self.length = length
        self.tokens = {keys.STATEMENT_TOKENS: (statements, length)}
        self.logits = keras.layers.Dense(2, dtype=self.dtype_policy, name="logits")

    def build(self, reading_shape):
        self.logits.build(reading_shape[keys.READS_STATEMENT][keys.POOLED])

    def call(self, reading):
        return self.logits(reading[keys.READS_STATEMENT][keys.POOLED])

    def get_config(self):
        return {**super().get_config(), "statements": self.statements, "length": self.length}


@keras.saving.register_keras_serializable("vtkeras")
class SharedSpace(_HeadLayer):
    """Unit vectors of a video and of a text in one space, scaled so that their products are logits.

    The inverse temperature starts at 1 / 0.07 and is learned, at most 100 (Radford et al., "CLIP", 2021).

    Args:
        embedding_dim: int.
        length: int, tokens of the text.

    Call arguments:
        reading: {"video": dict with `pooled` (batch, dim), "text": the same of a text}; the text encoder has read
            the tokens.

    Returns:
        float32 (batch, 2, embedding_dim), the video's and the text's unit vector, each times the square root
        of the inverse temperature.

    Example:
        >>> pooled = {"pooled": ops.ones((2, 64))}
        >>> SharedSpace(8, 24)({"video": pooled, "text": pooled}).shape
        (2, 2, 8)
    """

    reads = (keys.READS_VIDEO, keys.READS_TEXT)
    word_by_word = False

    def __init__(self, embedding_dim, length, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dim = embedding_dim
        self.length = length
        self.tokens = {keys.MATCH_TOKENS: (length,)}
        options = {"dtype": self.dtype_policy}
        self.video_projection = keras.layers.Dense(embedding_dim, name="video_projection", **options)
        self.text_projection = keras.layers.Dense(embedding_dim, name="text_projection", **options)

    def build(self, reading_shape):
        self.video_projection.build(reading_shape[keys.READS_VIDEO][keys.POOLED])
        self.text_projection.build(reading_shape[keys.READS_TEXT][keys.POOLED])
        self.log_scale = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(2.66), dtype="float32", name="log_scale"
        )

    def call(self, reading):
        pair = [self.embed_video(reading[keys.READS_VIDEO]), self.embed_text(reading[keys.READS_TEXT])]
        return ops.stack(pair, axis=1) * ops.exp(ops.minimum(self.log_scale, 4.6) / 2)

    def join(self, outputs):
        """Vectors side by side: the product of two is the mean of the models' products."""
        return ops.concatenate(outputs, axis=-1) / len(outputs) ** 0.5

    def embed_video(self, video):
        """Unit vectors (batch, embedding_dim) of a video from `Trunk.encode_video`."""
        return ops.normalize(self.video_projection(video[keys.POOLED]), axis=-1)

    def embed_text(self, text):
        """Unit vectors (batch, embedding_dim) of texts from `Trunk.encode_text`."""
        return ops.normalize(self.text_projection(text[keys.POOLED]), axis=-1)

    def get_config(self):
        return {**super().get_config(), "embedding_dim": self.embedding_dim, "length": self.length}
