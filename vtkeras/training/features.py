"""Cached frame features: a frozen frame encoder reads every clip once."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.pipeline import read
from vtkeras.data.preprocess import Preprocessor
from vtkeras.errors import UserError
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.run_files import replacing_folder

BATCH = 16
REPORT_EVERY = 256


def cached_features(
    model, source, preprocessor: Preprocessor, config: Config, folder: Path, report: Callable[[str], None]
) -> Callable[[str], tf.data.Dataset] | None:
    """A callable from a split to its examples with features, float32 (num_frames, patches, channels), for frames.

    Whatever else an example has is kept beside its features, so that an epoch reads them and nothing else. They
    are computed at the first call and kept as float16; those made by another encoder or from other data have
    another name and are not read.

    Args:
        model: its `frame_encoder` is used.
        source, preprocessor: give the clips.
        config: the experiment; without `model.cache_features` there is nothing to do.
        folder: where they are kept.
        report: called with lines of progress.

    Returns:
        The callable, or None if the config does not ask for it.

    Raises:
        UserError: if the frame encoder is not frozen, or the disk is full.
    """
    if not config.model.cache_features:
        return None
    if config.model.frame_trainable:
        raise UserError("model.cache_features needs a frozen encoder: set model.frame_trainable to false.")
    name = _digest(model.frame_encoder, config)

    def examples(split: str) -> tf.data.Dataset:
        path = folder / f"{split}-{name}"
        if not path.is_dir():
            _compute(path, model.frame_encoder, source, split, preprocessor, report)
        return tf.data.Dataset.load(str(path)).map(_as_float32)

    return examples


def _compute(path: Path, encoder, source, split, preprocessor, report) -> None:
    examples = read(source, split, preprocessor.config)
    count = len(examples)
    examples = examples.map(preprocessor.prepare, num_parallel_calls=tf.data.AUTOTUNE)
    encode = tf.function(lambda frames: tf.cast(encoder(frames, training=False), tf.float16), reduce_retracing=True)

    def encoded():
        rows, done = iter(examples), 0
        while batch := list(itertools.islice(rows, BATCH)):
            features = encode(tf.stack([example[keys.FRAMES] for example in batch]))
            yield from (_with_features(example, feature) for example, feature in zip(batch, features))
            done += len(batch)
            if done % REPORT_EVERY < BATCH or done == count:
                report(f"frame features of {split}: {done}/{count} clips")
            end_of_step()

    frames = examples.element_spec[keys.FRAMES].shape
    features = tf.TensorSpec(encoder.compute_output_shape((None, *frames))[1:], tf.float16)
    signature = _with_features(examples.element_spec, features)
    dataset = tf.data.Dataset.from_generator(encoded, output_signature=signature)
    with (
        interrupt_between_steps() as end_of_step,
        replacing_folder(path) as temporary,
        ThreadPoolExecutor(1) as thread,  # Ctrl-C is heard by the main thread alone, and not while that saves
    ):
        thread.submit(dataset.save, str(temporary)).result()


def _with_features(example: dict, features) -> dict:
    kept = {key: value for key, value in example.items() if key != keys.FRAMES}
    return {**kept, keys.FRAME_FEATURES: features}


def _as_float32(example: dict) -> dict:
    return {**example, keys.FRAME_FEATURES: tf.cast(example[keys.FRAME_FEATURES], tf.float32)}


def _digest(encoder, config: Config) -> str:
    digest = hashlib.sha256(json.dumps(config.data.model_dump(mode="json"), sort_keys=True).encode())
    for variable in encoder.variables:
        digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()[:16]
