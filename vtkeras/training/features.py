"""Cached frame features: a frozen frame encoder reads every clip once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.data.pipeline import read
from vtkeras.data.preprocess import Preprocessor
from vtkeras.errors import UserError
from vtkeras.run_files import replacing


def cached_features(
    model, source, preprocessor: Preprocessor, config: Config, folder: Path, report: Callable[[str], None]
) -> Callable[[str], tf.data.Dataset] | None:
    """A callable from a split to its features, float32 (num_frames, patches, channels) an example.

    The features of a split are computed at the first call and kept as float16;
    a file made by another encoder or from other data has another name and is not read.

    Args:
        model: its `frame_encoder` is used.
        source, preprocessor: give the clips.
        config: the experiment; without `model.cache_features` there is nothing to do.
        folder: where they are kept.
        report: called with lines of progress.

    Returns:
        The callable, or None if the config does not ask for it.

    Raises:
        UserError: if the frame encoder is not frozen.
    """
    if not config.model.cache_features:
        return None
    if config.model.frame_trainable:
        raise UserError("model.cache_features needs a frozen encoder: set model.frame_trainable to false.")
    name = _digest(model.frame_encoder, config)

    def features(split: str) -> tf.data.Dataset:
        path = folder / f"{split}-{name}.npy"
        if not path.is_file():
            _compute(path, model.frame_encoder, source, split, preprocessor, report)
        array = np.load(path, mmap_mode="r")
        signature = tf.TensorSpec(array.shape[1:], tf.float32)
        return tf.data.Dataset.from_generator(
            lambda: (np.asarray(row, "float32") for row in array), output_signature=signature
        )

    return features


def _compute(path: Path, encoder, source, split, preprocessor, report) -> None:
    examples = read(source, split, preprocessor.config)
    count = len(examples)
    clips = examples.map(lambda example: preprocessor.clip(example[keys.FRAMES])[0]).batch(16)
    encode = tf.function(lambda frames: tf.cast(encoder(frames, training=False), tf.float16))
    done = 0
    with replacing(path) as temporary, open(temporary, "wb") as file:  # a mapped file kills the process on a full disk
        for frames in clips:
            batch = encode(frames).numpy()
            if not done:
                header = {"descr": batch.dtype.str, "fortran_order": False, "shape": (count, *batch.shape[1:])}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(batch.tobytes())
            done += len(batch)
            if done % 256 < len(batch) or done == count:
                report(f"frame features of {split}: {done}/{count} clips")


def _digest(encoder, config: Config) -> str:
    digest = hashlib.sha256(json.dumps(config.data.model_dump(mode="json"), sort_keys=True).encode())
    for variable in encoder.variables:
        digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()[:16]
