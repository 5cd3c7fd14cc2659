"""Answers beyond the closed set: written word by word, and chosen among candidates."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.text import START_ID
from vtkeras.generation import repeat_rows

IMPOSSIBLE = -1e9  # log probability of a candidate that the closed set does not hold


def write_answer(decoder, video: dict, questions: tf.Tensor) -> dict[str, tf.Tensor]:
    """Writes an answer to a question (string, (batch,)) about every clip, greedily.

    The text decoder reads the question's tokens, which have read the video.

    Args:
        decoder: `vtkeras.tasks.video_text.Decoder`.
        video: dict from `VideoTextModel.encode_video`.
        questions: string (batch,).

    Returns:
        dict of answer string (batch,), score float32 (batch,), the probability of the whole answer, and
        tokens and attention of the question as `Decoder.answer` gives them.
    """
    question, read, scores = _read(decoder, video, questions)
    found = decoder.write_greedily(read, max_length=decoder.model.answer_length)
    chances = tf.where(found["tokens"] > 0, found["probabilities"], 1.0)
    return {
        "answer": decoder.preprocessor.to_text(found["tokens"]),
        "score": tf.reduce_prod(chances, axis=1),
        **decoder.looked(question, scores, video),
    }


def choose(decoder, video: dict, questions: tf.Tensor, choices: tf.Tensor) -> dict[str, tf.Tensor]:
    """Scores candidate answers (string, (batch, choices)) to a question about every clip.

    A candidate's score is its probability as a written answer where the model writes answers, and its
    probability in the closed set otherwise, where one that the set does not hold cannot be chosen.

    Args and returns as `write_answer`, and:
        answer: the likeliest candidate.
        probabilities: float32 (batch, choices), each candidate's share of the candidates' probability.
        known: bool (batch, choices), False for a candidate that the model cannot score.
    """
    question, read, scores = _read(decoder, video, questions)
    if keys.HEAD_WRITTEN_ANSWER in decoder.heads:
        logs, known = _written(decoder, read, choices)
    else:
        logs, known = _closed(decoder, read, choices)
    probabilities = tf.nn.softmax(logs, axis=1)
    best = tf.argmax(probabilities, axis=1)
    return {
        "answer": tf.gather(choices, best, batch_dims=1),
        "score": tf.reduce_max(probabilities, axis=1),
        "probabilities": probabilities,
        "known": known,
        **decoder.looked(question, scores, video),
    }


def _read(decoder, video, questions):
    question = decoder.preprocessor.question(questions)
    return question, *decoder.read_question(question, video)


def _written(decoder, read, choices):
    """Log probability of each candidate's whole text: float32 (batch, choices), and bool of the same shape."""
    count = tf.shape(choices)[1]
    inputs, targets = decoder.preprocessor.written_answer(tf.reshape(choices, (-1,)))
    context = repeat_rows({name: read[name] for name in (keys.SEQUENCE, keys.MASK)}, count)
    logits = decoder.model.decoder(inputs, context[keys.SEQUENCE], context[keys.MASK])
    logs = tf.gather(tf.nn.log_softmax(logits), targets, axis=2, batch_dims=2)
    counted = tf.cast(targets > 0, tf.float32)
    logs = tf.reshape(tf.reduce_sum(logs * counted, axis=1), (-1, count))
    known = tf.reshape(tf.reduce_any(targets > START_ID, axis=1), (-1, count))
    return tf.where(known, logs, IMPOSSIBLE), known


def _closed(decoder, read, choices):
    """As `_written`, from the closed set's probabilities."""
    logs = tf.nn.log_softmax(decoder.model.answer_logits(read[keys.POOLED]))
    classes = tf.reshape(decoder.preprocessor.answer(tf.reshape(choices, (-1,))), tf.shape(choices))
    known = classes >= 0
    return tf.where(known, tf.gather(logs, tf.maximum(classes, 0), batch_dims=1), IMPOSSIBLE), known
