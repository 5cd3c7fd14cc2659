"""Mirroring a clip, with the words that tell left from right."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys

TEXTS = (keys.CAPTION, keys.REFERENCES, keys.MATCH_ID, keys.MATCH_TEXT, keys.QUESTION, keys.ANSWER, keys.LABEL)

PAIRS = (  # what a mirror makes of one it makes of the other
    ("left", "right"),
    ("leftmost", "rightmost"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("lefthand", "righthand"),
    ("lefthanded", "righthanded"),
    ("east", "west"),
    ("eastward", "westward"),
    ("eastwards", "westwards"),
    ("northeast", "northwest"),
    ("southeast", "southwest"),
    ("clockwise", "counterclockwise"),
    ("左", "右"),
)
SPELLINGS = ("anticlockwise", "counter-clockwise", "anti-clockwise")  # of counterclockwise

# "he left the room", "right now": no direction, or it cannot be told. Such a clip stays as it is.
UNSURE = "|".join(
    (
        r"\bleft +(a|an|the|his|her|its|their|it|him|them|for|home|alone|behind|over|out|off)\b",
        r"\b(has|have|had|been|being|gets|got|just|already|what's|nothing) +left\b",
        r"\b(he|she|it|they|who|we|you|man|woman|boy|girl|people|everyone|person|player|train|bus|car) +left\b",
        r"\b(two|three|four|five|some|no|more|many|few) +\pL+ +left\b",
        r"\b(is|are|was|were) +left *([.?!,;]|$)",
        r"\bright +(now|away|after|before|then|here|there|next|answer|thing|way|angle|angles|above|in front|behind)\b",
        r"\b(all|is|are|that's) +right\b",
        "左右",
    )
)
MARK = "\x1f"  # the control character that separates units
WORD = r"(?i)(?:counter|anti)-?clockwise|[\pL\pM]+"


def flip(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Mirrors the clip with this probability, and swaps left and right in all its texts.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB. Its texts are those named in
            `TEXTS`.
        amount: float, 0 to 1, the probability.
        seed: int64 (2,), which decides whether it is mirrored.

    Returns:
        The example with other FRAMES and texts, or as it was; it always stays where a text matches `UNSURE`.
    """
    texts = {key: example[key] for key in TEXTS if key in example}
    unsure = [tf.reduce_any(tf.strings.regex_full_match(text, f"(?is).*({UNSURE}).*")) for text in texts.values()]
    flipped = (tf.random.stateless_uniform((), seed) < amount) & ~tf.reduce_any(tf.stack([False, *unsure]))
    frames = example[keys.FRAMES]
    changed = {keys.FRAMES: tf.where(flipped, tf.reverse(frames, (2,)), frames)}
    return {**example, **changed, **{key: tf.where(flipped, swapped(text), text) for key, text in texts.items()}}


def swapped(texts: tf.Tensor) -> tf.Tensor:
    """Texts, strings of any shape, as they are true of the mirrored picture: whole words, with their case.

    Example:
        >>> swapped(tf.constant("Left of the box, turning clockwise"))
        "Right of the box, turning counterclockwise"
    """
    marked = tf.strings.regex_replace(texts, "[左右]", rf"{MARK}\0{MARK}")  # words are not parted in Chinese
    marked = tf.strings.regex_replace(marked, WORD, rf"{MARK}\0{MARK}")
    pieces = tf.strings.split(tf.reshape(marked, (-1,)), MARK)
    found = pieces.flat_values[:, None] == tf.constant(list(MIRRORED))
    mirrored = tf.gather(tf.constant(list(MIRRORED.values())), tf.argmax(found, axis=1))
    words = tf.where(tf.reduce_any(found, axis=1), mirrored, pieces.flat_values)
    return tf.reshape(tf.strings.reduce_join(pieces.with_flat_values(words), axis=1), tf.shape(texts))


def _mirrored() -> dict[str, str]:
    pairs = [*PAIRS, *((right, left) for left, right in PAIRS), *((word, "clockwise") for word in SPELLINGS)]
    return {case(one): case(other) for one, other in pairs for case in (str.lower, str.upper, str.capitalize)}


MIRRORED = _mirrored()
