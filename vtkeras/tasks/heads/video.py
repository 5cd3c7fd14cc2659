"""The video head: clips made from words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vtkeras import keys
from vtkeras.data.contact_sheet import contact_sheet
from vtkeras.data.spelling import words_of
from vtkeras.metrics import FrechetDistance, Ssim, clip_sets
from vtkeras.metrics.tokenize import tokenize
from vtkeras.tasks.base import LOWER, Column, Endpoint, Head
from vtkeras.tasks.heads.signatures import TEXT
from vtkeras.tasks.predicted import Examples, Predicted

if TYPE_CHECKING:
    from vtkeras.tasks.text_to_video import VideoReader

SEED = tf.TensorSpec((None,), tf.int64, name="seed")
NOISE = tuple(tf.TensorSpec(None, tf.float32, name=part) for part in ("content", "motion"))  # shapes are the model's
FIRST_FRAME = tf.TensorSpec((None, None, None, 3), tf.uint8, name="first_frame")
BATCH = 16


JUDGED = {"matched": Column("as asked %", "%"), "matched_blurred": Column("as asked, blurred %", "%")}


class RealClip(NamedTuple):
    """A clip of the data, uint8 (time, height, width, 3), and its captions."""

    frames: np.ndarray
    captions: list[str]

    @property
    def caption(self) -> str:
        """The one that asks for a clip like this."""
        return self.captions[0] if self.captions else ""


def real_clips(head: Head, train: Examples, test: Examples) -> Predicted:
    """The clips that the captions belong to: the most that a judge can find right.

    Args:
        head: the video head, whose truths are `RealClip`s.
        train: not looked at.
        test: the examples, with truths.

    Returns:
        `values`: uint8 (examples, time, height, width, 3), a clip for each example.
    """
    return Predicted(values=_stack(test.truths[head.name]))


def random_real_clips(head: Head, train: Examples, test: Examples) -> Predicted:
    """Another real clip of the split, drawn at random: what is right by chance.

    Args:
        head: the video head, whose truths are `RealClip`s.
        train: not looked at.
        test: the examples, with truths; where there are two or more, each is given the clip of another one.

    Returns:
        `values`: uint8 (examples, time, height, width, 3), a clip for each example.
    """
    count = len(test.ids)
    order = np.random.default_rng(0).permutation(count)
    chosen = np.empty(count, int)
    chosen[order] = np.roll(order, 1)
    return Predicted(values=_stack(test.truths[head.name])[chosen])


def clips_of_the_nearest_caption(head: Head, train: Examples, test: Examples) -> Predicted:
    """A training clip whose caption shares the most words, another one for each example: what copying gets.

    Args:
        head: the video head, whose truths are `RealClip`s.
        train: training examples, with truths, whose clips are copied.
        test: the examples, with truths, whose captions are asked.

    Returns:
        `values`: uint8 (examples, time, height, width, 3), a clip for each example.
    """
    places: dict[str, list[int]] = {}
    for place, truth in enumerate(train.truths[head.name]):
        places.setdefault(truth.caption, []).append(place)
    known = {caption: Counter(words_of(caption)) for caption in places}
    chosen = []
    for number, truth in enumerate(test.truths[head.name]):
        asked = Counter(words_of(truth.caption))
        nearest = max(known, key=lambda caption: _shared(asked, known[caption]))
        chosen.append(places[nearest][number % len(places[nearest])])
    return Predicted(values=_stack([train.truths[head.name][place] for place in chosen]))


class VideoHead(Head):
    """Makes a clip from a caption and a seed.

    Args:
        judge: says what is on clips, see `vtkeras.evaluation.judges`; None leaves out the figures that need one.
    """

    name = "video"
    title = "Video from words"
    once_a_clip = True
    learns_from = "captions"
    needs_judge = True
    columns = {
        "judge_frechet": Column("Frechet distance in the judge's features", better=LOWER),
        "movement_distance": Column("movement distance", better=LOWER),
        "diversity": Column("distance between seeds"),
        "nearest_median": Column("nearest training clip, median"),
        "nearest_p10": Column("nearest training clip, p10"),
        "ssim": Column("SSIM with another real clip"),
    }
    baselines = {
        "real clips": real_clips,
        "random real clips": random_real_clips,
        "training clips of the nearest caption": clips_of_the_nearest_caption,
    }

    def __init__(self, judge: Any = None):
        self.judge = judge
        self.headline = "matched" if judge else "movement_distance"
        self.goals = {"matched": 1.0} if judge else {}
        if judge:
            asked = {name: Column(f"{column.title} (judge {judge.name})", "%") for name, column in JUDGED.items()}
            self.columns = {**asked, **self.columns}

    def judged(self, judge):
        return VideoHead(judge)

    def active(self, config, vocabulary, heads):
        return bool(vocabulary.words)

    def targets(self, examples, preprocessor):
        known = tf.not_equal(examples[keys.CAPTION], "")
        return tf.zeros(tf.shape(known)), known

    def loss(self, config, gather=None):
        return SumOfTerms(name="sum_of_terms")

    def endpoints(self):
        return (
            Endpoint("generate", generate, (TEXT, SEED)),
            Endpoint("noise", noise, (SEED,)),
            Endpoint("best_noise", best_noise, (TEXT, SEED)),
            Endpoint("render", render, (TEXT, *NOISE)),
            Endpoint("render_from", render_from, (TEXT, *NOISE, FIRST_FRAME)),
        )

    def predict(self, reader, batch):
        seeds = tf.strings.to_hash_bucket_fast(batch[keys.VIDEO_ID], 2**31)  # the same whatever else is in the batch
        return {"clips": reader.generate(batch[keys.CAPTION], seeds)}

    def collect(self, outputs, reader, examples):
        return Predicted(values=outputs["clips"])

    def truth(self, example):
        return RealClip(example[keys.FRAMES], [text.decode() for text in example[keys.CAPTIONS]])

    def score(self, predicted, examples, meteor=False):
        """Clips of one half of the examples are compared with real ones of the other, so that real ones can be, too.

        Examples without a caption ask for nothing, and count for nothing.
        """
        asking = [place for place, truth in enumerate(examples.truths[self.name]) if truth.caption]
        if not asking:
            return {}
        truths = examples.take(asking).truths[self.name]
        clips, real = predicted.values[asking], _stack(truths)
        captions = [truth.caption for truth in truths]
        row = {"diversity": clip_sets.mean_distance_within(clips, captions), "ssim": _ssim(clips, real, captions)}
        if len(clips) > 1:
            halves = [(clips[::2], real[1::2]), (clips[1::2], real[::2])]
            row["movement_distance"] = float(np.mean([clip_sets.movement_distance(*pair) for pair in halves]))
        if examples.known:
            known = [one.frames for one in examples.known.truths[self.name]]
            nearest = clip_sets.nearest_distances(clips, known)
            row |= {"nearest_median": float(np.median(nearest)), "nearest_p10": float(np.percentile(nearest, 10))}
        return {**row, **self._judged(clips, real, truths)} if self.judge else row

    def samples(self, reader, batch):
        seeds = tf.range(tf.shape(batch[keys.CAPTION])[0], dtype=tf.int64)
        clips = reader.generate(batch[keys.CAPTION], seeds).numpy()
        return {"samples/video": contact_sheet(clips)}

    def _judged(self, clips, real, truths) -> dict[str, float]:
        texts, features = self.judge.read(clips)
        _, real_features = self.judge.read(real)
        row = {"matched": _share_right(texts, truths)}
        row["matched_blurred"] = _share_right(self.judge.read(clip_sets.blurred(clips))[0], truths)
        if len(clips) > 3:
            halves = [(features[::2], real_features[1::2]), (features[1::2], real_features[::2])]
            row["judge_frechet"] = float(np.mean([_frechet(*pair) for pair in halves]))
        return row


@keras.saving.register_keras_serializable("vtkeras")
class SumOfTerms(keras.losses.Loss):
    """The losses of each example as the model gives them, (batch, terms), summed."""

    def call(self, y_true, y_pred):
        return ops.sum(y_pred, axis=-1)


def generate(reader: VideoReader, text, seed) -> tf.Tensor:
    """Makes a clip for every text; the same text and seed make the same clip, whatever else is asked for.

    Args:
        text: string (batch,).
        seed: int64 (batch,).

    Returns:
        uint8 (batch, num_frames, image_size, image_size, 3).
    """
    return reader.best(text, seed)["clips"]


def best_noise(reader: VideoReader, text, seed) -> dict[str, tf.Tensor]:
    """What the clips of `generate` are drawn from: `noise` of the same seeds, or of a better draft.

    Args:
        text: string (batch,).
        seed: int64 (batch,).

    Returns:
        as `noise`.
    """
    if not reader.reranker:
        return noise(reader, seed)
    return {part: value for part, value in reader.best(text, seed).items() if part != "clips"}


def noise(reader: VideoReader, seed) -> dict[str, tf.Tensor]:
    """What clips are drawn from, one row for each seed.

    Args:
        seed: int64 (batch,).

    Returns:
        dict of content and motion, float32 (batch, ...), standard normal.
    """
    return _noise(reader, seed, tf.constant(0, tf.int64))


def render(reader: VideoReader, text, content, motion) -> tf.Tensor:
    """Makes clips from noise that the caller holds, e.g. moved a little.

    Args:
        text: string (batch,).
        content, motion: float32 (batch, ...), as `noise` gives them.

    Returns:
        as `generate`.
    """
    return _render(reader, text, {"content": content, "motion": motion})


def render_from(reader: VideoReader, text, content, motion, first_frame) -> tf.Tensor:
    """As `render`, going on from a given picture.

    Args:
        text, content, motion: as for `render`.
        first_frame: uint8 (batch, height, width, 3), any size.
    """
    frames, _ = reader.preprocessor.clips(first_frame[:, None])
    return _render(reader, text, {"content": content, "motion": motion}, tf.cast(frames[:, 0], tf.float32) / 255)


def _noise(reader: VideoReader, seed, draft) -> dict[str, tf.Tensor]:
    """As `noise`, of one of the drafts of each seed, an int64 scalar."""
    shapes = sorted(reader.model.noise_shapes.items())

    def draw(shape, number):
        def of_one(one):
            return tf.random.stateless_normal(shape, tf.stack([one, number]), alg="philox")

        return tf.map_fn(of_one, seed, fn_output_signature=tf.TensorSpec(shape, tf.float32))

    first = draft * len(shapes)
    return {part: draw(shape, first + number) for number, (part, shape) in enumerate(shapes)}


def best_drafts(reader: VideoReader, text, seed) -> dict[str, tf.Tensor]:
    """Clips and their noise, the reranker's choice where the model has one; arguments as for `generate`."""

    def draw(draft):
        drawn = _noise(reader, seed, tf.constant(draft, tf.int64))
        return {**drawn, "clips": render(reader, text, **drawn)}

    return reader.reranker(draw, text) if reader.reranker else draw(0)


