"""The endpoint `novelty` of an exported model."""

from __future__ import annotations

import tensorflow as tf

from vtkeras.data.preprocess import Preprocessor
from vtkeras.novelty.calibrate import Calibration
from vtkeras.novelty.statistics import ClipStatistics

FRAMES = tf.TensorSpec((None, None, None, None, 3), tf.uint8, name="frames")


def novelty_endpoint(statistics: ClipStatistics, preprocessor: Preprocessor, calibration: Calibration) -> tf.function:
    """How unlike its training videos clips are to a model.

    Args:
        statistics: of the model's frame encoder.
        preprocessor: brings frames of any size and length to the model's shape.
        calibration: on the model's own clips; it is stored in the graph.

    Returns:
        a function of frames uint8 (batch, time, height, width, 3) to a dict of `score` and `threshold`, float32
        (batch,); a clip of a higher score is foreign.
    """
    mean = tf.constant(calibration.cloud.mean, tf.float32)
    whiten = tf.constant(calibration.cloud.whiten, tf.float32)

    def novelty(frames):
        away = statistics(*preprocessor.clips(frames)) - mean
        score = tf.norm(tf.matmul(away, whiten), axis=1)
        return {"score": score, "threshold": tf.fill(tf.shape(score), calibration.threshold)}

    return tf.function(novelty, input_signature=[FRAMES], autograph=False)
