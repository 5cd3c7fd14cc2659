"""Clips that are read once: brought to the model's shape, or already through a frozen frame encoder."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source, SourceOptions
from vtkeras.data.sources.datasets import clips_or_examples, one_question_each
from vtkeras.data.tuning import untuned
from vtkeras.data.views import other_view
from vtkeras.errors import UserError
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.linear.models import ENCODER
from vtkeras.models.clip_statistics import COPY_SIDE, group_sizes, read_clips
from vtkeras.whole_files import replacing_folder, write_json

BATCH = 16
OTHERS = "others"  # features of another source that is written in the same pass
REPORT_EVERY = 256
SIZES = "sizes.json"  # beside what is kept: how large each file is when it is whole


def prepared_source(
    model, source: Source, preprocessor: Preprocessor, config: Config, folder: Path, report: Callable[[str], None]
) -> Source | None:
    """The source that a config's epochs read in place of `source`, so that no clip is decoded twice.

    Args:
        model: its `frame_encoder` is used.
        source, preprocessor: give the clips.
        config: the experiment; without `model.cache_features` or `data.cache_frames` there is nothing to do.
        folder: where clips are kept.
        report: called with lines of progress.

    Returns:
        A `PreparedSource`, or None if the config does not ask for it.

    Raises:
        UserError: if features are asked for and the frame encoder is not frozen.
    """
    if not config.model.cache_features:
        return PreparedSource(source, preprocessor, folder, report=report) if config.data.cache_frames else None
    if config.model.frame_trainable:
        raise UserError("model.cache_features needs a frozen encoder: set model.frame_trainable to false.")
    return PreparedSource(source, preprocessor, folder, model.frame_encoder, report, read_as_linear(config))


def read_as_linear(config: Config) -> bool:
    """Whether a network reads the very features that its linear models do, so that these are kept once."""
    return (ENCODER, config.data.image_size, config.data.num_frames) == (
        config.model.frame_encoder, config.model.linear_size, config.model.linear_frames
    )  # fmt: skip


class PreparedSource(Source):
    """A source's clips on disk, as a model takes them; each split is written when it is first asked for.

    Frames are kept as uint8 of the model's size, features of a frozen encoder as float16; whatever else an
    example has is kept beside. Those of other data, another size or another encoder have another name and are
    not read. Of a source that draws its clips, those of epoch 0 are kept. The epoch that is asked for is a view of the
    training clips, of other frames each; all but the first are written without `also`.

    Args:
        source: gives the clips.
        preprocessor: brings them to the model's shape.
        folder: where they are kept.
        encoder: frozen frame encoder, for features in place of frames.
        report: called with lines of progress.
        statistics: keep also what linear models read, as STATISTICS.
        also: other sources of the same clips, at the same size, whose encoders read no more than the maps that this one
            sees on its way: they are written in the same pass.

    Raises:
        UserError: if the disk is full.

    Example:
        >>> source = PreparedSource(FolderSource(path="data/cats"), preprocessor, "runs/cats/features", encoder)
        >>> next(iter(source.load("train")))["frame_features"].shape
        TensorShape([12, 49, 1284])
    """

    Options = SourceOptions
    draws = False

    def __init__(
        self,
        source: Source,
        preprocessor: Preprocessor,
        folder: str | Path,
        encoder=None,
        report: Callable[[str], None] = print,
        statistics: bool = False,
        also: Sequence[PreparedSource] = (),
    ):
        self.source = source
        self.options, self.content, self.left_out = source.options, source.content, source.left_out
        self.preprocessor = preprocessor
        self.folder = Path(folder)
        self.encoder = encoder
        self.report = report
        self.statistics = statistics
        self.also = also
        self.encode = tf.function(self._features, reduce_retracing=True)  # one graph for all splits
        self.by_clip = True

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        return self._element_spec(clips_or_examples(self.source, self.source.splits()[0])[0].element_spec)

    def splits(self) -> list[str]:
        return self.source.splits()

    def size(self, split: str) -> int:
        return self.source.size(split)

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        clips = self.stored(split, epoch)
        return one_question_each(clips, self.size(split)) if self.by_clip else clips

    def clips(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        clips = self.stored(split, epoch)
        return clips if self.by_clip else self.source.clips(split)  # which says why there are none

    def texts(self) -> dict[str, list[str]]:
        return self.source.texts()

    def question_kind(self, question: str) -> str:
        return self.source.question_kind(question)

    def stored(self, split: str, view: int = 0) -> tf.data.Dataset:
        """What is kept of a view of a split: whole clips where the source gives them, else examples."""
        clips, self.by_clip = clips_or_examples(self.source, split)
        if not is_whole(self.path(split, view)):
            self._write(split, view, clips)
        return untuned(tf.data.Dataset.load(str(self.path(split, view)))).map(_as_float32)

    def path(self, split: str, view: int = 0) -> Path:
        """The folder in which a view of a split is kept."""
        return self.folder / (f"{split}-{self.name}" + f"-view-{view}" * (view > 0))

    def _write(self, split: str, view: int, clips: tf.data.Dataset) -> None:
        count, told = len(clips), f"{split}, view {view + 1}" if view else split
        others = [] if view else self.also
        if view:
            other = functools.partial(other_view, view=view, count=self.preprocessor.config.num_frames)
            clips = clips.map(other, num_parallel_calls=tf.data.AUTOTUNE)
        prepared = clips.map(self.preprocessor.prepare, num_parallel_calls=tf.data.AUTOTUNE)

        def rows():
            for done, example in enumerate(self._encoded(prepared, beside) if self.encoder else prepared, start=1):
                yield example
                if done % REPORT_EVERY == 0 or done == count:
                    self.report(f"reading {told}: {done}/{count} clips")
                end_of_step()

        with (
            interrupt_between_steps() as end_of_step,
            replacing_folder(self.path(split, view), flush=False) as temporary,
            ExitStack() as stack,
            ThreadPoolExecutor(1) as thread,  # Ctrl-C is heard by the main thread alone, and not while that saves
        ):
            beside = [stack.enter_context(_beside(one, split, clips.element_spec)) for one in others]
            thread.submit(_save, rows, self._element_spec(clips.element_spec), temporary).result()

    def _encoded(self, prepared: tf.data.Dataset, others: Sequence[Callable[[dict], None]]):
        rows = iter(prepared)
        while batch := list(itertools.islice(rows, BATCH)):
            encoded = self.encode(*(tf.stack([one[key] for one in batch]) for key in (keys.FRAMES, keys.FRAMES_MASK)))
            read_by_others = encoded.pop(OTHERS, ())
            for place, example in enumerate(batch):
                kept = {key: value for key, value in example.items() if key != keys.FRAMES}
                for put, features in zip(others, read_by_others):
                    put({**kept, keys.FRAME_FEATURES: features[place]})
                yield kept | {key: value[place] for key, value in encoded.items()}

    def _features(self, frames, frames_mask):
        """What is kept of clips: their features, float16, what linear models read, and the features of `also`."""
        if not self.statistics:
            return {keys.FRAME_FEATURES: tf.cast(self.encoder(frames, training=False), tf.float16)}
        features, statistics, maps = read_clips(self.encoder, frames, frames_mask)
        found = {keys.FRAME_FEATURES: tf.cast(features, tf.float16), keys.STATISTICS: statistics}
        if self.also:
            found[OTHERS] = [tf.cast(one.encoder.from_maps(maps, frames), tf.float16) for one in self.also]
        return found

    def _element_spec(self, spec: dict) -> dict:
        spec = {**spec, keys.FRAMES_MASK: tf.TensorSpec(self.shape[1:2], tf.bool)}
        if self.encoder is None:
            return {**spec, keys.FRAMES: tf.TensorSpec(self.shape[1:], tf.uint8)}
        spec[keys.FRAME_FEATURES] = tf.TensorSpec(self.encoder.compute_output_shape(self.shape)[1:], tf.float16)
        if self.statistics:
            spec[keys.STATISTICS] = tf.TensorSpec((sum(self.groups),), tf.float32)
        return {key: value for key, value in spec.items() if key != keys.FRAMES}

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Of a batch of clips as the model takes them."""
        config = self.preprocessor.config
        return (None, config.num_frames, config.image_size, config.image_size, 3)

    @property
    def groups(self) -> list[int]:
        """How many of a clip's statistics belong together."""
        channels = self.encoder.compute_output_shape(self.shape)[-1]
        return group_sizes(channels, self.preprocessor.config.num_frames, self.encoder.map_channels)

    @functools.cached_property
    def name(self) -> str:
        """Tells the data, the size and the encoder; it is made on first use, when the encoder has its weights."""
        config = self.preprocessor.config.model_dump(mode="json")
        what = {key: config[key] for key in ("source", "path", "options", "num_frames", "image_size", "train_clips")}
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
        digest.update(f"{self.content} {self.left_out} copies of {COPY_SIDE} pixels".encode())
        if self.encoder:
            kept = self.groups if self.statistics else ""
            digest.update(f"{self.encoder.compute_output_shape(self.shape)} {kept}".encode())
            for variable in self.encoder.weights:
                digest.update(np.ascontiguousarray(variable).tobytes())
        return digest.hexdigest()[:16]


