"""Mirroring a clip, with the words that tell left from right."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.sides import LEFT, MIRRORED, PARTS, SIGN, SURE, UNSURE, WORD

TEXTS = (keys.CAPTION, keys.REFERENCES, keys.MATCH_ID, keys.MATCH_TEXT, keys.QUESTION, keys.ANSWER, keys.LABEL)

MARK = "\x1f"  # the control character that separates units


def flip(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Mirrors the clip with this probability, and swaps left and right in all its texts.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB. Its texts are those named in
            `TEXTS`.
        amount: float, 0 to 1, the probability.
        seed: int64 (2,), which decides whether it is mirrored.

    Returns:
        The example with other FRAMES and texts, or as it was; it always stays where a text is `unsure`.
    """
    texts = {key: example[key] for key in TEXTS if key in example}
    stays = [tf.reduce_any(unsure(text)) for text in texts.values()]
    flipped = (tf.random.stateless_uniform((), seed) < amount) & ~tf.reduce_any(tf.stack([False, *stays]))
    frames = example[keys.FRAMES]
    changed = {keys.FRAMES: tf.where(flipped, tf.reverse(frames, (2,)), frames)}
    return {**example, **changed, **{key: tf.where(flipped, swapped(text), text) for key, text in texts.items()}}


def unsure(texts: tf.Tensor) -> tf.Tensor:
    """Whether texts, strings of any shape, have a word that may tell a side, and may not.

    Example:
        >>> unsure(tf.constant(["turn left", "the dog left with the ball"]))
        [False, True]
    """
    words = tf.strings.regex_replace(texts, PARTS, r"\1 \2")
    others = tf.strings.regex_replace(words, f"(?i){SURE}", " ")
    doubtful = [
        tf.strings.regex_full_match(words, f"(?is).*(?:{UNSURE}).*"),
        tf.strings.regex_full_match(others, f"(?is).*(?:{LEFT}).*"),
    ]
    return tf.reduce_any(tf.stack(doubtful), axis=0)


def swapped(texts: tf.Tensor) -> tf.Tensor:
    """Texts, strings of any shape, as they are true of the mirrored picture: whole words, with their case.

    Example:
        >>> swapped(tf.constant("Left of the box, turning clockwise"))
        "Right of the box, turning counterclockwise"
    """
    marked = tf.strings.regex_replace(texts, SIGN, rf"{MARK}\0{MARK}")  # words are not parted in Chinese
    marked = tf.strings.regex_replace(marked, WORD, rf"{MARK}\0{MARK}")
    pieces = tf.strings.split(tf.reshape(marked, (-1,)), MARK)
    found = pieces.flat_values[:, None] == tf.constant(list(MIRRORED))
    mirrored = tf.gather(tf.constant(list(MIRRORED.values())), tf.argmax(found, axis=1))
    words = tf.where(tf.reduce_any(found, axis=1), mirrored, pieces.flat_values)
    return tf.reshape(tf.strings.reduce_join(pieces.with_flat_values(words), axis=1), tf.shape(texts))
