"""Augmentation and cleaning, with and without, at several seeds: `make bench-augmentation SET=FOLDER`.

A small model learns from a part of a folder of clips with a table: as it is, and with `data.augmentation`; and from
the same part with a fifth of its clips added as damage: as that is, and after `vtkeras data clean`. Damage is copies,
copies with the texts of another clip, and black clips with the texts of another. The test split stays whole.
Prints the mean and standard deviation over the seeds.

With `--alone` each augmentation is measured by itself beside none. The seeds are taken in turn, and after each a table
is printed. `--minutes` of processor time end it after the run that is on.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse  # noqa: E402
import csv  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterable  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402

from tests.fixtures.videos import make_video  # noqa: E402
from vtkeras.config import Config  # noqa: E402
from vtkeras.data.cleaning.clean import clean  # noqa: E402
from vtkeras.data.cleaning.report import summary  # noqa: E402
from vtkeras.data.ingest import ingest  # noqa: E402
from vtkeras.data.sources import make_source  # noqa: E402
from vtkeras.errors import UserError  # noqa: E402
from vtkeras.evaluation.evaluate import score  # noqa: E402
from vtkeras.evaluation.reading import read_split  # noqa: E402
from vtkeras.training.fit import train  # noqa: E402
from vtkeras.training.run import Run  # noqa: E402

AUGMENTATION = {"brightness": 0.1, "contrast": 0.2, "time": 0.2, "word_dropout": 0.1}
AS_IT_IS = "as it is"
ALONE: dict[str, dict[str, float]] = {
    AS_IT_IS: {},
    "crop": {"crop": 0.1},
    "rotation": {"rotate": 10.0},
    "flip, with the words": {"flip": 0.5},
    "colour": {"brightness": 0.1, "contrast": 0.2, "saturation": 0.3},
    "blur": {"blur": 1.0},
    "time: speed and jitter": {"time": 0.2},
    "synonyms": {"synonyms": 0.1},
    "word dropout": {"word_dropout": 0.1},
    "templates": {"templates": 0.3},
    "cutout": {"cutout": 0.25},
    "shift": {"shift": 0.1},
}
COLUMNS = ("caption_exact", "bleu4", "answer_accuracy", "label_accuracy", "recall_at_1")
TEXTS = ("caption", "question", "answer", "label")
BLACK_FRAMES = 20

Rows = dict[str, list[dict[str, str]]]


def part(folder: Path, clips: dict[str, int]) -> Rows:
    """{path: rows} of the first clips of each split that `clips` counts."""
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        found: Rows = {}
        for row in csv.DictReader(file):
            found.setdefault(row["path"], []).append(row)
    splits = {split: [path for path, rows in found.items() if rows[0]["split"] == split] for split in clips}
    return {path: found[path] for split, count in clips.items() for path in splits[split][:count]}


def damage(folder: Path, rows: Rows, rng: np.random.Generator) -> Rows:
    """Adds clips to the folder, a fifth of its training clips, and gives their rows: see the top."""
    clips = [path for path, own in rows.items() if own[0]["split"] == "train"]
    chosen = rng.permutation(clips)[: len(clips) // 5]
    others = rng.permutation(clips)
    added: Rows = {}
    for number, (path, other) in enumerate(zip(chosen, others)):
        new = folder / f"added{number}{Path(path).suffix}"
        is_black, is_wrong = number % 3 == 0, number % 3 != 1
        if is_black:
            make_video(new, np.zeros((BLACK_FRAMES, 64, 64, 3), np.uint8))
        else:
            shutil.copy(folder / path, new)
        added[new.name] = [{**row, "path": new.name} for row in rows[other if is_wrong else path]]
    return added


def store(folder: Path, rows: Rows, out: Path) -> Path:
    """Ingests the clips of these rows."""
    table = out.with_suffix(".csv")
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["path", *TEXTS, "split"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row for own in rows.values() for row in own)
    ingest(folder, table, out)
    return out


def settings(task: str, data: Path, seed: int, epochs: int, augmentation: dict[str, float]) -> Config:
    """What a plan trains from scratch, for some epochs."""
    values = {
        "name": "bench",
        "task": task,
        "data": {
            "source": "folder",
            "path": str(data),
            "num_frames": 8,
            "image_size": 64,
            "questions_per_clip": 4,
            "cache_frames": True,
            "augmentation": augmentation,
        },
        "model": {
            "frame_encoder": "nfnet_tiny",
            "patch_merge": 2,
            "temporal_layers": 1,
            "text_layers": 1,
            "dim": 96,
            "num_heads": 4,
            "label_from_text": False,
        },
        "train": {
            "batch_size": 16,
            "stages": [{"epochs": epochs, "schedule": "linear", "learning_rate_end": 0.0}],
            "learning_rate": 0.001,
            "warmup_steps": 20,
            "score_every": epochs,
            "seed": seed,
        },
    }
    return Config.model_validate(values)


def figures(config: Config, folder: Path) -> dict[str, float]:
    """Trains a run and gives its figures on the test split, in percent; 0 where the model says nothing."""
    keras.backend.clear_session()
    run = Run.open(train(config, folder, report=lambda line: None))
    reader = run.reader()
    test, said = read_split(make_source(run.config), "test", reader.heads, run.preprocessor, {"run": reader})
    found = score(reader.heads, said["run"], test)
    return {name: 100 * (found[name] or 0.0) for name in COLUMNS if name in found}


def spread(values: Iterable[float]) -> str:
    """Mean and standard deviation; of one value that alone."""
    found = list(values)
    return f"{np.mean(found):.1f}" + (f" ± {np.std(found, ddof=1):.1f}" if len(found) > 1 else "")


def measure_alone(options: argparse.Namespace, whole: Path, home: Path) -> None:
    """Prints tables of the augmentations, each by itself; one that cannot be measured here is told, and left out."""
    until = time.process_time() + 60 * options.minutes
    found: dict[str, dict[int, dict[str, float]]] = {}
    for seed in range(options.seeds):
        for number, (name, augmentation) in enumerate(ALONE.items()):
            if time.process_time() > until:
                continue
            config = settings(options.task, whole, seed, options.epochs, augmentation)
            try:
                found.setdefault(name, {})[seed] = figures(config, home / f"{number}-{seed}")
                print(f"{name}, seed {seed}: {found[name][seed]}", flush=True)
                shutil.rmtree(home / f"{number}-{seed}")
            except UserError as error:
                print(f"{name}: {error}", flush=True)
        print("\n".join(table({name: runs for name, runs in found.items() if runs})), flush=True)


def table(found: dict[str, dict[int, dict[str, float]]]) -> list[str]:
    """Markdown: the figures of each case, and the mean of all of them less that of none at the same seeds."""
    plain = found[AS_IT_IS]
    columns = list(plain[0])
    head = " | ".join([*columns, "mean, less as it is", "seeds"])
    lines = [f"| | {head} |", "| --- |" + " ---: |" * (len(columns) + 2)]
    for name, runs in found.items():
        cells = [spread(run[column] for run in runs.values()) for column in columns]
        gains = [np.mean([run[one] - plain[seed][one] for one in columns]) for seed, run in runs.items()]
        lines.append("| " + " | ".join([name, *cells, spread(gains), str(len(runs))]) + " |")
    return lines


def measure_together(options: argparse.Namespace, folder: Path, rows: Rows, whole: Path, home: Path) -> None:
    """Prints the figures of one mixture of augmentations, and of damage with and without cleaning."""
    more = rows | damage(folder, rows, np.random.default_rng(0))
    damaged, cleaned = (store(folder, more, home / name) for name in ("damaged", "cleaned"))
    told = summary(clean(cleaned))
    cases = {
        AS_IT_IS: (whole, {}),
        "augmented": (whole, AUGMENTATION),
        "damaged": (damaged, {}),
        "damaged and cleaned": (cleaned, {}),
    }
    for name, (data, augmentation) in cases.items():
        runs = [
            figures(settings(options.task, data, seed, options.epochs, augmentation), home / f"{name}-{seed}")
            for seed in range(options.seeds)
        ]
        for column in runs[0]:
            values = [run[column] for run in runs]
            print(f"{name}: {column} {spread(values)} ({', '.join(f'{value:.1f}' for value in values)})", flush=True)
    print(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", default="multitask")
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--alone", action="store_true", help="measure each augmentation by itself")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="with --alone: of processor time at most")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        folder = home / "clips"
        rows = part(options.data, {"train": options.clips, "validation": 50, "test": 200})
        for path in rows:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(options.data / path, folder / path)
        whole = store(folder, rows, home / "whole")
        if options.alone:
            measure_alone(options, whole, home)
        else:
            measure_together(options, folder, rows, whole, home)


if __name__ == "__main__":
    main()
