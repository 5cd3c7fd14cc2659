"""The contrastive head: videos and captions in one space, for search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.losses import ContrastiveLoss
from vtkeras.metrics import retrieval_scores, tokenize
from vtkeras.models import SharedSpace
from vtkeras.tasks.base import Column, Endpoint, Head
from vtkeras.tasks.heads.captions import CaptionHead
from vtkeras.tasks.heads.rereading import reread
from vtkeras.tasks.heads.signatures import FRAMES, TEXT
from vtkeras.tasks.predicted import Examples, Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader

TEXTS = 64  # that are read at once


class ContrastiveHead(Head):
    """Brings a clip and its caption together, and others apart (Radford et al., "CLIP", 2021)."""

    name = "contrastive"
    title = "Search"
    once_a_clip = True
    kept_once = (keys.SEQUENCE, keys.MASK)  # which are large
    learns_from = "captions"
    loss_weight = 0.2
    headline = "recall_at_1"
    goals = {"recall_at_1": 1.0, "recall_at_5": 1.0}
    columns = {"recall_at_1": Column("R@1 %", "%"), "recall_at_5": Column("R@5 %", "%")}

    def inputs(self, examples, preprocessor):
        return {keys.MATCH_TOKENS: preprocessor.match(examples.get(keys.MATCH_TEXT, examples[keys.CAPTION]))}

    def targets(self, examples, preprocessor):
        known = tf.strings.length(examples[keys.CAPTION]) > 0
        # Keras brings targets to float32, which tells whole numbers apart below 2 ** 24.
        read = tf.strings.as_string(preprocessor.match(examples[keys.MATCH_ID]))  # what the model reads alike is alike
        words = tf.strings.reduce_join(read, axis=-1, separator=" ")
        ids = tf.cast(tf.strings.to_hash_bucket_fast(words, 2**24), tf.int32)
        return tf.where(known, ids, -1), known

    def layer(self, parts, vocabulary):
        config = parts.config
        return SharedSpace(config.model.embedding_dim, config.data.caption_length, dtype="float32", name="shared_space")

    def loss(self, config, gather=None):
        return ContrastiveLoss(gather)

    def endpoints(self):
        return Endpoint("embed_video", embed_video, (FRAMES,)), Endpoint("embed_text", embed_text, (TEXT,))

    def predict(self, reader, batch):
        video = batch[keys.READS_VIDEO]
        found = {"video": _embed_video(reader, video)}
        if reader.rereads and CaptionHead.name in reader.model.heads:
            found |= {keys.SEQUENCE: tf.cast(video[keys.SEQUENCE], tf.float16), keys.MASK: video[keys.MASK]}
        return found

    def collect(self, outputs, reader, examples):
        """Similarity of every query (columns) to every clip (rows), see `reread`."""
        texts = self.queries(examples)
        if not texts:
            return Predicted()
        batches = [tf.constant(texts[at : at + TEXTS]) for at in range(0, len(texts), TEXTS)]
        values = outputs["video"] @ np.concatenate([reader.embed_text(batch).numpy() for batch in batches]).T
        if keys.SEQUENCE in outputs:
            clips = examples.first_rows()
            values[clips] = reread(reader, values[clips], outputs[keys.SEQUENCE], outputs[keys.MASK], texts)
        return Predicted(values=values)

    def truth(self, example):
        return tuple(text.decode() for text in example[keys.CAPTIONS])

    def as_text(self, truth):
        return truth[0] if truth else ""

    def queries(self, examples: Examples) -> list[str]:
        """The first caption of each clip, each different one once."""
        return list(dict.fromkeys(filter(None, map(self.as_text, examples.truths[self.name]))))

    def score(self, predicted, examples, meteor=False):
        if predicted.values is None:
            return {}
        said = [{tuple(tokenize(text)) for text in truth} for truth in examples.truths[self.name]]
        asked = [tuple(tokenize(text)) for text in self.queries(examples)]
        relevant = np.array([[query in own for own in said] for query in asked])
        found = retrieval_scores(predicted.values.T, relevant)
        return {"recall_at_1": found["r@1"], "recall_at_5": found["r@5"]}


def embed_video(reader: VideoTextReader, frames) -> tf.Tensor:
    """Unit vectors (batch, embedding_dim) of clips uint8 (batch, time, height, width, 3)."""
    return _embed_video(reader, reader.read_frames(frames))


def embed_text(reader: VideoTextReader, text) -> tf.Tensor:
    """Unit vectors (batch, embedding_dim) of texts, string (batch,)."""
    return join_text(reader, *read_text(reader, text))


def read_text(reader: VideoTextReader, text) -> tuple[tf.Tensor, tf.Tensor | None]:
    """What the network makes of texts, string (batch,), and the linear model, if any, whatever its share."""
    tokens = reader.preprocessor.match(text)
    embedded = _space(reader).embed_text(reader.model.trunk.encode_text(tokens))
    linear = reader.experts and reader.experts.space
    return embedded, linear.embed_text(tokens, linear.pieces(text)) if linear else None


def join_text(reader: VideoTextReader, network, linear) -> tf.Tensor:
    """One vector of the two that `read_text` gives of each text."""
    return network if linear is None else reader.experts.space.beside(network, linear)


def _embed_video(reader: VideoTextReader, video):
    embedded = _space(reader).embed_video(video)
    linear = reader.experts and reader.experts.space
    return linear.beside(embedded, linear.embed_video(video[keys.LINEAR])) if linear else embedded


def _space(reader: VideoTextReader) -> SharedSpace:
    return reader.model.heads[ContrastiveHead.name]
