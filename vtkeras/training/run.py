"""A run folder: the config, the vocabulary, the checkpoints and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from vtkeras import keys
from vtkeras.config import Config, load_config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources import make_source  # noqa: F401  callers take it from here
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError
from vtkeras.models import choose
from vtkeras.run_files import BEST, CHECKPOINTS, CONFIG_FILE, MODEL_FILE, VOCABULARY_FILE, run_folder
from vtkeras.safe_files import check_keras_file
from vtkeras.tasks import TASKS, Task
from vtkeras.training.state import load_state


@dataclass(frozen=True)
class Run:
    """A trained run, opened.

    Example:
        >>> run = Run.open("runs/demo")
        >>> run.decoder().caption(frames, frames_mask)["caption"]
    """

    folder: Path
    config: Config
    task: Task
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
        task = choose(TASKS, config.task, "task")
        best = folder / CHECKPOINTS / BEST
        if best.is_file():
            model = task.build(config, vocabulary)
            if config.model.cache_features:  # trained on features, its variables stand in another order
                trained = task.build(config, vocabulary, from_features=True)
                load_state(best, trained, with_optimizer=False)
                model.take_weights(trained)
            else:
                load_state(best, model, with_optimizer=False)
        elif (folder / MODEL_FILE).is_file():
            model = load_model(folder / MODEL_FILE)
        else:
            raise UserError(f"{folder} has neither {CHECKPOINTS}/{BEST} nor {MODEL_FILE}: train it first.")
        return cls(folder, config, task, Preprocessor(config.data, vocabulary), model)

    def decoder(self, **options):
        """What turns frames and questions into strings, scores and attention; options are the decoder's own."""
        return self.task.decode(self.model, self.preprocessor, self.heads(), **options)

    def heads(self) -> tuple[str, ...]:
        return active_heads(self.task, self.config, self.preprocessor.vocabulary)


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


def active_heads(task: Task, config: Config, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The task's heads that have a loss weight and something to learn from.

    Raises:
        UserError: if none is left.
    """
    writes = bool(vocabulary.answers) or keys.HEAD_ANSWER not in task.heads  # then there is no closed set
    has = {
        keys.HEAD_CAPTION: True,
        keys.HEAD_CONTRASTIVE: True,
        keys.HEAD_ANSWER: bool(vocabulary.answers),
        keys.HEAD_WRITTEN_ANSWER: writes and config.data.answer_length > 0,
        keys.HEAD_LABEL: bool(vocabulary.labels),
    }
    heads = tuple(head for head in task.heads if has[head] and config.train.loss_weights.get(head, 0) > 0)
    if not heads:
        raise UserError(
            f"Task '{task.name}' has nothing to train: the data have no {' or '.join(task.heads)}, "
            "or train.loss_weights leaves them out."
        )
    return heads
