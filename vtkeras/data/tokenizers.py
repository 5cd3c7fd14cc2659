"""The tokenizers that text goes through, in training and in the exported graph."""

from __future__ import annotations

import keras_nlp
import tensorflow as tf
import tensorflow_text as tf_text

from vtkeras.data.spelling import CONTINUES, HIGH_HALVES, JOIN, LOW_HALVES, WORD_START

_SPACE = ord(" ")
_IDEOGRAPHS = r"\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{323AF}"
_LONGEST_WORD = 2**31 - 1  # bytes; the default, 100, would lose a sentence of a script without spaces
_MARKS = r"\pP\pS\p{Cf}"
_WORD_BEHIND_MARK = rf"([{_MARKS}])([^\s{_MARKS}{_IDEOGRAPHS}]{{2}})"
_TIME = r"(<t=(?:[12]?\d|3[01])>)"
_IDEOGRAPH = f"[{_IDEOGRAPHS}]"
_WIDE_MARK = r"[\x{3001}\x{3002}\x{FF01}\x{FF0C}\x{FF1A}\x{FF1B}\x{FF1F}]"  # 、。！，：；？
# What stood apart, and how a person writes it. Matches may overlap, so each is replaced twice.
_AS_WRITTEN = (
    (r"(\S) ([,.!?;:%)\]}…])", r"\1\2"),
    (r"([(\[{¿¡]) (\S)", r"\1\2"),
    (r"(\d[.:]) (\d)", r"\1\2"),
    (r"([\pL\d]) (['’-]) (\pL)", r"\1\2\3"),
    (rf"({_IDEOGRAPH}|{_WIDE_MARK}) ({_IDEOGRAPH}|{_WIDE_MARK})", r"\1\2"),
)


