"""The SavedModel: raw frames and raw strings in; strings, scores and attention out."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import save_config
from vtkeras.data.mp4 import write_video
from vtkeras.data.preprocess import even_frames
from vtkeras.run_files import (
    CLASSES,
    CONFIG_FILE,
    LOGS,
    METRICS,
    METRICS_TABLE,
    MODEL_FILE,
    PREDICTIONS,
    README,
    SAMPLES,
    SAVED_MODEL,
    VOCABULARY_FILE,
    replacing,
    replacing_folder,
    write_bytes,
    write_text,
)
from vtkeras.training.run import Run, make_source

SAMPLE_CLIPS = 12
SAMPLE_FPS = 8

FRAMES_SPEC = tf.TensorSpec((None, None, None, None, 3), tf.uint8, name="frames")
TEXT_SPEC = tf.TensorSpec((None,), tf.string, name="text")
CHOICES_SPEC = tf.TensorSpec((None, None), tf.string, name="choices")


def _scalars(dtype: tf.DType, *names: str) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((), dtype, name=name) for name in names]


LIMITS = _scalars(tf.int32, "min_length", "max_length", "no_repeat_ngram")
BEAM_SPECS = [*_scalars(tf.int32, "width"), *_scalars(tf.float32, "length_penalty"), *LIMITS]
SAMPLE_SPECS = [
    *_scalars(tf.float32, "temperature", "top_p"),
    *_scalars(tf.int32, "top_k", "seed"),
    *LIMITS,
]


def export_run(
    run_folder: str | Path,
    out: str | Path | None = None,
    report: Callable[[str], None] = print,
    compiled: bool = False,
    keras_file: bool = True,
) -> Path:
    """Writes a run's SavedModel, `.keras` file and sample clips.

    The SavedModel loads with `tf.saved_model.load` where tensorflow and tensorflow-text are
    installed, and has the endpoints of `Endpoints`.

    Args:
        run_folder: a trained run.
        out: where to; None puts the artefacts into the run folder.
        report: called with lines of progress.
        compiled: let XLA compile the endpoint `caption` where it runs, as `Decoder` says.
        keras_file: write the `.keras` file, which training and evaluation go on from.

    Returns:
        The folder with the artefacts.

    Raises:
        UserError: if the folder is no trained run, or the disk is full; what was there stays.

    Example:
        >>> export_run("runs/demo")
        >>> model = tf.saved_model.load("runs/demo/saved_model")
        >>> model.caption(tf.zeros((1, 40, 120, 160, 3), tf.uint8))["caption"]
    """
    run = Run.open(run_folder)
    out = Path(out) if out else run.folder
    if out != run.folder:
        _copy_run_files(run, out)
    with replacing_folder(out / SAVED_MODEL) as temporary:
        write_saved_model(run, temporary, compiled)
    if keras_file:
        with replacing(out / MODEL_FILE) as temporary:
            run.model.save(temporary)
    with replacing_folder(out / SAMPLES) as temporary:
        write_samples(run, temporary)
    write_text(out / README, _readme(run, out))
    written = [name for name in (SAVED_MODEL, MODEL_FILE, SAMPLES) if (out / name).exists()]
    report(f"exported to {out}: {', '.join(written)}")
    return out


class Endpoints(tf.Module):
    """What the SavedModel can do. Frames are uint8 (batch, time, height, width, 3), any size and length.

    Args:
        run: the opened run.
        options: of the run's decoder.

    Endpoints:
        caption(frames): caption, tokens, probabilities, score, attention; greedily.
        caption_beam(frames, width, length_penalty, min_length, max_length, no_repeat_ngram): as caption
            for the best beam, and beams, beam_scores.
        caption_sample(frames, temperature, top_p, top_k, seed, min_length, max_length, no_repeat_ngram):
            as caption.
        answer(frames, text): answer, score, probabilities, tokens, attention.
        write_answer(frames, text): answer, score, tokens, attention; the answer is written word by word.
        choose(frames, text, choices): answer, score, probabilities, known, tokens, attention; the answer is
            one of choices string (batch, choices).
        classify(frames, text): label, score, probabilities.
        explain_caption(frames, text): tokens, probabilities, score, attention, rollout of a given caption.
        explain_answer(frames, text): tokens, rollout.
        events(frames): caption, text, start, end, score; for captions with times.
        embed_video(frames), embed_text(text): unit vectors (batch, embedding_dim).

    All but the last line also give frame_index int32 (batch, num_frames), which of the given frames the
    model looked at, and frames_mask bool (batch, num_frames), False for repeats of the last frame.
    Shapes of the rest, and what the scalars mean: `vtkeras.tasks.video_text.Decoder`.
    """

    def __init__(self, run: Run, **options):
        super().__init__(name="endpoints")
        self.preprocessor = run.preprocessor
        self.decoder = run.decoder(**options)

    def caption(self, frames):
        return self._seen(frames, self.decoder.caption(*self.preprocessor.clips(frames)))

    def caption_beam(self, frames, width, length_penalty, min_length, max_length, no_repeat_ngram):
        options = {"width": tf.maximum(width, 1), "length_penalty": length_penalty}
        limits = self._limits(min_length, max_length, no_repeat_ngram)
        found = self.decoder.caption_beam(*self.preprocessor.clips(frames), **options, **limits)
        return self._seen(frames, found)

    def caption_sample(self, frames, temperature, top_p, top_k, seed, min_length, max_length, no_repeat_ngram):
        options = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "seed": seed}
        limits = self._limits(min_length, max_length, no_repeat_ngram)
        found = self.decoder.caption_sample(*self.preprocessor.clips(frames), **options, **limits)
        return self._seen(frames, found)

    def answer(self, frames, text):
        return self._seen(frames, self.decoder.answer(*self.preprocessor.clips(frames), text))

    def write_answer(self, frames, text):
        return self._seen(frames, self.decoder.write_answer(*self.preprocessor.clips(frames), text))

    def choose(self, frames, text, choices):
        return self._seen(frames, self.decoder.choose(*self.preprocessor.clips(frames), text, choices))

    def classify(self, frames, text):
        return self._seen(frames, self.decoder.classify(*self.preprocessor.clips(frames), text))

    def explain_caption(self, frames, text):
        return self._seen(frames, self.decoder.explain_caption(*self.preprocessor.clips(frames), text))

    def explain_answer(self, frames, text):
        return self._seen(frames, self.decoder.explain_answer(*self.preprocessor.clips(frames), text))

    def events(self, frames):
        return self._seen(frames, self.decoder.events(*self.preprocessor.clips(frames)))

    def embed_video(self, frames):
        return self.decoder.embed_video(*self.preprocessor.clips(frames))

    def embed_text(self, text):
        return self.decoder.embed_text(text)

    def _limits(self, min_length, max_length, no_repeat_ngram) -> dict:
        longest = self.preprocessor.config.caption_length
        return {
            "min_length": min_length,
            "max_length": tf.clip_by_value(max_length, 1, longest),  # positions beyond were never trained
            "no_repeat_ngram": no_repeat_ngram,
        }

    def _seen(self, frames, outputs: dict) -> dict:
        index, mask = even_frames(tf.shape(frames)[1], self.preprocessor.config.num_frames)
        batch = tf.shape(frames)[0]
        return {
            **outputs,
            "frame_index": tf.tile(index[None], (batch, 1)),
            "frames_mask": tf.tile(mask[None], (batch, 1)),
        }


def write_saved_model(run: Run, path: Path, compiled: bool = False) -> None:
    """Writes the SavedModel with the endpoints that the run's heads allow."""
    endpoints = Endpoints(run, compiled=compiled)
    both, choices = [FRAMES_SPEC, TEXT_SPEC], [FRAMES_SPEC, TEXT_SPEC, CHOICES_SPEC]
    by_head = {
        keys.HEAD_CAPTION: {
            "caption": [FRAMES_SPEC],
            "caption_beam": [FRAMES_SPEC, *BEAM_SPECS],
            "caption_sample": [FRAMES_SPEC, *SAMPLE_SPECS],
            "explain_caption": both,
        },
        keys.HEAD_ANSWER: {"answer": both, "explain_answer": both, "choose": choices},
        keys.HEAD_WRITTEN_ANSWER: {"write_answer": both, "explain_answer": both, "choose": choices},
        keys.HEAD_LABEL: {"classify": both},
        keys.HEAD_CONTRASTIVE: {"embed_video": [FRAMES_SPEC], "embed_text": [TEXT_SPEC]},
    }
    signatures = {name: signature for head in run.heads() for name, signature in by_head[head].items()}
    if hasattr(endpoints.decoder, "events"):
        signatures["events"] = [FRAMES_SPEC]
    archive = keras.export.ExportArchive()  # saves what the endpoints use; `track` would save all weights again
    for name, signature in signatures.items():
        archive.add_endpoint(name, getattr(endpoints, name), input_signature=signature)
    archive.write_out(str(path), verbose=False)


