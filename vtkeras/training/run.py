"""A run folder: the config, the vocabulary, the checkpoints and what was made of them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from vtkeras.config import Config, load_config
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources import make_source  # noqa: F401  callers take it from here
from vtkeras.data.text import Vocabulary
from vtkeras.errors import UserError, command, first_line
from vtkeras.evaluation.judges import Judge
from vtkeras.models import VideoTextEnsemble
from vtkeras.path_checks import check_run
from vtkeras.run_files import (
    BEST,
    CHECKPOINTS,
    CONFIG_FILE,
    DATA,
    LINEAR_FILE,
    MANIFEST,
    MODEL_FILE,
    SECOND_FILE,
    VOCABULARY_FILE,
    train_anew,
)
from vtkeras.safe_files import check_keras_file
from vtkeras.tasks import Head, Reader, Task, task_of
from vtkeras.tasks.reranker import Reranker
from vtkeras.training.experts import with_linear
from vtkeras.training.state import load_state, model_variables


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
    experts: keras.Model | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Builds the run's model and loads its best checkpoint, or `model.keras` where that is all there is.

        Where there is a second network, both answer as one.

        Raises:
            UserError: if the folder is no run, or its files do not belong together.
        """
        folder = check_run(folder)
        config = _with_own_data(load_config(str(folder / CONFIG_FILE)), folder)
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        task = task_of(config)
        heads = task.active_heads(config, vocabulary)
        best = folder / CHECKPOINTS / BEST
        if best.is_file():
            model = task.build(config, vocabulary, heads)
            load_state(best, model_variables(model))
            if (folder / SECOND_FILE).is_file():
                model = _with_second(model, folder)
        else:
            model = load_model(folder / MODEL_FILE)
        preprocessor, experts = Preprocessor(config.data, vocabulary), None
        if (folder / LINEAR_FILE).is_file() and (folder / LINEAR_FILE).stat().st_size:
            preprocessor, experts = with_linear(preprocessor, config), load_model(folder / LINEAR_FILE)
        return cls(folder, config, task, heads, preprocessor, model, experts)

    @property
    def lacks(self) -> str:
        """One sentence on linear models that its config asks for and its folder does not hold; "" where nothing lacks.

        A run that was stopped early has none, and one whose file was deleted does worse than it said. The file is empty
        where no head can have one.
        """
        asked = self.config.model.linear_size and self.experts is None and not (self.folder / LINEAR_FILE).is_file()
        told = f"{self.folder} holds no {LINEAR_FILE}: its network answers without linear models beside it"
        return told if asked else ""

    @property
    def digest(self) -> str:
        """Another text for other weights, of the network or of linear models beside it."""
        models = [model for model in (self.model, self.experts) if model is not None]
        arrays = [np.asarray(weight).tobytes() for model in models for weight in model.weights]
        # Their order may differ between a checkpoint and a `.keras` file.
        return hashlib.sha256(b"".join(sorted(hashlib.sha256(one).digest() for one in arrays))).hexdigest()[:16]

    @property
    def title(self) -> str:
        """Its name in tables."""
        return f"{self.config.name} ({getattr(self.config.model, self.task.told_by)})"

    def reader(self, compiled: bool = False, rereads: bool = True) -> Reader:
        """What turns frames and questions into strings, scores and attention, or words into clips.

        Args:
            compiled, rereads: as for `Reader`.

        Raises:
            UserError: if the run that chooses among drafts is not there, or cannot.
        """
        check_captioner("model.reranker", self.config, self.heads, self.preprocessor.vocabulary)
        beside = {"experts": self.experts, "reranker": open_reranker(self.config)}
        found = {name: part for name, part in beside.items() if part}
        return self.task.reader(self.model, self.preprocessor, self.heads, compiled, rereads, **found)


def _with_second(model: keras.Model, folder: Path) -> VideoTextEnsemble:
    try:
        return VideoTextEnsemble([model, load_model(folder / SECOND_FILE)])
    except ValueError as error:
        raise UserError(f"{folder / SECOND_FILE} does not fit the run. {error} Remove it, or train anew.") from None


