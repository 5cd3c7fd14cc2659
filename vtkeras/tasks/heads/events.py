"""The events head: a dense caption, which tells what happens in a video and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from vtkeras.data.events import TIME_BINS, TIME_TOKENS
from vtkeras.data.text import END_ID
from vtkeras.errors import UserError
from vtkeras.tasks.base import Endpoint
from vtkeras.tasks.heads.captions import CaptionHead
from vtkeras.tasks.heads.signatures import FRAMES

if TYPE_CHECKING:
    from vtkeras.tasks.video_text import VideoTextReader


class EventsHead(CaptionHead):
    """Writes a caption with times in it, and reads its events (Yang et al., "Vid2Seq", 2023)."""

    name = "events"
    title = "Dense captions"
    headline = "event_exact"
    goals = {"event_exact": 1.0, "soda": 1.0}

    def active(self, config, vocabulary, heads):
        """Always.

        Raises:
            UserError: for captions without times.
        """
        if not vocabulary.times:
            raise UserError(
                "The captions have no times, which task dense_captioning learns to write: give them in the "
                "form `<t=0> <t=12> a cat jumps <t=16> <t=31> a dog barks`, or use task captioning."
            )
        return True

    def endpoints(self):
        return (*super().endpoints(), Endpoint("events", events, (FRAMES,)))


def events(reader: VideoTextReader, frames) -> dict[str, tf.Tensor]:
    """Writes the dense caption of every video, greedily, and reads its events.

    Args:
        frames: uint8 (batch, time, height, width, 3), any size and length.

    Returns:
        dict of caption string (batch,), with the times as written; text string (batch, events), ""
        where there is no event; start and end float32 (batch, events), shares of the video; score
        float32 (batch, events), the probability of the event's words given what stands before; and
        frame_index and frames_mask as `VideoTextReader.seen`.
    """
    found = reader.write_caption(reader.read_frames(frames))
    tokens = tf.ensure_shape(found["token_ids"], (None, reader.preprocessor.config.caption_length))
    told = read_event_tokens(tokens, found["probabilities"], reader.preprocessor)
    return {"caption": found["caption"], **told, **reader.seen(frames)}


def read_event_tokens(tokens, probabilities, preprocessor) -> dict[str, tf.Tensor]:
    """The events of written dense captions, by the rule of `vtkeras.data.events.read_events`, in the graph.

    Args:
        tokens: int32 (batch, length).
        probabilities: float32 (batch, length), of each token.
        preprocessor: `Preprocessor` with time tokens in its vocabulary.

    Returns:
        text, start, end and score as `events` gives them, (batch, (length + 1) // 2).
    """
    batch, length = tf.shape(tokens)[0], tokens.shape[1]
    times = tokens - preprocessor.vocabulary.tokens.index(TIME_TOKENS[0])
    is_time = tf.logical_and(times >= 0, times < TIME_BINS)
    written = tf.cumsum(tf.cast(tf.equal(tokens, END_ID), tf.int32), axis=1) == 0
    is_word = tf.logical_and(tf.logical_and(tokens > END_ID, written), tf.logical_not(is_time))
    begins = tf.logical_and(is_word, tf.logical_not(_shift(is_word, 1)))
    timed = tf.logical_and(_shift(is_time, 1), _shift(is_time, 2))
    kept = tf.logical_and(timed, _shift(times, 1) > _shift(times, 2))

    run = tf.cumsum(tf.cast(begins, tf.int32), axis=1)[:, None]  # the words between times, numbered
    same_run = tf.equal(run, tf.range(1, (length + 1) // 2 + 1)[None, :, None])
    first = tf.logical_and(same_run, tf.logical_and(begins, kept)[:, None])
    words = tf.logical_and(same_run, is_word[:, None]) & tf.reduce_any(first, axis=-1, keepdims=True)

    def time_before(places):
        share = tf.cast(_shift(times, places), tf.float32) / (TIME_BINS - 1)
        return tf.reduce_sum(tf.where(first, share[:, None], 0.0), axis=-1)

    texts = preprocessor.to_text(tf.reshape(tf.where(words, tokens[:, None], 0), (-1, length)))
    score = tf.reduce_prod(tf.where(words, probabilities[:, None], 1.0), axis=-1)
    return {
        "text": tf.reshape(texts, (batch, -1)),
        "start": time_before(2),
        "end": time_before(1),
        "score": tf.where(tf.reduce_any(words, axis=-1), score, 0.0),
    }


def _shift(values, places):
    """What stood `places` earlier in each row, zeros or False at the beginning."""
    return tf.pad(values[:, :-places], ((0, 0), (places, 0)))
