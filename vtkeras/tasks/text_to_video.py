"""Video from words: one head, whose model is one of `GENERATORS`."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import keras
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import Vocabulary
from vtkeras.models import Parts
from vtkeras.models.generators import build_generator, generator_of
from vtkeras.tasks.base import Head, Reader, Task
from vtkeras.tasks.heads import HEADS, switches
from vtkeras.tasks.heads.video import best_drafts
from vtkeras.tasks.reranker import Reranker


def inputs(examples: dict, preprocessor: Preprocessor, heads: Sequence[Head]) -> dict[str, tf.Tensor]:
    """The real clip and the tokens of its caption.

    Args:
        examples: dict of a batch: CAPTION strings (batch,), FRAMES uint8 (batch, time, height, width, 3) and
            FRAMES_MASK bool (batch, time).
        preprocessor: brings captions to token ids.
        heads: not looked at, since there is one alone.

    Returns:
        dict of MATCH_TOKENS int32 (batch, length), FRAMES and FRAMES_MASK.
    """
    tokens = preprocessor.match(examples[keys.CAPTION])
    return {keys.MATCH_TOKENS: tokens, **{name: examples[name] for name in (keys.FRAMES, keys.FRAMES_MASK)}}


def build(config: Config, vocabulary: Vocabulary, heads: Sequence[Head], from_features: bool = False) -> keras.Model:
    """The generator that the config names.

    Args:
        config: the experiment.
        vocabulary: what training showed.
        heads: not looked at, since there is one alone.
        from_features: not looked at: generators learn from frames.

    Raises:
        UserError: if a part is unknown.
    """
    return build_generator(config, Parts(config, vocabulary.tokens))


class VideoReader(Reader):
    """Draws noise and makes clips with a trained generator.

    Args:
        model, preprocessor, heads, compiled, rereads: as for `Reader`.
        reranker: chooses among drafts, or None for one draft.
    """

    def __init__(
        self, model, preprocessor, heads, compiled=False, rereads=False, reranker: Reranker | None = None
    ):
        super().__init__(model, preprocessor, heads, compiled, rereads)
        self.reranker = reranker
        self.make_clips = tf.function(model.generate, reduce_retracing=True)  # endpoints share these graphs
        self.best = tf.function(functools.partial(best_drafts, self), reduce_retracing=True)


TEXT_TO_VIDEO = Task(
    "text_to_video",
    (HEADS["video"],),
    inputs,
    build,
    VideoReader,
    trainer=lambda config: generator_of(config).trainer,
    told_by="generator",
    without=(  # options of what reads video
        *("train.warmup.steps", "train.stages.motion_dropout"),
        *("model.cache_features", "model.linear_size", "model.second"),
        *switches(),
    ),
)