class SpellingTokenizer(keras_nlp.tokenizers.Tokenizer):
    """WordPiece whose pieces, put together, give back the normalised text, whatever its characters.

    See `vtkeras.data.spelling` for the rule. It holds because every character of an encoded word has a piece of one
    character, so that taking the longest piece first always comes to the end of the word; and because encoding can
    be undone.

    Args:
        tokens: the vocabulary, with `SPELLING_PIECES` in it.
        keep_case: tell upper from lower case.
        times: whether time tokens are among the tokens.
        length: pad or cut to this many tokens.

    Example:
        >>> tokenizer.detokenize(tokenizer.tokenize(tf.constant(["A man's dog 🐕"])))
        [b"a man's dog 🐕"]
    """

    def __init__(
        self, tokens: list[str], keep_case: bool = False, times: bool = False, length: int | None = None, **options
    ):
        super().__init__(**{"dtype": "int32", **options})
        self.keep_case, self.times, self.length = keep_case, times, length
        self.pieces = tf_text.FastWordpieceTokenizer(
            vocab=tokens,
            token_out_type=tf.int32,
            unknown_token="[UNK]",
            no_pretokenization=True,
            max_bytes_per_word=_LONGEST_WORD,
        )
        first = [token for token in tokens if len(token) == 1]
        further = [token[2] for token in tokens if len(token) == 3 and token.startswith(CONTINUES)]
        self._first, self._further = (sorted(map(ord, {*chars} - {*_OWN})) for chars in (first, further))
        self._texts = [_text_of(token) for token in tokens]
        self._join = tokens.index(JOIN)
        halves = [token.removeprefix(CONTINUES) for token in tokens]
        self._high = [HIGH_HALVES.index(half) if half in HIGH_HALVES else 0 for half in halves]
        self._low = [LOW_HALVES.index(half) if half in LOW_HALVES else -1 for half in halves]

    def tokenize(self, inputs):
        """int32 ragged (batch, tokens), or (batch, length), from strings (batch,); (tokens,) from one string."""
        texts = tf.convert_to_tensor(inputs)
        words = tf.strings.split(self._encode(self.normalise(tf.reshape(texts, (-1,)))))
        tokens = self.pieces.tokenize(words).merge_dims(-2, -1)
        if self.length:
            tokens = tokens.to_tensor(shape=(None, self.length))
        return tokens if texts.shape.rank else tokens[0]

    def detokenize(self, inputs):
        """Strings (batch,) from token ids, ragged, dense or lists (batch, tokens); one string from (tokens,)."""
        inputs = tf.ragged.constant(inputs, tf.int32) if isinstance(inputs, list) else inputs
        if inputs.shape.rank == 1:
            return self.detokenize(inputs[None])[0]
        ragged = inputs if isinstance(inputs, tf.RaggedTensor) else tf.RaggedTensor.from_tensor(inputs)
        begins = tf.zeros((ragged.nrows(), 1), ragged.dtype)  # so that no row reads the one before
        ragged = tf.concat([begins, ragged], axis=1)
        ids = ragged.flat_values
        before = tf.concat([[0], ids[:-1]], axis=0)
        texts = tf.gather(tf.constant(self._texts), ids)
        joined = tf.gather(tf.constant([text.lstrip(" ") for text in self._texts]), ids)
        texts = tf.where(tf.equal(before, self._join), joined, texts)
        high, low = tf.gather(tf.constant(self._high), before), tf.gather(tf.constant(self._low), ids)
        texts = tf.where(low >= 0, tf.gather(tf.constant(_BYTES), 16 * high + tf.maximum(low, 0)), texts)
        joined = tf.strings.reduce_join(ragged.with_values(texts), axis=-1)
        return tf.strings.strip(tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8"))

    def normalise(self, texts: tf.Tensor) -> tf.Tensor:
        """What `vtkeras.data.spelling.normalise` gives, in the graph."""
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
        if self.times:
            texts = tf.strings.regex_replace(texts, _TIME, r" \1 ")
        texts = lower_case(single_spaces(texts)) if not self.keep_case else single_spaces(texts)
        return tf_text.normalize_utf8(texts, "NFC")

    def _encode(self, texts: tf.Tensor) -> tf.Tensor:
        """Texts in which every character has a piece."""
        texts = tf.strings.regex_replace(texts, _WORD_BEHIND_MARK, rf"\1 {JOIN} \2")
        if self.times:
            texts = tf.strings.regex_replace(texts, rf"<t= {JOIN} (\d\d)>", r"<t=\1>")
        codes = tf.strings.unicode_decode(tf.strings.join([" ", texts]), "UTF-8")
        chars = tf.strings.unicode_split(tf.strings.join([" ", texts]), "UTF-8").flat_values
        flat = codes.flat_values
        space = tf.equal(flat, _SPACE)
        begins = tf.concat([[False], space[:-1]], axis=0)
        begun = tf.logical_and(begins, _among(flat, self._first))
        known = tf.reduce_any([space, begun, _among(flat, self._further)], axis=0)
        unknown = tf.where(tf.logical_not(known))
        spelled = _spell(tf.gather(chars, unknown[:, 0]))
        chars = tf.tensor_scatter_nd_update(chars, unknown, spelled)
        starts = tf.where(tf.logical_and(begins, tf.logical_not(tf.logical_or(begun, space))), WORD_START, "")
        return tf.strings.reduce_join(codes.with_values(tf.strings.join([starts, chars])), axis=-1)


class PartedTokenizer(keras_nlp.tokenizers.WordPieceTokenizer):
    """The tokenizer of older runs' vocabularies: keras-nlp's, which parts words from marks for good.

    Its texts are put together as a person would write them, where a rule can tell.
    """

    def detokenize(self, inputs):
        texts = super().detokenize(inputs)
        for pattern, rewrite in _AS_WRITTEN:
            for _ in range(2):
                texts = tf.strings.regex_replace(texts, pattern, rewrite)
        return texts


def single_spaces(texts: tf.Tensor) -> tf.Tensor:
    """Strings with single spaces for white space and control characters."""
    return tf.strings.strip(tf.strings.regex_replace(texts, r"[\s\pZ\p{Cc}]+", " "))


def lower_case(texts: tf.Tensor) -> tf.Tensor:
    """Lower-case strings; the same in every locale, unlike `tf.strings.lower`, which heeds Turkish dots."""
    texts = tf.strings.regex_replace(tf.strings.regex_replace(texts, "I", "i"), "İ", "i̇")
    return tf.strings.lower(texts, "utf-8")


_BYTES = [bytes([value]) for value in range(256)]
_OWN = (WORD_START, *HIGH_HALVES, *LOW_HALVES)
_SPELLED_BYTES = [high + low for high in HIGH_HALVES for low in LOW_HALVES]


def _text_of(token: str) -> str:
    """What a token adds to a text: nothing if it is special; spelled characters come by their halves."""
    if token.removeprefix(CONTINUES) in (*_OWN, JOIN) or token.startswith("["):  # no piece begins a word with that
        return " " if token == WORD_START else ""
    return token.removeprefix(CONTINUES) if token.startswith(CONTINUES) else f" {token}"


def _among(codes: tf.Tensor, known: list[int]) -> tf.Tensor:
    """bool (codes,): whether each is among sorted ones."""
    table = tf.constant([*known, 2**31 - 1], tf.int32)
    return tf.equal(tf.gather(table, tf.searchsorted(table, codes)), codes)


def _spell(chars: tf.Tensor) -> tf.Tensor:
    """Each character as the halves of its bytes."""
    parts = tf.strings.bytes_split(chars)
    values = tf.cast(tf.reshape(tf.io.decode_raw(parts.flat_values, tf.uint8), (-1,)), tf.int32)
    return tf.strings.reduce_join(parts.with_values(tf.gather(tf.constant(_SPELLED_BYTES), values)), axis=-1)
