"""The best of several drafts of a clip, by a model that writes captions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


class Reranker:
    """Makes several drafts of each clip and keeps the one in which a captioner finds the words likeliest.

    A generator that often fails a part of what is asked for, such as which thing moves which way, is right in one of
    several drafts far more often than in one, and a captioner tells which. The captioner learns from real clips alone;
    the generator learns nothing from it.

    Args:
        reader: `VideoTextReader` of a model that writes captions.
        drafts: int, of each clip.

    Example:
        >>> best = Reranker(Run.open("runs/captions").reader(), drafts=4)
        >>> best(lambda draft: {"clips": make_clips(text, draft)}, text)["clips"].shape
        TensorShape([2, 16, 64, 64, 3])

    Source: Ramesh et al., "Zero-Shot Text-to-Image Generation", 2021, who keep the best of 512 by CLIP; a caption's
    likelihood in its place knows which word belongs to which.
    """

    def __init__(self, reader: Any, drafts: int):
        self.drafts = drafts
        self._likelihood = tf.function(reader.likelihood, reduce_retracing=True)  # drafts share its graph

    def __call__(self, draw: Callable[[int], dict[str, tf.Tensor]], text: tf.Tensor) -> dict[str, tf.Tensor]:
        """What `draw` gives of the best draft of each text.

        Args:
            draw: (draft, from 0) to a dict of tensors (batch, ...), of which `clips` are uint8 (batch, time, height,
                width, 3).
            text: string (batch,).
        """
        drawn = [draw(draft) for draft in range(self.drafts)]
        likely = tf.stack([self._likelihood(one["clips"], text) for one in drawn], axis=1)
        best = tf.argmax(likely, axis=1, output_type=tf.int32)
        together = {name: tf.stack([one[name] for one in drawn], axis=1) for name in drawn[0]}
        return {name: tf.gather(values, best, batch_dims=1) for name, values in together.items()}
