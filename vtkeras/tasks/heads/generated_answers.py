"""The head of generated answers: an answer written word by word, so that it need not be one of a closed set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.spelling import normalise
from vtkeras.generation import repeat_rows
from vtkeras.losses import SequenceCrossEntropy
from vtkeras.models import WrittenText
from vtkeras.tasks.base import Column, Endpoint
from vtkeras.tasks.classification_report import class_scores
from vtkeras.tasks.heads.captions import sequence_exact_match
from vtkeras.tasks.heads.questions import EXPLAIN_ANSWER, IMPOSSIBLE, VQA_COLUMN, QuestionHead, chosen
from vtkeras.tasks.heads.signatures import CHOICES, FRAMES, TEXT
from vtkeras.tasks.predicted import Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader


class GeneratedAnswerHead(QuestionHead):
    """Writes an answer; the decoder reads the question's words, which have read the video."""

    name = "written_answer"
    title = "Written answers"
    headline = "written_answer_accuracy"
    goals = {"written_answer_accuracy": 1.0}
    columns = {"written_answer_accuracy": Column("written answer %", "%")} | VQA_COLUMN
    switch = "data.answer_length"

    def active(self, config, vocabulary, heads):
        answers = bool(vocabulary.answers) or not any(head.from_classes and head.answers_questions for head in heads)
        return answers and config.data.answer_length > 0

    def inputs(self, examples, preprocessor):
        return {keys.ANSWER_TOKENS: self._written(examples, preprocessor, 0)}

    def targets(self, examples, preprocessor):
        target = self._written(examples, preprocessor, 1)
        return target, tf.reduce_any(target > 0, axis=-1)

    def layer(self, parts, vocabulary):
        data = parts.config.data
        return WrittenText(
            parts.decoder,
            keys.READS_QUESTION,
            keys.ANSWER_TOKENS,
            data.answer_length,
            data.questions_per_clip,
            name="written_answer",
        )

    def loss(self, config, gather=None):
        return SequenceCrossEntropy()

    def metrics(self, config):
        return [keras.metrics.MeanMetricWrapper(sequence_exact_match, name="exact")]

    def endpoints(self):
        return (
            Endpoint("write_answer", write_answer, (FRAMES, TEXT)),
            Endpoint("choose", score_written_answers, (FRAMES, TEXT, CHOICES)),
            EXPLAIN_ANSWER,
        )

    def answer(self, reader, batch):
        return _write_answer(reader, batch[keys.READS_VIDEO], batch[keys.QUESTION])

    def predict(self, reader, batch):
        return {"text": self.answer(reader, batch)["answer"]}

    def collect(self, outputs, reader, examples):
        return Predicted([text.decode() for text in outputs["text"]])

    def score(self, predicted, examples, meteor=False):
        truths = examples.truths[self.name]
        texts = [normalise(text) for text in predicted.texts]  # as truths are; a model may keep case
        scores = class_scores([self.as_text(truth) for truth in truths], texts, None)
        accuracy = {"written_answer_accuracy": scores["accuracy"]} if scores else {}
        return accuracy | self.vqa_scores(truths, texts)

    def _written(self, examples, preprocessor, side):
        return preprocessor.each(lambda text: preprocessor.written_answer(text)[side], examples[keys.ANSWER])


def write_answer(reader: VideoTextReader, frames, text) -> dict[str, tf.Tensor]:
    """Writes an answer to a question about every clip, greedily.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.
        text: string (batch,).

    Returns:
        dict of answer string (batch,), score float32 (batch,), the probability of the whole answer, tokens
        string (batch, question_length), the question's word pieces, attention float32 (batch,
        question_length, heads over all blocks, num_frames, rows, columns), and frame_index and frames_mask
        as `VideoTextReader.seen`.
    """
    return {**_write_answer(reader, reader.read_frames(frames), text), **reader.seen(frames)}


def score_written_answers(reader: VideoTextReader, frames, text, choices) -> dict[str, tf.Tensor]:
    """Scores candidate answers by their probability as a written answer.

    Args:
        frames, text: as for `write_answer`.
        choices: string (batch, choices).

    Returns:
        dict as `write_answer` gives it, with probabilities float32 (batch, choices), each candidate's share of
        the candidates' probability, and known bool (batch, choices), False for one without a known word.
    """
    video = reader.read_frames(frames)
    question = reader.read_question(text, video)
    logs, known = weigh_choices(reader, question, choices)
    return {**chosen(reader, question, video, choices, logs, known), **reader.seen(frames)}


def weigh_choices(reader: VideoTextReader, question: tuple, choices) -> tuple[tf.Tensor, tf.Tensor]:
    """How likely candidate answers to questions that were read are written, and which have a known word.

    Args:
        question: as `VideoTextReader.read_question` gives it.
        choices: string (batch, choices).

    Returns:
        log probabilities float32 (batch, choices), `IMPOSSIBLE` without a known word, and bool (batch, choices).
    """
    count = tf.shape(choices)[1]
    inputs, targets = reader.preprocessor.written_answer(tf.reshape(choices, (-1,)))
    context = repeat_rows({name: question[1][name] for name in (keys.SEQUENCE, keys.MASK)}, count)
    logits = reader.decoder(inputs, context[keys.SEQUENCE], context[keys.MASK])
    logs = tf.gather(tf.nn.log_softmax(logits), targets, axis=2, batch_dims=2)
    logs = tf.reshape(tf.reduce_sum(logs * tf.cast(targets > 0, tf.float32), axis=1), (-1, count))
    known = tf.reshape(tf.reduce_any(reader.preprocessor.is_known(targets), axis=1), (-1, count))
    return tf.where(known, logs, IMPOSSIBLE), known


def _write_answer(reader: VideoTextReader, video, questions):
    tokens, read, scores = reader.read_question(questions, video)
    text, score = written_about(reader, read)
    return {"answer": text, "score": score, **reader.looked(tokens, scores, video)}


def written_about(reader: VideoTextReader, read: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """What is written, greedily, to questions that have been read: strings (batch,), and their probabilities."""
    found = reader.write_greedily(read, max_length=reader.preprocessor.config.answer_length)
    probabilities = tf.where(found["tokens"] > 0, found["probabilities"], 1.0)
    return reader.preprocessor.to_text(found["tokens"]), tf.reduce_prod(probabilities, axis=1)
