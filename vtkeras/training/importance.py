"""Training the scorer of shots on videos that people have annotated."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from vtkeras.data.annotations import AnnotatedVideo
from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.models.importance import ImportanceModel
from vtkeras.training.callbacks import EndOfStep

EPOCHS = 120
LEARNING_RATE = 2e-3
BATCH = 4


def train_importance(
    videos: list[AnnotatedVideo],
    epochs: int = EPOCHS,
    seed: int = 0,
    with_speech: bool = True,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> ImportanceModel:
    """Fits the importance model to the users' mean opinions.

    Opinions are brought to 0..1 by their range over all videos; each shot's squared error counts by its
    length, as frames would.

    Args:
        videos: annotated videos, at least one.
        epochs: passes over them.
        seed: of the weights, the order and the dropout.
        with_speech: let shots read what is said.
        report: called with epochs done and in all.

    Returns:
        The trained model.

    Example:
        >>> train_importance(videos).predict(inputs).shape
        (1, 40)
    """
    keras.utils.set_random_seed(seed)
    inputs = batch([video.sequence for video in videos], with_speech)
    opinions = [video.targets() for video in videos]
    low, high = min(one.min() for one in opinions), max(one.max() for one in opinions)
    targets = pad([(one - low) / max(high - low, 1e-6) for one in opinions])
    weights = pad([video.sequence.lengths / video.sequence.lengths.mean() for video in videos])
    model = ImportanceModel(videos[0].sequence.shots.shape[1])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * -(-len(videos) // BATCH))
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01), loss=shot_error, jit_compile=False)
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: report(epoch + 1, epochs))
    with interrupt_between_steps() as end_of_step:
        model.fit(
            inputs,
            np.stack([targets, weights], axis=-1),
            batch_size=BATCH,
            epochs=epochs,
            verbose=0,
            callbacks=[told, EndOfStep(end_of_step)],
        )
    return model


@keras.saving.register_keras_serializable("vtkeras")
def shot_error(y_true, y_pred):
    """Weighted squared error, one value a video; `y_true` (batch, shots, 2) holds targets and weights."""
    targets, weights = y_true[..., 0], y_true[..., 1]
    squares = weights * keras.ops.square(targets - y_pred)
    return keras.ops.sum(squares, axis=-1) / keras.ops.maximum(keras.ops.sum(weights, axis=-1), 1e-6)


def predict_importance(model: ImportanceModel, sequence: ShotSequence, with_speech: bool = True) -> np.ndarray:
    """Scores of one video's shots, float32 (shots,).

    Args:
        model: made by `train_importance`.
        sequence: the video's shots, and what is said.
        with_speech: let shots read what is said, as in training.
    """
    return np.asarray(model(batch([sequence], with_speech), training=False))[0]


def learned_scorers(epochs: int = EPOCHS, seed: int = 0) -> dict[str, Callable]:
    """Name -> function(training videos) -> function(sequence) -> scores; with and without what is said."""

    def make(with_speech: bool) -> Callable:
        def trained(videos: list[AnnotatedVideo]) -> Callable[[ShotSequence], np.ndarray]:
            model = train_importance(videos, epochs, seed, with_speech)
            return lambda sequence: predict_importance(model, sequence, with_speech)

        return trained

    return {"learned": make(False), "learned, with transcript": make(True)}


def batch(sequences: list[ShotSequence], with_speech: bool = True) -> dict[str, np.ndarray]:
    """The model's inputs for some videos, padded to the longest."""
    speech = [sequence.speech() for sequence in sequences]
    if not with_speech:
        speech = [(sentences[:0], times[:0]) for sentences, times in speech]
    said = pad([sentences for sentences, _ in speech], least=1)
    return {
        "shots": pad([sequence.shots for sequence in sequences]),
        "shots_mask": pad([np.ones(len(sequence.shots), bool) for sequence in sequences]),
        "shot_times": pad([sequence.middles for sequence in sequences]),
        "sentences": said,
        "sentences_mask": pad([np.ones(len(times), bool) for _, times in speech], least=1),
        "sentence_times": pad([times for _, times in speech], least=1),
    }


def pad(arrays: list[np.ndarray], least: int = 0) -> np.ndarray:
    """Arrays as one, with zeros after the shorter ones: (batch, longest, ...)."""
    longest = max(least, *(len(array) for array in arrays))
    padded = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(padded, arrays):
        row[: len(array)] = array
    return padded