def write_samples(run: Run, path: Path) -> None:
    """Writes a few test clips as mp4 or png files with a captions.csv, for the dashboard to begin with.

    A clip that is asked several questions has a row for each.
    """
    source = make_source(run.config)
    path.mkdir(parents=True, exist_ok=True)
    split = next(split for split in (keys.TEST, keys.VALIDATION, keys.TRAIN) if split in source.splits())
    names: dict[bytes, str] = {}
    rows: dict[tuple, None] = {}  # the same question may be asked twice
    for example in source.load(split):
        clip = example[keys.VIDEO_ID].numpy()
        if clip not in names:
            if len(names) == SAMPLE_CLIPS:
                break
            names[clip] = _write_sample(path, len(names), example[keys.FRAMES].numpy())
        captions = [text.decode() for text in example[keys.CAPTIONS].numpy()] or [""]
        others = [example[key].numpy().decode() for key in (keys.QUESTION, keys.ANSWER, keys.LABEL)]
        rows[(names[clip], captions[0], *others)] = None
    with open(path / "captions.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "caption", "question", "answer", "label"), *rows])


def _write_sample(folder: Path, index: int, frames: np.ndarray) -> str:
    """Writes one clip, a picture where it has one frame, and returns the file's name."""
    if len(frames) == 1:
        name = f"clip_{index:02d}.png"
        keras.utils.save_img(folder / name, frames[0], scale=False)
    else:
        name = f"clip_{index:02d}.mp4"
        write_video(folder / name, frames, fps=SAMPLE_FPS)
    return name


def _copy_run_files(run: Run, out: Path) -> None:
    save_config(run.config, out / CONFIG_FILE)
    run.preprocessor.vocabulary.save(out / VOCABULARY_FILE)
    for name in (METRICS, METRICS_TABLE, CLASSES, PREDICTIONS):
        if (run.folder / name).is_file():
            write_bytes(out / name, (run.folder / name).read_bytes())
    if (run.folder / LOGS).is_dir():
        with replacing_folder(out / LOGS) as temporary:
            shutil.copytree(run.folder / LOGS, temporary, dirs_exist_ok=True)


def _readme(run: Run, out: Path) -> str:
    metrics = out / METRICS_TABLE
    table = metrics.read_text(encoding="utf-8") if metrics.is_file() else f"Not evaluated: `vtkeras evaluate {out}`.\n"
    keras_file = (out / MODEL_FILE).exists()
    use = f"`{MODEL_FILE}` is for Keras" if keras_file else f"the `{MODEL_FILE}` file is left out for its size"
    return f"""# {run.config.name}

A model of the task `{run.config.task}` with {run.model.count_params():,} weights, made by

```
vtkeras train --config {out}/{CONFIG_FILE} --out runs/{run.config.name}
vtkeras evaluate runs/{run.config.name}
vtkeras export runs/{run.config.name} --out {out}{"" if keras_file else " --no-keras-file"}
```

`{SAVED_MODEL}/` needs TensorFlow and tensorflow-text alone; {use}; `{SAMPLES}/` holds a few test clips.

## Results

{table}"""
