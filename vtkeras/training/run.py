"""A run folder: the config, the vocabulary, the checkpoints and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from vtkeras.config import Config, load_config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources import make_source  # noqa: F401  callers take it from here
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.run_files import BEST, CHECKPOINTS, CONFIG_FILE, MODEL_FILE, VOCABULARY_FILE, run_folder
from vtkeras.safe_files import check_keras_file
from vtkeras.tasks import Head, Reader, Task, task_of
from vtkeras.training.state import load_state


@dataclass(frozen=True)
class Run:
    """A trained run, opened.

    Example:
        >>> run = Run.open("runs/demo")
        >>> run.reader().caption(frames)["caption"]
    """

    folder: Path
    config: Config
    task: Task
    heads: tuple[Head, ...]
    preprocessor: Preprocessor
    model: keras.Model

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Builds the run's model and loads its best checkpoint, or `model.keras` where that is all there is.

        Raises:
            UserError: if the folder is no run, or its files do not belong together.
        """
        folder = run_folder(folder)
        if not (folder / CONFIG_FILE).is_file():
            raise UserError(f"{folder} is not a run: it has no {CONFIG_FILE}. Train one with `vtkeras train`.")
        config = load_config(str(folder / CONFIG_FILE))
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        task = task_of(config)
        heads = task.active_heads(config, vocabulary)
        best = folder / CHECKPOINTS / BEST
        if best.is_file():
            model = task.build(config, vocabulary, heads)
            if config.model.cache_features:  # trained on features, its variables stand in another order
                trained = task.build(config, vocabulary, heads, from_features=True)
                load_state(best, trained, with_optimizer=False)
                model.take_weights(trained)
            else:
                load_state(best, model, with_optimizer=False)
        elif (folder / MODEL_FILE).is_file():
            model = load_model(folder / MODEL_FILE)
        else:
            raise UserError(f"{folder} has neither {CHECKPOINTS}/{BEST} nor {MODEL_FILE}: train it first.")
        return cls(folder, config, task, heads, Preprocessor(config.data, vocabulary), model)

    @property
    def title(self) -> str:
        """Its name in tables."""
        return f"{self.config.name} ({self.config.model.fusion})"

    def reader(self, compiled: bool = False) -> Reader:
        """What turns frames and questions into strings, scores and attention."""
        return self.task.reader(self.model, self.preprocessor, self.heads, compiled)


def load_model(path: Path) -> keras.Model:
    """Reads a `.keras` file without running any code that it brings.

    Raises:
        UserError: if the file is damaged or holds what only unsafe loading would accept.
    """
    check_keras_file(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path} cannot be loaded: {reason}") from None


