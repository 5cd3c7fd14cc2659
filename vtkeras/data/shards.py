"""TFRecord shards of clips, and the manifest that proves them whole.

A shard holds `tf.train.SequenceExample`s: the texts and sizes as context, the frames (JPEG) and
their times as feature lists. Nothing in a shard depends on when or where it was written, so the
same clips give the same bytes. TFRecord readers may drop the damaged rest of a file in silence;
the manifest's counts and checksums are what makes damage show.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from vtkeras import keys
from vtkeras.data.captions import ClipRow
from vtkeras.data.cleaning.marks import UNCLEANED, Cleaning
from vtkeras.data.decoder import EncodedClip
from vtkeras.data.manifest import Manifest
from vtkeras.data.tuning import untuned
from vtkeras.errors import UserError
from vtkeras.whole_files import replacing

_CONTEXT = {
    "video_id": tf.io.FixedLenFeature([], tf.string),
    "path": tf.io.FixedLenFeature([], tf.string),
    "captions": tf.io.VarLenFeature(tf.string),
    "questions": tf.io.VarLenFeature(tf.string),
    "answers": tf.io.VarLenFeature(tf.string),
    "label": tf.io.FixedLenFeature([], tf.string),
    "duration": tf.io.FixedLenFeature([], tf.float32),
    "width": tf.io.FixedLenFeature([], tf.int64),
    "height": tf.io.FixedLenFeature([], tf.int64),
    "complete": tf.io.FixedLenFeature([], tf.int64),
}
_FEATURE_LISTS = {
    "frames": tf.io.FixedLenSequenceFeature([], tf.string),
    "times": tf.io.FixedLenSequenceFeature([], tf.float32),
}


def verify(folder: str | Path) -> Manifest:
    """Checks every shard of a folder against its manifest.

    Args:
        folder: made by `ingest`.

    Returns:
        The manifest.

    Raises:
        UserError: naming the first shard that is missing, cut, altered or miscounted.

    Example:
        >>> verify("data/cats").examples("train")
        800
    """
    manifest = Manifest.load(folder)
    for shard in manifest.shards:
        path = Path(folder) / shard.name
        again = "run the same `vtkeras data ingest` again to rebuild it."
        if not path.is_file():
            raise UserError(f"The shard {path} is missing: {again}")
        if sha256_of(path) != shard.sha256:
            raise UserError(f"The shard {path} is damaged (its checksum differs): {again}")
        if _count_records(path) != shard.clips:
            raise UserError(f"The shard {path} does not hold {shard.clips} clips: {again}")
    return manifest


def first_part(folder: str | Path, manifest: Manifest, share: float) -> Manifest:
    """The manifest of a part of a folder: the first shards of training and validation, and all others.

    Args:
        folder: made by `ingest`, which deals clips into shards by chance.
        manifest: of all of it.
        share: of the shards of each of the two splits, rounded up.

    Example:
        >>> first_part("data/cats", verify("data/cats"), 0.1).clips("train")
        128
    """
    if share == 1:
        return manifest
    kept = []
    for split in keys.in_order(shard.split for shard in manifest.shards):
        own = [shard for shard in manifest.shards if shard.split == split]
        kept += own[: math.ceil(share * len(own))] if split in (keys.TRAIN, keys.VALIDATION) else own
    cleaning = manifest.cleaning
    if cleaning.dropped:
        held = {clip for shard in kept for clip, _, _ in read_columns(Path(folder) / shard.name)}
        cleaning = replace(cleaning, dropped=tuple(mark for mark in cleaning.dropped if mark.clip in held))
    return replace(manifest, shards=tuple(kept), cleaning=cleaning)


def write_shard(path: str | Path, clips: Iterable[tuple[ClipRow, EncodedClip]]) -> str:
    """Writes a shard; the file appears under its name only when it is whole and on the disk.

    Args:
        path: where to write; an existing file is replaced.
        clips: the texts and the frames of each clip.

    Returns:
        The file's SHA-256 as hexadecimal digits.

    Raises:
        UserError: when the disk is full.

    Example:
        >>> write_shard("train-00000.tfrecord", [(row, clip)])
        'c0a1...'
    """
    with replacing(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for row, clip in clips:
                writer.write(_serialize(row, clip))
        return sha256_of(temporary)


def parse(record: tf.Tensor) -> dict[str, tf.Tensor]:
    """Reads one record inside a tf.data graph.

    Args:
        record: string (), a serialized `SequenceExample`.

    Returns:
        `video_id`, `path`, `label`: string (); `captions` (references,), `questions` and `answers`
        (questions,): string; `duration`: float32 (), seconds; `width`, `height`, `complete`: int64 ();
        `frames`: string (time,), JPEG; `times`: float32 (time,), seconds.
    """
    context, lists = tf.io.parse_single_sequence_example(record, _CONTEXT, _FEATURE_LISTS)
    texts = {name: context[name].values for name in ("captions", "questions", "answers")}
    return {**context, **texts, **lists}


def decode(frames: tf.Tensor) -> tf.Tensor:
    """The stored frames of a clip, inside a tf.data graph.

    Args:
        frames: string (time,), JPEG.

    Returns:
        uint8 (time, height, width, 3).
    """
    return tf.map_fn(
        # The accurate transform gives the same pixels on every machine.
        lambda frame: tf.io.decode_jpeg(frame, channels=3, dct_method="INTEGER_ACCURATE"),
        frames,
        fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
    )


def read_records(*paths: str | Path) -> tf.data.Dataset:
    """The records of shards, one behind the other, undecoded."""
    return untuned(tf.data.TFRecordDataset([*map(str, paths)]))


def read_texts(path: str | Path, cleaning: Cleaning = UNCLEANED) -> Iterator[dict[str, list[str]]]:
    """The captions, questions, answers and labels of each clip in a shard that `cleaning` keeps, without its frames."""
    for record in read_records(path).as_numpy_iterator():
        features = tf.train.SequenceExample.FromString(record).context.feature
        texts = {
            name: [text.decode() for text in features[name].bytes_list.value]
            for name in ("captions", "questions", "answers")
        }
        clip = features["video_id"].bytes_list.value[0].decode()
        if clip in cleaning.clips:
            continue
        texts["captions"] = cleaning.kept(clip, texts["captions"])
        label = features["label"].bytes_list.value[0].decode()
        yield {**texts, "labels": label.split(keys.LABEL_SEPARATOR) if label else []}


def read_columns(path: str | Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(clip, question, {column: value}) of each question in a shard, one with no question for a clip that has none.

    The columns are `path`, `label`, `question`, `answer` and those of the user's own.
    """
    for record in read_records(path).as_numpy_iterator():
        features = tf.train.SequenceExample.FromString(record).context.feature
        clip, file, label = (features[name].bytes_list.value[0].decode() for name in ("video_id", "path", "label"))
        questions, answers = (
            [text.decode() for text in features[name].bytes_list.value] or [""] for name in ("questions", "answers")
        )
        own = [json.loads(text) for text in features["columns"].bytes_list.value] or [{}] * len(questions)
        for question, answer, columns in zip(questions, answers, own):
            yield clip, question, {"path": file, "label": label, "question": question, "answer": answer, **columns}


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _serialize(row: ClipRow, clip: EncodedClip) -> bytes:
    context = {
        "video_id": _strings([row.clip_id]),
        "path": _strings([row.path]),
        "captions": _strings(row.captions),
        "questions": _strings(question for question, _ in row.questions),
        "answers": _strings(answer for _, answer in row.questions),
        "label": _strings([keys.LABEL_SEPARATOR.join(row.labels)]),
        "duration": _floats([clip.info.duration]),
        "width": _integers([clip.width]),
        "height": _integers([clip.height]),
        "complete": _integers([int(clip.complete)]),
    }
    if row.columns:
        context["columns"] = _strings(json.dumps(dict(columns)) for columns in row.columns)
    lists = {
        "frames": tf.train.FeatureList(feature=[_bytes([frame]) for frame in clip.frames]),
        "times": tf.train.FeatureList(feature=[_floats([time]) for time in clip.times]),
    }
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list=lists),
    )
    return example.SerializeToString(deterministic=True)


def _bytes(values: Iterable[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _strings(values: Iterable[str]) -> tf.train.Feature:
    return _bytes([value.encode("utf-8") for value in values])


def _floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _integers(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _count_records(path: Path) -> int:
    """Records by their framing: length (8 bytes), its checksum (4), the record, its checksum (4)."""
    count, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            length = int.from_bytes(file.read(8), "little")
            file.seek(length + 8, os.SEEK_CUR)
            count += 1
    return count
