"""Clips that `vtkeras data ingest` stored in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from vtkeras import keys
from vtkeras.data.sources.base import FolderOptions, Source, check_split
from vtkeras.data.sources.datasets import clip_spec, one_question_each
from vtkeras.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


class FolderSource(Source):
    """Reads the TFRecord shards of a folder, always in the same order.

    A clip with several questions gives one example for each; a clip without gives one example with
    an empty question and answer. What `vtkeras data clean` marked is left out.

    Args:
        options: `path`, a folder made by `vtkeras.data.ingest.ingest`, and `share`.

    Raises:
        UserError: when the manifest or a shard is missing or damaged; every checksum is verified.

    Example:
        >>> source = FolderSource(path="data/cats")
        >>> next(iter(source.load("train")))["frames"].shape
        TensorShape([16, 72, 128, 3])
    """

    class Options(FolderOptions):
        """Options of `folder`."""

        share: float = Field(default=1.0, gt=0, le=1)
        """Share of the training and validation clips to read, in whole shards; which clips a shard holds is chance."""

    draws = False
    options: Options

    def __init__(self, **options: Any):
        from vtkeras.data import shards

        self.options = self.Options.read(options)
        self.manifest = shards.first_part(self.options.path, shards.verify(self.options.path), self.options.share)
        self.content = " ".join(shard.sha256 for shard in self.manifest.shards)
        self.stored_frames = self.manifest.options["num_frames"]
        self.stored_side = self.manifest.options["max_side"]
        self.left_out = " ".join(map(repr, sorted(self.manifest.cleaning.left_out)))

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        return clip_spec(None, None, None)

    def splits(self) -> list[str]:
        """The splits that hold at least one clip: train, validation, test, then a user's own."""
        return self.manifest.splits

    def size(self, split: str) -> int:
        """Examples in a split.

        Raises:
            UserError: for a split that the folder does not hold.
        """
        self._files(split)
        return self.manifest.examples(split)

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """The examples of a split.

        Args:
            split: one of `splits()`.
            epoch: not used: every epoch holds the same clips.

        Returns:
            A dataset of dicts: `frames` uint8 (time, height, width, 3), `video_id` string (),
            `captions` string (references,), `question`, `answer` and `label` string ().

        Raises:
            UserError: for a split that the folder does not hold.
        """
        return one_question_each(self.clips(split), self.size(split))

    def clips(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """As `load`, but one dict a clip, with `question` and `answer` string (questions,)."""
        import tensorflow as tf

        from vtkeras.data.shards import parse, read_records

        records = read_records(*self._files(split))
        clips = self._without_dropped(records.map(parse))
        clips = clips.map(_read_clip, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return clips.apply(tf.data.experimental.assert_cardinality(self.manifest.clips(split)))

    def texts(self, split: str = keys.TRAIN) -> dict[str, list[str]]:
        """Every text of a split: lists `captions`, `questions`, `answers` and `labels`."""
        from vtkeras.data.shards import read_texts

        gathered: dict[str, list[str]] = {"captions": [], "questions": [], "answers": [], "labels": []}
        for file in self._files(split):
            for texts in read_texts(file, self.manifest.cleaning):
                for name, values in texts.items():
                    gathered[name].extend(values)
        return gathered

    def column(self, split: str, name: str) -> dict[tuple[str, str], str]:
        """A column of the captions file, {(clip, question): value}.

        Raises:
            UserError: for a split or a column that the folder does not hold.
        """
        from vtkeras.data.shards import read_columns

        rows = [row for file in self._files(split) for row in read_columns(file)]
        if not any(name in columns for _, _, columns in rows):
            known = dict.fromkeys(one for _, _, columns in rows for one in columns)
            raise UserError(f"The data have no column '{name}': use one of {', '.join(known)}.")
        dropped = self.manifest.cleaning.clips
        return {(clip, question): columns.get(name, "") for clip, question, columns in rows if clip not in dropped}

    def _without_dropped(self, clips: tf.data.Dataset) -> tf.data.Dataset:
        """Leaves out the clips and captions that `vtkeras data clean` marked."""
        import tensorflow as tf

        cleaning = self.manifest.cleaning
        if not cleaning.dropped:
            return clips
        marked = ["\0".join(names) for names in cleaning.left_out]
        values = tf.lookup.KeyValueTensorInitializer(marked, [True] * len(marked), tf.string, tf.bool)
        # Anonymous: the dataset, which may outlive this source, holds the table.
        dropped = tf.lookup.StaticHashTable(values, False, experimental_is_anonymous=True).lookup

        def without_captions(clip: dict) -> dict:
            marks = dropped(tf.strings.join([clip["video_id"], "\0", clip["captions"]]))
            return {**clip, "captions": tf.boolean_mask(clip["captions"], ~marks)}

        return clips.filter(lambda clip: ~dropped(clip["video_id"])).map(without_captions)

    def _files(self, split: str) -> list[str]:
        check_split(self, split)
        return [str(self.options.path / shard.name) for shard in self.manifest.shards if shard.split == split]


def _read_clip(clip: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    from vtkeras.data.shards import decode

    return {
        keys.FRAMES: decode(clip["frames"]),
        keys.VIDEO_ID: clip["video_id"],
        keys.CAPTIONS: clip["captions"],
        keys.QUESTION: clip["questions"],
        keys.ANSWER: clip["answers"],
        keys.LABEL: clip["label"],
    }
