"""The SavedModel: raw frames and raw strings in; strings, scores and attention out."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import load_config, save_config
from vtkeras.data.mp4 import write_video
from vtkeras.data.sources.base import Source
from vtkeras.errors import command
from vtkeras.export.archive import write_endpoints
from vtkeras.novelty import Calibration, ClipStatistics, calibrate, novelty_endpoint
from vtkeras.run_files import (
    CAPTIONS_FILE,
    CLASSES,
    CONFIG_FILE,
    CONSTANTS,
    ENDPOINTS,
    LINEAR_FILE,
    LINEAR_SHARES,
    LOGS,
    METRICS,
    METRICS_TABLE,
    MODEL_FILE,
    NOVELTY,
    PLAN_TABLE,
    PREDICTIONS,
    README,
    SAMPLES,
    SAVED_MODEL,
    SECOND_CONFIG,
    STORED_FRAMES,
    STORED_SIDE,
    VOCABULARY_FILE,
    WEIGHTS,
    WHOLE,
)
from vtkeras.tasks import Endpoint, Head, Task
from vtkeras.training.run import Run, make_source
from vtkeras.whole_files import replacing, replacing_folder, write_bytes, write_json, write_text

FILES_OF_RESULTS = (METRICS, METRICS_TABLE, CLASSES, PREDICTIONS)
SAMPLE_CLIPS = 12
SAMPLE_FPS = 8
RESULTS = "<!-- what `vtkeras evaluate` wrote -->\n", "<!-- end of it -->\n"  # around it in a run's README


def export_run(
    run_folder: str | Path,
    out: str | Path | None = None,
    report: Callable[[str], None] = print,
    compiled: bool = False,
    keras_file: bool = True,
) -> Path:
    """Writes a run's SavedModel, `.keras` file and sample clips, and calibrates what it calls foreign.

    The SavedModel loads with `tf.saved_model.load` where tensorflow and tensorflow-text are
    installed, and has the endpoints of the run's heads (`vtkeras.tasks.heads`).

    Args:
        run_folder: a trained run.
        out: where to; None puts the artefacts into the run folder.
        report: called with lines of progress.
        compiled: let XLA compile the endpoint `caption` where it runs, as `VideoTextReader` says.
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
    if run.lacks:
        report(run.lacks)
    source = make_source(run.config)
    run.preprocessor.read_as_stored(source.stored_frames, source.stored_side)
    out = Path(out) if out else run.folder
    if out != run.folder:
        _copy_run_files(run, out)
    calibration = calibrate_novelty(run, report)
    report(f"writing the SavedModel with {len(endpoints(run.heads)) + bool(calibration)} endpoints")
    with replacing_folder(out / SAVED_MODEL) as temporary:
        write_saved_model(run, temporary, compiled, calibration)
    constants = {name: value for head in run.heads for name, value in head.constants(run.config).items()}
    shares = {name: float(share) for name, share in (run.experts.shares if run.experts else {}).items()}
    write_json(out / ENDPOINTS, describe(run.task, run.heads, calibration, source, constants, shares))
    if keras_file:
        with replacing(out / MODEL_FILE) as temporary:
            run.model.save(temporary)
    elif out != run.folder:
        (out / MODEL_FILE).unlink(missing_ok=True)  # of what was exported there before
    with replacing_folder(out / SAMPLES) as temporary:
        split = write_samples(run, temporary)
    write_text(out / README, _readme(run, out, split))  # the last file: by it a whole export is known
    written = [name for name in (SAVED_MODEL, MODEL_FILE, SAMPLES) if (out / name).exists()]
    report(f"exported to {out}: {', '.join(written)}")
    return out


