"""The head of statements: a clip's caption is told from those of others, so that words learn what they mean."""

from __future__ import annotations

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.models import StatementLogits
from vtkeras.tasks.base import Head


class StatementHead(Head):
    """Whether a statement is true of a clip. Nothing asks it; questions, read through the same layers, gain by it.

    Of each clip its own caption is true. Those of other clips of the batch are false: the ones that share most words
    with it, and those of the next clips.

    Source: image-text matching with hard negatives (Li et al., "Align before fuse", 2021).
    """

    name = "statement"
    title = "Statements"
    once_a_clip = True
    learns_from = "captions"
    auxiliary = True
    switch = "data.statements"

    def active(self, config, vocabulary, heads):
        return config.data.statements > 0

    def inputs(self, examples, preprocessor):
        tokens = preprocessor.match(examples[keys.CAPTION])
        others, _ = self._others(examples, preprocessor)
        return {keys.STATEMENT_TOKENS: tf.concat([tokens[:, None], tf.gather(tokens, others)], axis=1)}

    def targets(self, examples, preprocessor):
        _, false = self._others(examples, preprocessor)
        known = tf.strings.length(examples[keys.CAPTION]) > 0
        true = tf.zeros_like(false, tf.int32)
        return tf.pad(true, [[0, 0], [1, 0]], constant_values=1), tf.concat([known[:, None], false], axis=1)

    def layer(self, parts, vocabulary):
        data = parts.config.data
        return StatementLogits(1 + data.statements, data.caption_length, dtype="float32", name="statement_logits")

    def loss(self, config, gather=None):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self, config):
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def endpoints(self):
        return ()

    def _others(self, examples: dict, preprocessor) -> tuple[tf.Tensor, tf.Tensor]:
        """For each clip, which rows of the batch its false statements are from, int32 (batch, statements), and whether
        they are false: known, and not the clip's own."""
        captions, count = examples[keys.CAPTION], preprocessor.config.statements
        own, tokens = examples.get(keys.MATCH_ID, captions), preprocessor.match(captions)
        alike = tf.reduce_all(tf.equal(tokens[:, None], tokens), axis=-1)  # as the model reads them
        same = tf.logical_or(alike, tf.equal(own[:, None], own))
        known = tf.strings.length(captions) > 0
        false = tf.logical_and(tf.logical_not(same), tf.logical_and(known[:, None], known))
        likeness = tf.where(false, _shared_words(tokens), -1.0)
        batch, hard = tf.shape(captions)[0], (count + 1) // 2
        nearest = tf.argsort(likeness, axis=1, direction="DESCENDING")
        nearest = tf.gather(nearest, tf.range(hard) % batch, axis=1)
        following = (tf.range(batch)[:, None] + 1 + tf.range(count - hard)) % batch
        others = tf.concat([nearest, following], axis=1)
        return others, tf.gather(false, others, batch_dims=1)


def _shared_words(tokens: tf.Tensor) -> tf.Tensor:
    """float32 (batch, batch): the share of word pieces that each of some texts, int32 (batch, length), has in common
    with each other one."""
    hits = tf.reduce_any(tokens[:, None, :, None] == tokens[None, :, None, :], axis=-1)
    shared = tf.reduce_sum(tf.cast(tf.logical_and(hits, tokens[:, None] > 0), tf.float32), axis=-1)
    size = tf.linalg.diag_part(shared)
    return shared / tf.sqrt(size[:, None] * size)
