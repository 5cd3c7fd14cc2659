"""A probe: a task that no video is read for. It paints a caption's average picture, 4 x 4 pixels."""

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.tasks.base import LOWER, Column, Endpoint, Head, Task
from vtkeras.tasks.heads.signatures import TEXT
from vtkeras.tasks.predicted import Predicted

SIDE = 4


class PixelsHead(Head):
    """The mean frame of the clip that a caption tells of, seen very small."""

    name = "pixels"
    title = "Pictures"
    headline = "pixel_error"
    columns = {"pixel_error": Column("pixel error", better=LOWER)}

    def targets(self, examples, preprocessor):
        pixels = shrink(tf.cast(examples[keys.FRAMES], tf.float32))
        return pixels, tf.ones(tf.shape(pixels)[0])

    def layer(self, parts, vocabulary):
        return keras.layers.Dense(SIDE * SIDE * 3, name="pixels")

    def loss(self, config, gather=None):
        return keras.losses.MeanSquaredError()

    def endpoints(self):
        return (Endpoint("draw", draw, (TEXT,)),)

    def predict(self, reader, batch):
        return {"pixels": paint(reader, batch[keys.CAPTION])}

    def collect(self, outputs, reader, examples):
        return Predicted(values=outputs["pixels"])

    def truth(self, example):
        return shrink(tf.constant(example[keys.FRAMES], tf.float32)[None])[0].numpy()

    def score(self, predicted, examples, meteor=False):
        return {"pixel_error": float(np.mean((predicted.values - np.stack(examples.truths[self.name])) ** 2))}


def shrink(frames):
    """(batch, time, height, width, 3) to (batch, pixels * 3), 0 to 1."""
    small = tf.image.resize(tf.reduce_mean(frames, axis=1), (SIDE, SIDE), "area") / 255
    return tf.reshape(small, (-1, SIDE * SIDE * 3))


def paint(reader, texts):
    tokens = reader.preprocessor.match(texts)
    return reader.model({keys.MATCH_TOKENS: tokens}, training=False)[PixelsHead.name]


def draw(reader, text):
    """Pictures uint8 (batch, 4, 4, 3) of captions, string (batch,)."""
    pixels = tf.reshape(paint(reader, text), (-1, SIDE, SIDE, 3))
    return {"picture": tf.cast(tf.clip_by_value(pixels * 255, 0, 255), tf.uint8)}


def inputs(examples, preprocessor, heads):
    return {keys.MATCH_TOKENS: preprocessor.match(examples[keys.CAPTION])}


def build(config, vocabulary, heads, from_features=False):
    tokens = keras.Input((config.data.caption_length,), dtype="int32", name=keys.MATCH_TOKENS)
    words = keras.layers.Embedding(len(vocabulary.tokens), config.model.dim, name="words")(tokens)
    text = keras.layers.GlobalAveragePooling1D(name="text")(words)
    return keras.Model({tokens.name: tokens}, {head.name: head.layer(None, vocabulary)(text) for head in heads})


TASK = Task("words_to_pixels", (PixelsHead(),), inputs, build)
