"""From raw frames and strings to what a model takes; the same code in tf.data and in the exported graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.normalisations import NORMALISATIONS, normalised
from vtkeras.data.spelling import is_spelled, normalise
from vtkeras.data.text import END_ID, PAD_ID, START_ID, Vocabulary, make_tokenizer
from vtkeras.data.tokenizers import lower_case, single_spaces
from vtkeras.errors import lookup

# Our functions say with TensorFlow's own operations what depends on tensors: AutoGraph, which would rewrite each of
# them before a dataset or a graph is made (a fifth of the seconds before the first step), finds nothing to do.
as_written = tf.autograph.experimental.do_not_convert


class Preprocessor(tf.Module):
    """Brings frames and texts to the model's shapes, and token ids and classes back to strings.

    Args:
        config: sizes of clips and texts.
        vocabulary: word pieces, answers and labels.
        beside: brings clips to the shape that linear models read, where a model has some.

    Raises:
        UserError: for an unknown name in `config.normalise`.

    Example:
        >>> preprocessor = Preprocessor(config.data, vocabulary)
        >>> frames, mask = preprocessor.clips(tf.zeros((1, 40, 120, 160, 3), tf.uint8))
        >>> frames.shape, mask.shape
        (TensorShape([1, 8, 64, 64, 3]), TensorShape([1, 8]))
    """

    def __init__(self, config: DataConfig, vocabulary: Vocabulary, beside: Preprocessor | None = None):
        super().__init__(name="preprocessor")
        for name in config.normalise:
            lookup(NORMALISATIONS, name, "data.normalise")
        self.beside = beside
        self.config = config
        self.stored_frames: int | None = None
        self.stored_side: int | None = None
        self.vocabulary = vocabulary
        tokenizer = make_tokenizer(vocabulary)
        # Inside a graph the tokenizer gives ragged tensors; called eagerly it would give lists.
        self.tokenize = tf.function(tokenizer.tokenize, input_signature=[tf.TensorSpec((None,), tf.string)])
        self.detokenize = tf.function(
            tokenizer.detokenize, input_signature=[tf.RaggedTensorSpec((None, None), tf.int32)]
        )
        self.answer_strings = tf.constant([*vocabulary.answers, ""])
        self.label_strings = tf.constant([*vocabulary.labels, ""])
        self.answer_classes = _Places([normalise(answer) for answer in vocabulary.answers])
        self.closed_answers: _Places | None = None  # made on first use

    def prepare(self, example: dict) -> dict:
        """An example whose frames, where it has some, have the shape that the model reads, with FRAMES_MASK beside.

        One that has a FRAMES_MASK already is left as it is. LINEAR_FRAMES are those that linear models read.
        """
        if keys.FRAMES not in example or keys.FRAMES_MASK in example:
            return example
        frames, mask = self.clip(example[keys.FRAMES])
        prepared = {**example, keys.FRAMES: frames, keys.FRAMES_MASK: mask}
        if self.beside:
            prepared[keys.LINEAR_FRAMES], prepared[keys.LINEAR_MASK] = self.beside.clip(example[keys.FRAMES])
        return prepared

    @property
    def key(self) -> str:
        """The same for all that prepare examples in the same way."""
        return self.config.model_dump_json() + (self.beside.key if self.beside else "")

    def each(self, function: Callable[[tf.Tensor], tf.Tensor], texts: tf.Tensor) -> tf.Tensor:
        """`function`, which takes strings (batch,), of strings of any shape."""
        if texts.shape.rank == 1:
            return function(texts)
        found = function(tf.reshape(texts, (-1,)))
        return tf.reshape(found, tf.concat([tf.shape(texts), tf.shape(found)[1:]], axis=0))

    def read_as_stored(self, most: int | None, side: int | None) -> None:
        """From here on, reads a whole video as the clip that `ingest` stored of it: the same frames, no sharper.

        Args:
            most: frames that were stored of each clip at most; None where none were.
            side: pixels of their longer side at most; None where none were.
        """
        self.stored_frames, self.stored_side = most, side
        if self.beside:
            self.beside.read_as_stored(most, side)

    def choose(self, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Which frames it takes of a clip.

        Args:
            length: int32 scalar, frames of the clip, at least 1.

        Returns:
            int32 (num_frames,) and bool (num_frames,), as `even_frames`.

        Example:
            >>> preprocessor.read_as_stored(16, 128)
            >>> preprocessor.choose(24)[0]  # of 8 frames; 1, 4, 7, ..., 22 if they were chosen directly
            <tf.Tensor: shape=(8,), dtype=int32, numpy=array([ 2,  5,  8, 11, 14, 17, 20, 23])>
        """
        count = self.config.num_frames
        if self.stored_frames is None:
            return even_frames(length, count)
        stored, _ = even_frames(length, self.stored_frames)
        chosen, mask = even_frames(tf.minimum(length, self.stored_frames), count)
        return tf.gather(stored, chosen), mask

    def clip(self, frames: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes frames at even distances and resizes them.

        Args:
            frames: uint8 (time, height, width, 3), any size, at least one frame.

        Returns:
            uint8 (num_frames, image_size, image_size, 3), and bool (num_frames,): a clip with fewer
            frames than that is filled up with its last one, marked False.
        """
        chosen, mask = self.choose(tf.shape(frames)[0])
        return self._resize(tf.gather(frames, chosen)), mask

    def clips(self, frames: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As `clip`, for a batch (batch, time, height, width, 3)."""
        chosen, mask = self.choose(tf.shape(frames)[1])
        picked = tf.gather(frames, chosen, axis=1)
        batch = tf.shape(frames)[0]
        size, count = self.config.image_size, self.config.num_frames
        flat = self._resize(tf.reshape(picked, tf.concat([[batch * count], tf.shape(frames)[2:]], 0)))
        return tf.reshape(flat, (batch, count, size, size, 3)), tf.tile(mask[None], (batch, 1))

    def _resize(self, images: tf.Tensor) -> tf.Tensor:
        size = self.config.image_size
        images = images if self.stored_side is None else as_stored(images, self.stored_side)
        if images.shape[1:3] == (size, size):
            return images
        return _to_uint8(tf.image.resize(images, (size, size), antialias=True))

    def question(self, text: tf.Tensor) -> tf.Tensor:
        """int32 (batch, question_length) from strings (batch,); an empty text keeps one token, so that it can query."""
        tokens = self._read(text, self.config.question_length - 1)
        return tf.concat([tf.fill((tf.shape(tokens)[0], 1), START_ID), tokens], axis=1)

    def match(self, text: tf.Tensor) -> tf.Tensor:
        """int32 (batch, caption_length): a caption as the text encoder reads it."""
        tokens = self._read(text, self.config.caption_length - 1)
        return tf.concat([tf.fill((tf.shape(tokens)[0], 1), START_ID), tokens], axis=1)

    def caption(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The decoder's input and target, int32 (batch, caption_length) each.

        The input begins with the start token, the target ends with the end token; an empty caption
        gives an all-padding target, which no loss counts.
        """
        return self._written(text, self.config.caption_length)

    def written_answer(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As `caption`, int32 (batch, answer_length) each."""
        return self._written(_first_answer(text), self.config.answer_length)

    def _written(self, text: tf.Tensor, length: int) -> tuple[tf.Tensor, tf.Tensor]:
        ragged = self.tokenize(text)[:, : length - 1]
        present = tf.cast(ragged.row_lengths() > 0, tf.int32)[:, None]
        rows = tf.shape(present)[0]
        starts, ends = tf.fill((rows, 1), START_ID), present * END_ID
        shape = (None, length)
        inputs = tf.concat([tf.RaggedTensor.from_tensor(starts), ragged], axis=1).to_tensor(PAD_ID, shape=shape)
        targets = tf.concat([ragged, tf.RaggedTensor.from_tensor(ends)], axis=1).to_tensor(PAD_ID, shape=shape)
        return inputs, targets

    def _read(self, text: tf.Tensor, length: int) -> tf.Tensor:
        text = normalised(text, self.config.normalise) if self.config.normalise else text
        return self.tokenize(text)[:, :length].to_tensor(PAD_ID, shape=(None, length))

    def answer(self, text: tf.Tensor) -> tf.Tensor:
        """int32 (batch,): the answer's class, -1 for one the model does not know or an empty one.

        Of several answers joined by `|`, the first counts.
        """
        return self.answer_classes(self._as_answer(text))

    def _as_answer(self, text: tf.Tensor) -> tf.Tensor:
        return tf_text.normalize_utf8(lower_case(single_spaces(_first_answer(text))), "NFC")

    def is_closed(self, written: tf.Tensor) -> tf.Tensor:
        """bool (batch,): whether written answers are of the closed set, or of what `answer_length` leaves of it."""
        if self.closed_answers is None:
            with tf.init_scope():
                cut = self.to_text(self.written_answer(self.answer_strings)[1]).numpy()
                whole = [normalise(answer) for answer in self.vocabulary.answers]
                self.closed_answers = _Places([*whole, *(normalise(text.decode()) for text in cut)])
        return self.closed_answers(self._as_answer(written)) >= 0

    def labels(self, text: tf.Tensor) -> tf.Tensor:
        """float32 (batch, labels): 1 for each label named in strings joined by `|`."""
        names = tf.strings.strip(tf.strings.split(text, keys.LABEL_SEPARATOR).to_tensor(""))
        hits = tf.equal(names[:, :, None], self.label_strings[None, None, :-1])
        return tf.cast(tf.reduce_any(hits, axis=1), tf.float32)

    def label_weight(self, labels: tf.Tensor) -> tf.Tensor:
        """float32 (batch,): how much an example with these labels counts, from what `labels` gives; 0 without any."""
        weights = [self.config.label_weights.get(name, 1.0) for name in self.vocabulary.labels]
        return tf.reduce_max(labels * tf.constant(weights, tf.float32), axis=1)

    def to_text(self, tokens: tf.Tensor) -> tf.Tensor:
        """Strings (batch,) from token ids (batch, length); whatever follows the end token is left out."""
        ended = tf.cumsum(tf.cast(tf.equal(tokens, END_ID), tf.int32), axis=1) > 0
        kept = tf.logical_and(tf.logical_not(ended), tokens > END_ID)
        return self.detokenize(tf.ragged.boolean_mask(tokens, kept))

    def is_known(self, tokens: tf.Tensor) -> tf.Tensor:
        """bool, of the shape of `tokens`: which are pieces of words that training showed."""
        seen = [not is_spelled(token) for token in self.vocabulary.tokens]
        return tf.logical_and(tokens > START_ID, tf.gather(tf.constant(seen), tokens))

    def pieces(self, tokens: tf.Tensor) -> tf.Tensor:
        """The word piece of every token id, as strings of the same shape."""
        return tf.gather(tf.constant(list(self.vocabulary.tokens)), tokens)


def _first_answer(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_replace(text, r"(?s)\|.*", "")


def as_stored(images: tf.Tensor, side: int) -> tf.Tensor:
    """Pictures scaled down, keeping their shape, until no side is longer than `side`, by area as `read_frames` does it.

    Args:
        images: uint8 (batch, height, width, 3).
        side: pixels.

    Returns:
        uint8 (batch, height, width, 3); smaller pictures as they are.

    Example:
        >>> as_stored(tf.zeros((8, 1080, 1920, 3), tf.uint8), 224).shape
        TensorShape([8, 126, 224, 3])
    """
    sides = tf.shape(images)[1:3]
    longer = tf.reduce_max(sides)
    scaled = tf.round(tf.cast(sides, tf.float64) * (side / tf.cast(longer, tf.float64)))
    size = tf.maximum(1, tf.cast(scaled, tf.int32))
    return tf.cond(longer > side, lambda: _to_uint8(tf.image.resize(images, size, "area")), lambda: images)


def _to_uint8(images: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(tf.round(images), 0, 255), tf.uint8)


def even_frames(length, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Indices of `count` frames at even distances among `length`.

    Args:
        length: int32 scalar, at least 1.
        count: int.

    Returns:
        int32 (count,), the middle of each of `count` equal stretches, and bool (count,), True where
        the index is a frame of its own. With fewer frames than `count`, every frame once, then the last again.

    Example:
        >>> even_frames(16, 4)  # stretches of 4 frames: 0-3, 4-7, 8-11, 12-15
        ([2, 6, 10, 14], [True, True, True, True])
    """
    steps = tf.range(count)
    middles = ((2 * steps + 1) * length) // (2 * count)
    enough = length >= count
    indices = tf.where(enough, middles, tf.minimum(steps, length - 1))
    return indices, tf.logical_or(enough, steps < length)


class _Places:
    """Where each word of a list stands first, found by its hash, as there may be many thousands.

    It consists of constants: a table of TensorFlow would be a resource that each export has to track.

    Args:
        words: normalised. Of two with one hash, of 62 bits, one would not be found.

    Example:
        >>> _Places(["yes", "no"])(tf.constant(["no", "maybe"]))
        <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 1, -1], dtype=int32)>
    """

    def __init__(self, words: Sequence[str]):
        places = {"\n": -1}  # in no normalised text: something is to be found in an empty list, too
        places |= {word: place for place, word in reversed([*enumerate(words)])}
        known = tf.constant([*places])
        order = tf.argsort(_hash(known))
        self.words, self.hashes = tf.gather(known, order), tf.gather(_hash(known), order)
        self.places = tf.gather(tf.constant([*places.values()]), order)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """int32 (batch,) of strings (batch,): the places, -1 for what is no word of the list."""
        at = tf.minimum(tf.searchsorted(self.hashes, _hash(texts)), len(self.hashes) - 1)
        return tf.where(tf.equal(tf.gather(self.words, at), texts), tf.gather(self.places, at), -1)


def _hash(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(texts, 2**62)