def calibrate_novelty(run: Run, report: Callable[[str], None] = print) -> Calibration | None:
    """What the run's own clips look like to its model, told in one line; None if it reads none, or too few."""
    encoder = getattr(run.model, "frame_encoder", None)
    if encoder is None:
        return None
    found = calibrate(make_source(run.config), run.preprocessor, ClipStatistics(encoder))
    if found is None:
        report(
            "fewer than five clips with frames: too few to tell what a foreign clip looks like, so the model never "
            "says that a clip is foreign to it"
        )
    else:
        note = found.summary()["note"]
        report(
            f"clips with a novelty above {found.threshold:.2f} count as foreign, and get no words: about 1 in 100 that "
            f"are like the {found.clips} {found.split} clips{f' ({note})' if note else ''}"
        )
    return found


def write_saved_model(run: Run, path: Path, compiled: bool = False, calibration: Calibration | None = None) -> None:
    """Writes the SavedModel with the endpoints of the run's heads, and `novelty` where that is calibrated.

    Args:
        run: the trained model, with its heads and its preprocessor.
        path: the folder to write.
        compiled: let XLA compile what can be.
        calibration: what the run's own clips look like to its model; None leaves out `novelty`.
    """
    reader = run.reader(compiled)
    functions = {
        one.name: tf.function(getattr(reader, one.name), input_signature=list(one.signature), autograph=False)
        for one in endpoints(run.heads).values()
    }
    if calibration:
        statistics = ClipStatistics(run.model.frame_encoder)
        functions[NOVELTY] = novelty_endpoint(statistics, run.preprocessor, calibration)
    write_endpoints(functions, path)


def endpoints(heads: Sequence[Head]) -> dict[str, Endpoint]:
    """The endpoints of some heads by name; where two have the same, the first one's counts, as in `Reader`."""
    return {endpoint.name: endpoint for head in reversed(heads) for endpoint in head.endpoints()}


def describe(
    task: Task,
    heads: Sequence[Head],
    calibration: Calibration | None = None,
    source: Source | None = None,
    constants: dict | None = None,
    linear_shares: dict[str, float] | None = None,
) -> dict:
    """What the exported model can do, as `endpoints.json` tells it to predictors and menus.

    Args:
        task, heads: of the run.
        calibration: of its novelty, if there is one.
        source: of its clips: files are read for it as these were stored.
        constants: options that stand in the exported graph, see `Head.constants`.
        linear_shares: {head: what its linear model counts for}.

    Returns:
        {"task", "text_role": what the text of an example is, "stored_frames" and "stored_side" as of a `Source`,
        "constants", "linear_shares", "heads": [{"name", "title", "endpoints": [{"name", "inputs": names of the
        arguments}]}], "novelty": `Calibration.summary`, or None}.
    """
    return {
        "task": task.name,
        "text_role": task.text_role,
        STORED_FRAMES: source and source.stored_frames,
        STORED_SIDE: source and source.stored_side,
        CONSTANTS: constants or {},
        LINEAR_SHARES: linear_shares or {},
        "novelty": calibration and calibration.summary(),
        "heads": [
            {
                "name": head.name,
                "title": head.title,
                "endpoints": [
                    {"name": one.name, "inputs": [spec.name for spec in one.signature]} for one in head.endpoints()
                ],
            }
            for head in heads
            if not head.auxiliary
        ],
    }


