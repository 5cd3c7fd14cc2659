"""Other wordings of the same question or caption, by templates in English."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import cycle

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.words import with_read_texts

END = r"\s*\??$"
TEMPLATES: dict[str, tuple[tuple[str, str], ...]] = {  # field: pattern of a whole text, and another wording
    keys.QUESTION: (
        (rf"^(.+?){END}", r"please tell me: \1?"),
        (rf"^(.+?){END}", r"look at the video: \1?"),
        (rf"^(.+?){END}", r"\1, can you say?"),
        (rf"^what is (.+?){END}", r"what's \1?"),
        (rf"^what (colou?r) (is|are) (.+?){END}", r"which \1 \2 \3?"),
        (rf"^how many (.+?) are there(.*?){END}", r"what is the number of \1\2?"),
        (rf"^(?:is|are) there (.+?){END}", r"can you see \1?"),
        (rf"^where (is|are) (.+?){END}", r"in which place \1 \2?"),
    ),
    keys.MATCH_TEXT: (
        (r"^(.+?)\.?$", r"a video in which \1"),
        (r"^(.+?)\.?$", r"this video shows: \1"),
        (r"^(.+?)\.?$", r"here you can see: \1"),
        (r"^(.+?)\.?$", r"in this clip, \1"),
    ),
}


def templates(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Words a question, and a caption as search reads it, in another way with this probability.

    Which of the templates that fit is drawn. Texts with letters outside ASCII stay as they are: they are not English.
    """

    def reword(field: str, texts: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        wordings = tf.stack(
            [texts, *(tf.strings.regex_replace(texts, f"(?i){one}", other) for one, other in TEMPLATES[field])], axis=1
        )
        fits = tf.concat([tf.fill((tf.size(texts), 1), False), wordings[:, 1:] != texts[:, None]], axis=1)
        whether, which = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        draws = tf.random.stateless_uniform(tf.shape(fits), which)
        chosen = tf.argmax(tf.where(fits, draws, -1.0), axis=1)
        drawn = tf.random.stateless_uniform(tf.shape(texts), whether) < amount
        drawn &= tf.strings.regex_full_match(texts, r"[ -~]+")
        return tf.where(drawn, tf.gather(wordings, chosen, batch_dims=1), texts)

    return with_read_texts(example, reword, seed)


def words_of_templates(texts: Iterable[str]) -> list[str]:
    """What templates add to a vocabulary: for each text the words of one of them, in turn."""
    wordings = [re.sub(r"\\\d", "", wording) for pairs in TEMPLATES.values() for _, wording in pairs]
    return [wording for _, wording in zip(texts, cycle(wordings))]
