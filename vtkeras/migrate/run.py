"""The files of an old run, each rewritten in today's names."""

from __future__ import annotations

import csv
import functools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

from vtkeras.aliases import current_column, current_results
from vtkeras.config import Config, load_config, save_config
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.evaluation.tables import write_results
from vtkeras.export.saved_model import describe
from vtkeras.migrate.weights import old_checkpoint, old_file
from vtkeras.run_files import (
    BEST,
    CHECKPOINTS,
    CLASSES,
    CONFIG_FILE,
    ENDPOINTS,
    LAST,
    METRICS,
    METRICS_TABLE,
    MODEL_FILE,
    PREDICTIONS,
    SAVED_MODEL,
    VOCABULARY_FILE,
)
from vtkeras.tasks import Head, Task, task_of
from vtkeras.training.optimizers import make_optimizer
from vtkeras.training.run import is_old_file
from vtkeras.training.schedule import staged_rate
from vtkeras.training.state import model_variables, read_meta, run_variables, save_state
from vtkeras.whole_files import replacing, replacing_folder, write_json

OLD = ".old"
Rewrites = Iterator[tuple[Path, Callable[[Path], object]]]  # a file, and what writes its new content to a path


def migrate_run(folder: str | Path, out: str | Path | None = None, report: Callable[[str], None] = print) -> Path:
    """Brings a run that an older version made to today's names, so that everything opens it.

    Its config, checkpoints, `.keras` file and tables are rewritten where they are old, with the same numbers.
    Interrupted, it can be called again.

    Args:
        folder: the run.
        out: a new folder for a copy; None rewrites the run itself and keeps the old files as `<name>.old`.
        report: called with a line on each file.

    Returns:
        The migrated run.

    Raises:
        UserError: if the folder is no run, a file is damaged or of another model, or the disk is full; what
            was there stays.

    Example:
        >>> migrate_run("runs/demo")
    """
    folder = Path(folder)
    if not (folder / CONFIG_FILE).is_file():
        raise UserError(f"{folder} is not a run: it has no {CONFIG_FILE}.")
    if out is None:
        _migrate(_OldRun.open(folder), report, keep=True)
        return folder
    if Path(out).exists():
        raise UserError(f"{out} is there already: choose another --out.")
    with replacing_folder(out) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True)
        _migrate(_OldRun.open(temporary), report, keep=False)
    return Path(out)


@dataclass(frozen=True)
class _OldRun:
    folder: Path
    config: Config
    vocabulary: Vocabulary
    task: Task
    heads: tuple[Head, ...]

    @classmethod
    def open(cls, folder: Path) -> _OldRun:
        config = load_config(str(folder / CONFIG_FILE))  # in today's names
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        task = task_of(config)
        return cls(folder, config, vocabulary, task, task.active_heads(config, vocabulary))

    def model(self) -> keras.Model:
        """Today's model, untrained."""
        return self.task.build(self.config, self.vocabulary, self.heads)


def _migrate(run: _OldRun, report: Callable[[str], None], keep: bool) -> None:
    for rewrites in (_checkpoints, _keras_file, _tables, _predictions, _config):
        for path, write in rewrites(run):
            if keep and not (old := path.with_name(path.name + OLD)).exists():
                with replacing(old) as temporary:
                    shutil.copy2(path, temporary)
            with replacing(path) as temporary:
                write(temporary)
            report(f"{path.relative_to(run.folder)}: rewritten in today's names")
    if (run.folder / SAVED_MODEL).is_dir() and not (run.folder / ENDPOINTS).is_file():
        write_json(run.folder / ENDPOINTS, describe(run.task, run.heads))
        report(f"{ENDPOINTS}: written")


def _checkpoints(run: _OldRun) -> Rewrites:
    for name in (BEST, LAST):
        path = run.folder / CHECKPOINTS / name
        arrays = old_checkpoint(path, run.config, run.vocabulary) if path.is_file() else None
        if arrays:
            model = run.model()
            trained = model.trainable_variables
            rate = staged_rate(run.config.train, 1)
            optimizers = {"optimizer": make_optimizer(run.config, rate, trained)} if name == LAST else {}
            kept = {key: arrays[key] for key in run_variables(model, **optimizers)}
            stored = read_meta(path)
            meta = {"epoch": stored["epoch"], "best": stored["best"], "config": run.config.model_dump(mode="json")}
            yield path, functools.partial(save_state, variables=kept, meta=meta)


def _keras_file(run: _OldRun) -> Rewrites:
    path = run.folder / MODEL_FILE
    if path.is_file() and is_old_file(path):
        stored, model = old_file(path, run.config, run.vocabulary), run.model()
        for key, variable in model_variables(model).items():
            variable.assign(stored[key])
        yield path, model.save


def _tables(run: _OldRun) -> Rewrites:
    path = run.folder / METRICS
    results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"columns": {}}
    if "columns" not in results:
        with tempfile.TemporaryDirectory() as tables:
            write_results(current_results(results), tables)
            for name in (METRICS_TABLE, CLASSES, METRICS):  # the one that shows what is done comes last
                if (run.folder / name).is_file():
                    yield run.folder / name, functools.partial(shutil.copy, Path(tables) / name)


def _predictions(run: _OldRun) -> Rewrites:
    path = run.folder / PREDICTIONS
    if not path.is_file():
        return
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        header, *rows = csv.reader(file)
    columns = [current_column(name) for name in header]

    def write(temporary: Path) -> None:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows])

    if columns != header:
        yield path, write


def _config(run: _OldRun) -> Rewrites:
    path = run.folder / CONFIG_FILE
    with tempfile.TemporaryDirectory() as folder:
        today = Path(folder) / CONFIG_FILE
        save_config(run.config, today)
        if today.read_bytes() != path.read_bytes():
            yield path, functools.partial(shutil.copy, today)
