"""The answer head: one of the answers that training showed, or a new one where the model writes answers as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.spelling import normalise
from vtkeras.models import ClassLogits
from vtkeras.models.linear_experts import ALONE
from vtkeras.tasks.base import Endpoint
from vtkeras.tasks.classification_report import class_columns, class_scores
from vtkeras.tasks.heads.generated_answers import GeneratedAnswerHead, weigh_choices, written_about
from vtkeras.tasks.heads.questions import EXPLAIN_ANSWER, IMPOSSIBLE, VQA_COLUMN, QuestionHead, chosen
from vtkeras.tasks.heads.signatures import CHOICES, FRAMES, TEXT
from vtkeras.tasks.predicted import ClassProbabilities, Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader


NEW = "(new)"  # stands for all written answers that are neither classes nor right
SURE = 0.5  # probability above which a written answer that is none of the closed set is given


class AnswerHead(QuestionHead):
    """Chooses one of the training answers; beside a head that writes them, a new one of which that is sure."""

    name = "answer"
    title = "Answers"
    from_classes = True
    headline = "answer_accuracy"
    goals = {"answer_accuracy": 1.0}
    columns = class_columns("answer", "micro_f1") | VQA_COLUMN

    def active(self, config, vocabulary, heads):
        return bool(vocabulary.answers)

    def targets(self, examples, preprocessor):
        classes = preprocessor.each(preprocessor.answer, examples[keys.ANSWER])
        return tf.maximum(classes, 0), classes >= 0

    def layer(self, parts, vocabulary):
        return ClassLogits(len(vocabulary.answers), dtype="float32", name="answer_logits")

    def loss(self, config, gather=None):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self, config):
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def endpoints(self):
        return (
            Endpoint("answer", answer, (FRAMES, TEXT)),
            Endpoint("choose", score_known_answers, (FRAMES, TEXT, CHOICES)),
            EXPLAIN_ANSWER,
        )

    def answer(self, reader, batch):
        return _answer(reader, batch[keys.READS_VIDEO], batch[keys.QUESTION])

    def predict(self, reader, batch):
        found = self.answer(reader, batch)
        return {"text": found["answer"], "score": found["score"], "probabilities": found["probabilities"]}

    def collect(self, outputs, reader, examples):
        texts = [normalise(text.decode()) for text in outputs["text"]]  # as truths are; a written one may keep case
        classes = ClassProbabilities(reader.preprocessor.vocabulary.answers, outputs["probabilities"])
        return Predicted(texts, classes, confidence=outputs["score"])

    def score(self, predicted, examples, meteor=False):
        truths = examples.truths[self.name]
        texts = [self.as_text(truth) for truth in truths]
        said = predicted.texts
        if predicted.classes:  # each wrong new answer by itself would count as a class
            known = {*texts, *predicted.classes.classes}
            said = [text if text in known else NEW for text in said]
        scores = class_scores(texts, said, self.separator, predicted.classes)
        return {f"answer_{name}": value for name, value in scores.items()} | self.vqa_scores(truths, predicted.texts)


def answer(reader: VideoTextReader, frames, text) -> dict[str, tf.Tensor]:
    """Answers a question about every clip.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.
        text: string (batch,).

    Returns:
        dict of answer string (batch,), one of the closed set or a new one, score float32 (batch,), its
        probability, probabilities float32 (batch, answers) of the closed set, tokens string (batch,
        question_length), the question's word pieces, attention float32 (batch, question_length, heads over
        all blocks, num_frames, rows, columns), and frame_index and frames_mask as `VideoTextReader.seen`.
    """
    return {**_answer(reader, reader.read_frames(frames), text), **reader.seen(frames)}


def score_known_answers(reader: VideoTextReader, frames, text, choices) -> dict[str, tf.Tensor]:
    """Scores candidate answers by their probability in the closed set.

    Where one of them is none of that set, and the model writes answers, as `score_written_answers` does.

    Args:
        frames, text: as for `answer`.
        choices: string (batch, choices).

    Returns:
        dict as `answer` gives it, with probabilities float32 (batch, choices), each candidate's share of the
        candidates' probability, and known bool (batch, choices), False for one that cannot be said.
    """
    video = reader.read_frames(frames)
    question = reader.read_question(text, video)
    logs = tf.nn.log_softmax(_logits(reader, question, video))
    classes = reader.preprocessor.each(reader.preprocessor.answer, choices)
    known = classes >= 0
    logs = tf.where(known, tf.gather(logs, tf.maximum(classes, 0), batch_dims=1), IMPOSSIBLE)
    if _writes(reader):
        written, can_write = weigh_choices(reader, question, choices)
        all_known = tf.reduce_all(known, axis=1, keepdims=True)
        logs, known = tf.where(all_known, logs, written), tf.logical_or(all_known, can_write)
    return {**chosen(reader, question, video, choices, logs, known), **reader.seen(frames)}


def _answer(reader: VideoTextReader, video, questions):
    tokens, read, scores = reader.read_question(questions, video)
    logits = _logits(reader, (tokens, read, scores), video)
    probabilities = reader.model.heads[AnswerHead.name].probabilities(logits)
    best = tf.argmax(probabilities, axis=-1)
    text, score = tf.gather(reader.preprocessor.answer_strings, best), tf.reduce_max(probabilities, axis=-1)
    if _writes(reader):
        text, score = _or_new(reader, read, text, score)
    return {"answer": text, "score": score, "probabilities": probabilities, **reader.looked(tokens, scores, video)}


def _writes(reader: VideoTextReader) -> bool:
    """Whether the network writes answers, also where a reader is asked for some of its heads alone."""
    return GeneratedAnswerHead.name in reader.model.heads


def _or_new(reader: VideoTextReader, read: dict, text, score):
    """An answer of the closed set, or what is written where that is none of the set and sure.

    Where a linear model decides alone, the network has learned too little to know better.
    """
    written, likely = written_about(reader, read)
    new = tf.logical_and(tf.logical_not(reader.preprocessor.is_closed(written)), likely > SURE)
    linear = reader.experts.classes.get(AnswerHead.name) if reader.experts else None
    if linear is not None:
        new = tf.logical_and(new, linear.share < ALONE)
    return tf.where(new, written, text), tf.where(new, likely, score)


def _logits(reader: VideoTextReader, question, video):
    tokens, read, _ = question
    logits = reader.model.heads[AnswerHead.name]({keys.READS_QUESTION: read})
    return reader.with_linear(AnswerHead.name, logits, video, tokens)
