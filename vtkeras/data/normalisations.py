"""What may be taken out of texts before a model reads them. In the graph, so that an exported model does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from vtkeras.data.tokenizers import lower_case, single_spaces

# Words that help a sentence along. Those that change what is said stay: "no", "not", numbers, question words, sides.
STOP_WORDS = (
    *("a", "an", "the", "this", "that", "these", "those", "it", "its", "there"),
    *("am", "is", "are", "was", "were", "be", "been", "being", "do", "does", "did", "has", "have", "had"),
    *("of", "to", "and", "as", "please"),
)
# Marks that are never part of a word; "%", "&", "#", "@" and a minus before a number say something.
_MARKS = r'[;!?"“”„«»‹›()\[\]{}…।॥؟؛،、。，！？；：「」『』（）《》〈〉【】]'
_EDGE = r"[^\PP%&#@]"
_BEFORE = r"[^\PP%&#@\-]"


def without_punctuation(texts: tf.Tensor) -> tf.Tensor:
    """Strings without punctuation marks; those within a word or a number stay: "can't", "well-known", "3.5".

    Example:
        >>> without_punctuation(tf.constant(["Well, can't it jump 3.5 m?"]))
        [b"Well can't it jump 3.5 m"]
    """
    for pattern, rewrite in (
        (_MARKS, " "),
        (r"(^|\s)" + _BEFORE + "+", " "),
        (_EDGE + r"+(\s|$)", " "),
        (r"([^\d\s]),", r"\1 "),
        (r",([^\d\s])", r" \1"),
    ):
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    return texts


def without_stop_words(texts: tf.Tensor) -> tf.Tensor:
    """Strings without English words of `STOP_WORDS`, in any case; other languages stay as they are.

    Example:
        >>> without_stop_words(tf.constant(["The dog is not on a mat"]))
        [b"dog not on mat"]
    """
    words = tf.strings.split(texts)
    stops = tf.reduce_any(lower_case(words.flat_values)[:, None] == tf.constant(STOP_WORDS), axis=1)
    return tf.strings.reduce_join(tf.ragged.boolean_mask(words, words.with_values(~stops)), axis=-1, separator=" ")


NORMALISATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {  # in the order in which they are applied
    "case": lower_case,
    "punctuation": without_punctuation,
    "stop_words": without_stop_words,
}


def normalised(texts: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Texts as a model reads them; one of which nothing would be left stays as it is.

    Args:
        texts: string (batch,).
        names: of `NORMALISATIONS`.

    Returns:
        string (batch,).

    Example:
        >>> normalised(tf.constant(["Is the dog red?", "?"]), ["punctuation", "stop_words"])
        [b"dog red", b"?"]
    """
    changed = texts
    for name, change in NORMALISATIONS.items():
        if name in names:
            changed = single_spaces(change(changed))
    return tf.where(tf.strings.length(changed) > 0, changed, texts)