@contextmanager
def _beside(source: PreparedSource, split: str, spec: dict) -> Iterator[Callable[[dict], None]]:
    """Yields what writes an example of a source; where its split is kept already, that does nothing."""
    if is_whole(source.path(split)):
        yield lambda row: None
        return
    rows: queue.Queue[dict | None] = queue.Queue(BATCH)
    with replacing_folder(source.path(split), flush=False) as temporary, ThreadPoolExecutor(1) as thread:
        saving = thread.submit(_save, lambda: iter(rows.get, None), source._element_spec(spec), temporary)

        def put(row: dict | None) -> None:
            while not saving.done():  # else it failed, and nobody takes the row
                with suppress(queue.Full):
                    return rows.put(row, timeout=1.0)

        try:
            yield put
        finally:
            put(None)
        saving.result()


def _save(rows: Callable[[], Iterator[dict]], spec: dict, folder: Path) -> None:
    """Writes rows as a dataset. What stops them is raised after it, as TensorFlow may wait for ever for such rows."""
    stopped: list[BaseException] = []

    def up_to_a_stop():
        try:
            yield from rows()
        except (Exception, KeyboardInterrupt) as error:
            stopped.append(error)

    untuned(tf.data.Dataset.from_generator(up_to_a_stop, output_signature=spec)).save(str(folder))
    if stopped:
        raise stopped[0]
    write_json(folder / SIZES, _sizes(folder))


def is_whole(folder: Path) -> bool:
    """Whether a folder of kept clips has every byte that was written: after a power cut it may lack some."""
    try:
        return json.loads((folder / SIZES).read_text()) == _sizes(folder)
    except (OSError, ValueError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    """{file: its bytes}."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SIZES)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _as_float32(example: dict) -> dict:
    if keys.FRAME_FEATURES not in example:
        return example
    return {**example, keys.FRAME_FEATURES: tf.cast(example[keys.FRAME_FEATURES], tf.float32)}