def write_samples(run: Run, path: Path) -> str:
    """Writes a few test clips as mp4 or png files with a captions.csv, for the dashboard to begin with.

    Data without frames give no files, and those without a split `test` give clips of `validation` or `train`.

    A clip that is asked several questions has a row for each.

    Returns:
        The split that they are of.
    """
    source = make_source(run.config)
    path.mkdir(parents=True, exist_ok=True)
    split = next(split for split in (keys.TEST, keys.VALIDATION, keys.TRAIN) if split in source.splits())
    names: dict[bytes, str] = {}
    rows: dict[tuple, None] = {}  # the same question may be asked twice
    for example in source.load(split).as_numpy_iterator() if keys.FRAMES in source.spec else ():
        clip = example[keys.VIDEO_ID]
        if clip not in names:
            if len(names) == SAMPLE_CLIPS:
                break
            names[clip] = _write_sample(path, len(names), example[keys.FRAMES])
        captions = [text.decode() for text in example.get(keys.CAPTIONS, ())] or [""]
        others = [example.get(key, b"").decode() for key in (keys.QUESTION, keys.ANSWER, keys.LABEL)]
        rows[(names[clip], captions[0], *others)] = None
    with open(path / CAPTIONS_FILE, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "caption", "question", "answer", "label"), *rows])
    return split


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
    run.preprocessor.vocabulary.save(out / VOCABULARY_FILE)  # first: by it an export that was stopped is known
    save_config(run.config, out / CONFIG_FILE)
    (out / SECOND_CONFIG).unlink(missing_ok=True)
    if (run.folder / SECOND_CONFIG).is_file():
        second = load_config(str(run.folder / SECOND_CONFIG))
        data = second.data.model_copy(update={"path": run.config.data.path})
        save_config(second.model_copy(update={"data": data}), out / SECOND_CONFIG)
    own, there = (bool(found) and found.get(WEIGHTS, run.digest) == run.digest
                  for found in map(results_of, (run.folder, out)))  # fmt: skip
    for name in (*FILES_OF_RESULTS, LINEAR_FILE):
        results = name in FILES_OF_RESULTS
        if (run.folder / name).is_file() and (own or not results):
            write_bytes(out / name, (run.folder / name).read_bytes())
        elif not (results and there):
            (out / name).unlink(missing_ok=True)  # of what was exported there before
    if (run.folder / LOGS).is_dir():
        with replacing_folder(out / LOGS) as temporary:
            shutil.copytree(run.folder / LOGS, temporary, dirs_exist_ok=True)


def results_of(folder: Path) -> dict:
    """What `evaluate` wrote into a folder; {} where that is missing or damaged."""
    try:
        return dict(json.loads((folder / METRICS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def tell_results(folder: Path) -> None:
    """Puts the table that `evaluate` wrote into the README of a run that was exported before, in place of the last."""
    readme, (begin, end) = folder / README, RESULTS
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if found:
        write_text(readme, before + begin + (folder / METRICS_TABLE).read_text(encoding="utf-8") + end + after)


def _readme(run: Run, out: Path, split: str) -> str:
    metrics, results = out / METRICS_TABLE, results_of(out)
    holds = results.get(WEIGHTS, run.digest) == run.digest and results.get(WHOLE, True)  # older ones do not tell
    unknown = f"Not evaluated: `{command('evaluate', out)}`.\n"
    table = metrics.read_text(encoding="utf-8") if holds and metrics.is_file() else unknown
    keras_file = (out / MODEL_FILE).exists()
    use = f"`{MODEL_FILE}` is for Keras" if keras_file else f"the `{MODEL_FILE}` file is left out for its size"
    again = Path("runs") / run.config.name
    to: list[str | Path] = ["--out", out]
    if again.resolve() == out.resolve():  # which holds a run, so that another one goes beside it
        again, to = again.with_name(f"{again.name}_anew"), []
    train = command("train", "--config", out / CONFIG_FILE, "--out", again)
    if (run.folder / SECOND_CONFIG).is_file():
        second = again.with_name(f"{again.name}-second")
        beside = "--set", f"model.second={second}"
        both = [(SECOND_CONFIG, second, ()), (CONFIG_FILE, again, beside)]
        train = "\n".join(command("train", "--config", out / name, "--out", run_, *more) for name, run_, more in both)
    tried = run.folder / PLAN_TABLE
    plan = f"## What was tried\n\n{tried.read_text(encoding='utf-8')}\n" if tried.is_file() else ""
    made = "which a plan made, see below; with the settings that it chose it is made again by" if plan else "made by"
    export = command("export", again, *to, *([] if keras_file else ["--no-keras-file"]))
    return f"""# {run.config.name}

A model of the task `{run.config.task}` with {run.model.count_params():,} weights, {made}

```
{train}
{command("evaluate", again)}
{export}
```

`{SAVED_MODEL}/` needs TensorFlow and tensorflow-text alone; {use}; `{SAMPLES}/` holds a few {split} clips.

{plan}## Results

{RESULTS[0]}{table}{RESULTS[1]}"""
