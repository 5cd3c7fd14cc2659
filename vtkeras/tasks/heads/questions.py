"""What heads that answer questions share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.spelling import normalise
from vtkeras.explain.rollout import cross_rollout
from vtkeras.metrics import vqa_accuracy
from vtkeras.tasks.base import Column, Endpoint, Head, sample_table
from vtkeras.tasks.heads.signatures import FRAMES, TEXT

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader

ANNOTATORS = 4  # answers that a question needs for VQA accuracy to reach 1
IMPOSSIBLE = -1e9  # log probability of a candidate that the model cannot say
VQA_COLUMN = {"vqa_accuracy": Column("VQA accuracy %", "%")}


class QuestionHead(Head):
    """A head whose truth is the answer to the example's question."""

    field = keys.ANSWER
    learns_from = "answers"
    reads_question = True
    answers_questions = True

    def truth(self, example):
        """Every answer that was given to the question, with repeats; [""] where there is none."""
        return [normalise(one) for one in example[keys.ANSWER].decode().split(keys.LABEL_SEPARATOR)]

    def as_text(self, truth):
        return truth[0]

    def correct(self, truth, text):
        return truth[0] == normalise(text)

    def samples(self, reader, batch):
        found = self.answer(reader, batch)
        return {f"samples/{self.name}s": sample_table("asked", batch[keys.QUESTION], found["answer"])}

    def answer(self, reader, batch) -> dict[str, tf.Tensor]:
        """The answers to a batch's questions."""
        raise NotImplementedError

    def vqa_scores(self, truths, texts) -> dict[str, float]:
        """Soft accuracy, where questions have answers of several people."""
        pairs = [(given, text) for given, text in zip(truths, texts) if len(given) >= ANNOTATORS]
        return {"vqa_accuracy": vqa_accuracy(*zip(*pairs))} if pairs else {}


def explain_answer(reader: VideoTextReader, frames, text) -> dict[str, tf.Tensor]:
    """Where each word of a question looks, followed back to the input patches.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.
        text: string (batch,).

    Returns:
        dict of tokens string (batch, question_length) and rollout float32 (batch, question_length,
        num_frames, rows, columns), and frame_index and frames_mask as `VideoTextReader.seen`.
    """
    video, layers = reader.read_frames(frames, return_scores=True)
    tokens, _, scores = reader.read_question(text, video)
    rolled = cross_rollout([(None, block) for block in tf.unstack(scores, axis=1)], layers)
    looked = reader.looked(tokens, tf.transpose(rolled[:, :, None, None], (0, 2, 3, 1, 4)), video)
    return {"tokens": looked["tokens"], "rollout": looked["attention"][:, :, 0], **reader.seen(frames)}


def chosen(
    reader: VideoTextReader, question: tuple, video: dict, choices: tf.Tensor, logs: tf.Tensor, known: tf.Tensor
) -> dict:
    """The likeliest of several candidate answers.

    Args:
        question: as `VideoTextReader.read_question` gives it.
        video: what it read.
        choices: string (batch, choices).
        logs: log probabilities float32 (batch, choices), `IMPOSSIBLE` for those that cannot be said.
        known: bool (batch, choices), False for those.
    """
    tokens, _, scores = question
    probabilities = tf.nn.softmax(logs, axis=1)
    best = tf.argmax(probabilities, axis=1)
    return {
        "answer": tf.gather(choices, best, batch_dims=1),
        "score": tf.reduce_max(probabilities, axis=1),
        "probabilities": probabilities,
        "known": known,
        **reader.looked(tokens, scores, video),
    }


EXPLAIN_ANSWER = Endpoint("explain_answer", explain_answer, (FRAMES, TEXT))