def _with_own_data(config: Config, folder: Path) -> Config:
    """The same config, on the clips in the run folder where a plan stored them there, or where its path leads to none:
    once a run was moved, the path may lead to the clips of another one."""
    path, own = config.data.path, folder / DATA
    elsewhere = path is not None and Path(path).name != DATA and (Path(path) / MANIFEST).is_file()
    if path is None or elsewhere or not (own / MANIFEST).is_file():
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"path": str(own)})})


def open_judge(folder: str | Path) -> Judge:
    """The judge of generated clips that a run with captions makes.

    Raises:
        UserError: if it is no run, or writes no captions.
    """
    run = Run.open(folder)
    return Judge(run.reader(), run.config.name)


def check_captioner(option: str, config: Config, heads: Sequence[Head], vocabulary: Vocabulary) -> None:
    """Refuses a run that cannot choose among drafts of clips, or judge clips, before a model is built.

    Args:
        option: names it, or None: "model.reranker" or "train.judge".
        config: with that option.
        heads: of the run that makes the clips.
        vocabulary: of that run.

    Raises:
        UserError: if these heads make no clips, or what is named is no run, writes no captions, or does not know most
            of the captions' words.
    """
    part, name = option.split(".")
    named = getattr(getattr(config, part), name)
    if not named:
        return
    if not any(head.needs_judge for head in heads):
        raise UserError(f"{option} does nothing for the task '{config.task}': set it to null.")
    check_reads(option, named, vocabulary, f"set {option} to null")


def check_reads(option: str, named: str | Path, vocabulary: Vocabulary, without: str) -> None:
    """Refuses a run that cannot say what is on clips, before its model is opened.

    Args:
        option: that names it, for the message.
        named: the run.
        vocabulary: of the run that makes the clips.
        without: how to do without it, for the message.

    Raises:
        UserError: if it is no run, writes no captions, or does not know most of the captions' words.
    """
    way_out = f"name a run that writes captions of the same data, or {without}"
    try:
        folder = check_run(named)
    except UserError as error:
        raise UserError(f"{option}: {str(error).split(':')[0]}: {way_out}.") from None
    other, known = load_config(str(folder / CONFIG_FILE)), Vocabulary.load(folder / VOCABULARY_FILE)
    if not any(head.writes_captions for head in task_of(other).active_heads(other, known)):
        raise UserError(f"{option} {named} writes no captions: {way_out}.")
    knows = {*(known.words or known.tokens)}  # older vocabularies hold no list of words
    unknown = [word for word in vocabulary.words if word not in knows]
    if 2 * len(unknown) > len(vocabulary.words):
        raise UserError(f"{option} {named} does not know most words of the captions, e.g. '{unknown[0]}': {way_out}.")


def open_reranker(config: Config) -> Reranker | None:
    """What chooses among drafts of a clip, where the config names it and `check_captioner` passed."""
    if not config.model.reranker:
        return None
    return Reranker(Run.open(config.model.reranker).reader(), config.model.drafts)


def is_old_file(path: Path) -> bool:
    """Whether a `.keras` file is of the first model class, which `vtkeras migrate` rewrites.

    Raises:
        UserError: if it is damaged, or larger than an honest one.
    """
    check_keras_file(path)
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    return config["class_name"] == "VideoTextModel" and "heads" not in config["config"]


def load_model(path: Path) -> keras.Model:
    """Reads a `.keras` file without running any code that it brings.

    Raises:
        UserError: if the file is damaged, holds what only unsafe loading would accept, or was made by an older
            version.
    """
    if is_old_file(path):
        raise UserError(f"{path} was made by an older vtkeras: run `{command('migrate', path.parent)}` once.")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        again = train_anew(path.parent)
        raise UserError(f"{path} cannot be loaded ({first_line(error)}): train its run anew by `{again}`.") from None


