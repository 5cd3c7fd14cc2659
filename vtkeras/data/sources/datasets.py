"""What sources make their datasets with. TensorFlow is imported by the functions, see `base`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.data.tuning import untuned
from vtkeras.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


def clip_spec(*frames: int | None, questions: tuple[int | None, ...] = ()) -> dict[str, tf.TensorSpec]:
    """The spec of video clips with texts.

    Args:
        frames: time, height and width, None where it differs from clip to clip.
        questions: () for one question a clip, (None,) for several.

    Example:
        >>> clip_spec(None, 64, 64)["frames"]
        TensorSpec(shape=(None, 64, 64, 3), dtype=tf.uint8, name=None)
    """
    import tensorflow as tf

    shapes: dict[str, tuple[int | None, ...]] = {keys.VIDEO_ID: (), keys.CAPTIONS: (None,), keys.LABEL: ()}
    shapes |= {keys.QUESTION: questions, keys.ANSWER: questions}
    texts = {name: tf.TensorSpec(shape, tf.string) for name, shape in shapes.items()}
    return {keys.FRAMES: tf.TensorSpec((*frames, 3), tf.uint8), **texts}


def drawn_clips(draw: Callable[[int], dict], count: int, spec: dict[str, tf.TensorSpec]) -> tf.data.Dataset:
    """A dataset of clips that are drawn while they are read.

    Args:
        draw: gives the clip of an index as numpy arrays and strings.
        count: how many clips.
        spec: what a clip holds.

    Example:
        >>> source = MovingDigits()
        >>> drawn_clips(lambda index: source.example("test", 0, index), 3, source.spec)
    """
    import tensorflow as tf

    clips = tf.data.Dataset.from_generator(lambda: map(draw, range(count)), output_signature=spec)
    return untuned(clips.apply(tf.data.experimental.assert_cardinality(count)))


def one_question_each(clips: tf.data.Dataset, count: int) -> tf.data.Dataset:
    """One example for each question of every clip, or one that asks nothing where a clip has none.

    Args:
        clips: dicts whose QUESTION and ANSWER are strings (questions,).
        count: how many examples that gives.

    Returns:
        The same dicts with one QUESTION and one ANSWER, strings ().
    """
    import tensorflow as tf

    def examples(clip: dict) -> tf.data.Dataset:
        pairs = tf.stack([clip[keys.QUESTION], clip[keys.ANSWER]], axis=1)
        pairs = tf.cond(tf.size(pairs) > 0, lambda: pairs, lambda: tf.constant([["", ""]]))
        return tf.data.Dataset.from_tensor_slices(pairs).map(
            lambda pair: {**clip, keys.QUESTION: pair[0], keys.ANSWER: pair[1]}
        )

    return clips.flat_map(examples).apply(tf.data.experimental.assert_cardinality(count))


def with_first_question(clip: dict) -> dict:
    """A clip of several questions with the first one alone, or with none where it has none; as an example."""
    import tensorflow as tf

    return {**clip, **{name: tf.concat([clip[name], [""]], axis=0)[0] for name in (keys.QUESTION, keys.ANSWER)}}


def clips_or_examples(source: Source, split: str) -> tuple[tf.data.Dataset, bool]:
    """A split clip by clip where the source gives whole clips, else example by example; and whether they are clips."""
    try:
        return source.clips(split), True
    except UserError:
        return source.load(split), False