def _render(reader: VideoReader, text, noise, first_frame=None):
    tokens = reader.preprocessor.match(text)
    shapes = reader.model.noise_shapes
    noise = {part: tf.reshape(value, (-1, *shapes[part])) for part, value in noise.items()}
    clips = reader.make_clips(tokens, noise, first_frame)
    return tf.cast(tf.round(tf.clip_by_value(clips, 0, 1) * 255), tf.uint8)


def _stack(truths: list[RealClip]) -> np.ndarray:
    return np.stack([truth.frames for truth in truths])


def _share_right(texts: list[str], truths: list[RealClip]) -> float:
    right = [tokenize(text) in map(tokenize, truth.captions) for text, truth in zip(texts, truths)]
    return float(np.mean(right))


def _frechet(features: np.ndarray, others: np.ndarray) -> float:
    metric = FrechetDistance(features.shape[1], "judge")
    metric.update_state(others, features)
    return float(metric.result())


def _ssim(clips: np.ndarray, real: np.ndarray, captions: list[str]) -> float | None:
    """Mean SSIM of each clip with the next real one of the same caption; None where no two share one."""
    places: dict[str, list[int]] = {}
    for place, caption in enumerate(captions):
        places.setdefault(caption, []).append(place)
    pairs = [pair for rows in places.values() if len(rows) > 1 for pair in zip(rows, np.roll(rows, -1))]
    if not pairs:
        return None
    own, other = np.array(pairs).T
    metric = Ssim()
    for start in range(0, len(pairs), BATCH):
        batch = slice(start, start + BATCH)
        metric.update_state(real[other[batch]], clips[own[batch]])
    return float(metric.result())


def _shared(one: Counter, other: Counter) -> float:
    """The share of words that two texts have in common."""
    return 2 * (one & other).total() / max(one.total() + other.total(), 1)
