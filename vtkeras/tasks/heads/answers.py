"""The answer head: an answer out of the closed set that training showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.models import ClassLogits
from vtkeras.tasks.base import Endpoint
from vtkeras.tasks.classification_report import class_columns, class_scores
from vtkeras.tasks.heads.questions import EXPLAIN_ANSWER, IMPOSSIBLE, VQA_COLUMN, QuestionHead, chosen
from vtkeras.tasks.heads.signatures import CHOICES, FRAMES, TEXT
from vtkeras.tasks.predicted import ClassProbabilities, Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader


class AnswerHead(QuestionHead):
    """Chooses one of the training answers."""

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
        return {"probabilities": self.answer(reader, batch)["probabilities"]}

    def collect(self, outputs, reader, examples):
        names, probabilities = reader.preprocessor.vocabulary.answers, outputs["probabilities"]
        texts = [names[place] for place in probabilities.argmax(axis=1)]
        return Predicted(texts, ClassProbabilities(names, probabilities))

    def score(self, predicted, examples, meteor=False):
        truths = examples.truths[self.name]
        texts = [self.as_text(truth) for truth in truths]
        scores = class_scores(texts, predicted.texts, self.separator, predicted.classes)
        return {f"answer_{name}": value for name, value in scores.items()} | self.vqa_scores(truths, predicted.texts)


def answer(reader: VideoTextReader, frames, text) -> dict[str, tf.Tensor]:
    """Answers a question about every clip.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.
        text: string (batch,).

    Returns:
        dict of answer string (batch,), score float32 (batch,), its probability, probabilities
        float32 (batch, answers), tokens string (batch, question_length), the question's word
        pieces, attention float32 (batch, question_length, heads over all blocks, num_frames,
        rows, columns), and frame_index and frames_mask as `VideoTextReader.seen`.
    """
    return {**_answer(reader, reader.read_frames(frames), text), **reader.seen(frames)}


def score_known_answers(reader: VideoTextReader, frames, text, choices) -> dict[str, tf.Tensor]:
    """Scores candidate answers by their probability in the closed set.

    Args:
        frames, text: as for `answer`.
        choices: string (batch, choices).

    Returns:
        dict as `answer` gives it, with probabilities float32 (batch, choices), each candidate's share of the
        candidates' probability, and known bool (batch, choices), False for one that the set does not hold.
    """
    video = reader.read_frames(frames)
    question = reader.read_question(text, video)
    logs = tf.nn.log_softmax(_logits(reader, question, video))
    classes = reader.preprocessor.each(reader.preprocessor.answer, choices)
    known = classes >= 0
    logs = tf.where(known, tf.gather(logs, tf.maximum(classes, 0), batch_dims=1), IMPOSSIBLE)
    return {**chosen(reader, question, video, choices, logs, known), **reader.seen(frames)}


def _answer(reader: VideoTextReader, video, questions):
    tokens, read, scores = reader.read_question(questions, video)
    logits = _logits(reader, (tokens, read, scores), video)
    probabilities = reader.model.heads[AnswerHead.name].probabilities(logits)
    best = tf.argmax(probabilities, axis=-1)
    return {
        "answer": tf.gather(reader.preprocessor.answer_strings, best),
        "score": tf.reduce_max(probabilities, axis=-1),
        "probabilities": probabilities,
        **reader.looked(tokens, scores, video),
    }


def _logits(reader: VideoTextReader, question, video):
    tokens, read, _ = question
    logits = reader.model.heads[AnswerHead.name]({keys.READS_QUESTION: read})
    return reader.with_linear(AnswerHead.name, logits, video, tokens)
