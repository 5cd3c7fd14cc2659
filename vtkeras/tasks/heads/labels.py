"""The label head: classes of a clip and a text, one or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.models import ClassLogits
from vtkeras.tasks.base import Endpoint, Head
from vtkeras.tasks.classification_report import class_columns, class_scores, split_labels
from vtkeras.tasks.heads.signatures import FRAMES, TEXT
from vtkeras.tasks.predicted import ClassProbabilities, Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader


class LabelHead(Head):
    """Gives each label a probability of its own, or with `model.single_label` chooses one."""

    name = "label"
    title = "Labels"
    learns_from = "labels"
    field = keys.LABEL
    reads_question = True
    from_classes = True
    separator = keys.LABEL_SEPARATOR
    headline = "label_accuracy"
    goals = {"label_accuracy": 1.0, "label_macro_f1": 1.0}
    columns = class_columns("label")

    def active(self, config, vocabulary, heads):
        return bool(vocabulary.labels)

    def targets(self, examples, preprocessor):
        labels = preprocessor.labels(examples[keys.LABEL])
        return labels, preprocessor.label_weight(labels)

    def layer(self, parts, vocabulary):
        model = parts.config.model
        options = {"single": model.single_label, "with_question": model.label_from_text, "dtype": "float32"}
        return ClassLogits(len(vocabulary.labels), with_video=True, **options, name="label_logits")

    def loss(self, config, gather=None):
        kinds = keras.losses.BinaryCrossentropy, keras.losses.CategoricalCrossentropy
        return kinds[config.model.single_label](from_logits=True)

    def metrics(self, config):
        if config.model.single_label:
            return [keras.metrics.CategoricalAccuracy(name="accuracy")]
        return [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)]

    def endpoints(self):
        return (Endpoint("classify", classify, (FRAMES, TEXT)),)

    def predict(self, reader, batch):
        return {"probabilities": _probabilities(reader, batch[keys.READS_VIDEO], batch[keys.QUESTION])}

    def collect(self, outputs, reader, examples):
        names, probabilities = reader.preprocessor.vocabulary.labels, outputs["probabilities"]
        several = not reader.model.heads[self.name].single  # as whoever asks for a prediction is told them
        texts = [_as_text(row, names, several) for row in probabilities]
        return Predicted(texts, ClassProbabilities(names, probabilities, several))

    def truth(self, example):
        return example[keys.LABEL].decode()

    def correct(self, truth, text):
        return split_labels(truth, self.separator) == split_labels(text, self.separator)

    def by_clip(self, examples):
        """Labels of a clip count once where none of its texts has other ones."""
        return len({*zip(examples.ids, examples.truths[self.name])}) == len({*examples.ids})

    def score(self, predicted, examples, meteor=False):
        scores = class_scores(examples.truths[self.name], predicted.texts, self.separator, predicted.classes)
        return {f"label_{name}": value for name, value in scores.items()}


def classify(reader: VideoTextReader, frames, text) -> dict[str, tf.Tensor]:
    """Labels every (clip, text) pair.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.
        text: string (batch,), may be empty.

    Returns:
        dict of label string (batch,), the likeliest one, score float32 (batch,), its probability,
        probabilities float32 (batch, labels): each label's own, or with `model.single_label` such
        as sum to 1, and frame_index and frames_mask as `VideoTextReader.seen`.
    """
    probabilities = _probabilities(reader, reader.read_frames(frames), text)
    best = tf.argmax(probabilities, axis=-1)
    return {
        "label": tf.gather(reader.preprocessor.label_strings, best),
        "score": tf.reduce_max(probabilities, axis=-1),
        "probabilities": probabilities,
        **reader.seen(frames),
    }


def _probabilities(reader: VideoTextReader, video, texts):
    layer, reading = reader.model.heads[LabelHead.name], {keys.READS_VIDEO: video}
    if layer.with_question:
        reading[keys.READS_QUESTION] = reader.read_question(texts, video)[1]
    return layer.probabilities(reader.with_linear(LabelHead.name, layer(reading), video))


def _as_text(probabilities: np.ndarray, names: tuple[str, ...], several: bool) -> str:
    if not several:
        return names[int(probabilities.argmax())]
    return keys.LABEL_SEPARATOR.join(name for name, p in zip(names, probabilities) if p > 0.5)
