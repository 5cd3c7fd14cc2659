"""A candidate while it is trained, in rounds that the clock decides."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from vtkeras import keys
from vtkeras.config import Config, StageConfig, save_config
from vtkeras.evaluation.evaluate import figure
from vtkeras.planning.candidates import ENDLESS, FIRST_EPOCHS
from vtkeras.run_files import BEST, CHECKPOINTS, CONFIG_FILE, LAST
from vtkeras.training.callbacks import LossNotFinite, spell_time
from vtkeras.training.data import TrainingData
from vtkeras.training.fit import Training
from vtkeras.training.schedule import stages_of
from vtkeras.training.state import load_state, model_variables
from vtkeras.training.validation import SCORE, ValidationScore

REPORT_SECONDS = 20.0
EPOCHS_AT_ONCE = 128  # in one graph of batches
MEASURING = 0.2  # share of the time that goes into reading the validation split, at most


class Watch(keras.callbacks.Callback):
    """Keeps the time and the scores of a contender, and stops it.

    Args:
        contender: what is trained.
        until: asked after every reading of the validation split; True stops.
    """

    def __init__(self, contender: Contender, until: Callable[[], bool]):
        super().__init__()
        self.contender = contender
        self.until = until
        self.seconds = 0.0
        self.stopped = False

    def on_train_begin(self, logs=None):
        self.since, self.first = self.contender.now(), None

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = self.contender.now()
        self.first = epoch if self.first is None else self.first

    def on_epoch_end(self, epoch, logs=None):
        one, now = self.contender, self.contender.now()
        self.seconds = now - self.begin
        if f"val_{SCORE}" not in logs or not one.history:
            return
        one.record(epoch + 1, one.score.value)
        one.epoch_seconds = (now - self.since) / (epoch + 1 - self.first)
        self.since, self.first = now, epoch + 1
        if self.until():
            self.stopped = self.model.stop_training = True


class Contender:
    """A candidate's training, and how it has done.

    Args:
        name: in `CANDIDATES`.
        config: made by `make_config`.
        data: its data.
        folder: its run folder.
        cache: where clips that are read once are kept.
        now: gives the time in seconds.

    Attributes:
        history: (epoch, score) of every reading of the validation split.
        figures: {head's title: its figure} at the best of them.
        epoch_seconds: what an epoch takes now, readings included.
        graph_seconds: what the graph took that reads the validation split; an export makes several like it.
        reading_seconds: what a reading of the validation split takes.
    """

    def __init__(
        self,
        name: str,
        config: Config,
        data: TrainingData,
        folder: Path,
        cache: Path,
        now: Callable[[], float] = time.monotonic,
    ):
        self.name = name
        self.now = now
        self.training = Training(config, folder, lambda line: None, features=cache, data=data)
        self.training.begin()
        self.training.checkpoints.every_epoch = False
        self.score: ValidationScore = next(one for one in self.training.callbacks if isinstance(one, ValidationScore))
        self.history: list[tuple[int, float]] = []
        self.figures: dict[str, float] = {}
        self.epoch_seconds = 0.0
        self.every = 1
        self.fallen = False
        self.graph_seconds = self.reading_seconds = 0.0

    @property
    def best(self) -> float:
        """The highest score so far; that of the first reading, whose weights are not kept, only while it is alone."""
        return max((score for _, score in self.history[1:] or self.history), default=float("-inf"))

    @property
    def spread(self) -> float:
        """How many times the standard error of a figure the score has."""
        return self.score.spread

    def record(self, epoch: int, score: float) -> None:
        """Notes a reading of the validation split, and its figures if it is the best so far."""
        if len(self.history) < 2 or score >= self.best:
            self._note_figures()
        self.history.append((epoch, score))

    def _note_figures(self) -> None:
        found = {head.title: figure(head, self.score.rows[head.name]) for head in self.score.heads}
        self.figures = {title: value for title, value in found.items() if value is not None}

    def describe(self) -> str:
        """How it has done, in a line."""
        spent = f"{self.training.epoch} epochs of {self.epoch_seconds:.1f} s"
        return f"{tell(self.figures)}; score {self.best:.3f}, after {spent}"

    def advance(self, seconds: float) -> None:
        """Trains for about this long; at least until one reading.

        The first epoch makes the graph, the second tells how long one takes, and from that it follows how often the
        validation split is read.
        """
        began = self.now()
        if not self.history:
            self._start()
        self._go_on(ENDLESS, lambda: self.now() - began + self.every * self.epoch_seconds > seconds)

    def augment(self, amounts: dict[str, float]) -> None:
        """Changes training clips from now on, by `data.augmentation`'s names and amounts."""
        self._change({"augmentation": amounts})

    def show_views(self, views: int) -> None:
        """Reads other frames of the training clips, which epochs show in turn from now on, as `data.views` does."""
        if self.training.prepared:
            for view in range(1, views):
                self.training.prepared.load(keys.TRAIN, view)
        self._change({"views": views})

    def finish(
        self, seconds: float, report: Callable[[str], None], falling: float = 0.3, enough: float = math.inf
    ) -> None:
        """Trains for as long as `seconds` last: first on at the same rate, then with a falling one.

        Args:
            seconds: that the rest of the training may take.
            report: called with lines of progress.
            falling: share of the time for the fall.
            enough: score from which on no more of the time is taken than the fall needs.
        """
        began = self.told = self.now()
        if seconds < self.every * self.epoch_seconds:
            return self._end_here(self.training.epoch)

        def left() -> float:
            return seconds - (self.now() - began)

        def tell_time() -> None:
            if self.now() - self.told > REPORT_SECONDS:
                self.told = self.now()
                report(f"{spell_time(max(left(), 0))} left; {self.describe()}")

        def falls() -> bool:
            tell_time()
            return self.best >= enough or left() - self.every * self.epoch_seconds < falling * seconds

        def ends() -> bool:
            tell_time()
            to_come = self.training.trainer.config.epochs - self.training.epoch
            return left() <= 0 or to_come * self.epoch_seconds > 1.1 * left() + 2

        if not falls():
            self._go_on(ENDLESS, falls)
        if self.best >= enough:
            spent = self.now() - began
            seconds = min(seconds, spent + max(falling * spent, self.every * self.epoch_seconds))
            report("nothing is left to gain on the validation split, so not all of the time is used")
        report(f"the learning rate falls from here on; {self.describe()}")
        while not self.fallen:
            rounds = max(1, int(left() / (self.every * self.epoch_seconds)))
            self._use(falling_stages(self.training.trainer.config, self.training.epoch, rounds * self.every))
            self._go_on(self.training.trainer.config.epochs, ends)
            self.fallen = left() <= 0 or self.training.epoch >= self.training.trainer.config.epochs
        self._end_here(self.training.epoch)

    def prefer_last(self, least: float) -> bool:
        """Keeps the weights that the fall of the rate ended with, in place of those that scored best before.

        The best of many readings owes a part of its score to chance.

        Args:
            least: score that the last weights must have for it.

        Returns:
            Whether it did.
        """
        epoch, score = self.history[-1]
        if not self.fallen or epoch != self.training.epoch or not least <= score < self.best:
            return False
        training = self.training
        train = training.trainer.config.train.model_copy(update={"score_from": epoch})
        self._use(training.trainer.config.model_copy(update={"train": train}))
        training.checkpoints.best = training.trainer.score({f"val_{SCORE}": score})
        training.checkpoints.save(BEST, model_variables(training.trainer.model), epoch)
        self.history = [*self.history[:1], (epoch, score)]
        self._note_figures()
        return True

    def release(self) -> None:
        """Frees the graph of its steps, about 100 MB, once it is dropped; after Ctrl-C it may still be kept."""
        self.training.trainer.learner.train_function = None

    def keep(self) -> bool:
        """Ends the training where it is, with its best weights; those that it has where none have been chosen.

        Returns:
            Whether some had been chosen.
        """
        training = self.training
        self._end_here(max(1, training.epoch))
        chosen = (training.folder / CHECKPOINTS / BEST).is_file()
        if not chosen:
            training.checkpoints.save(BEST, model_variables(training.trainer.model), training.epoch)
        training.checkpoints.save(LAST, training.trainer.variables(), training.epoch)
        return chosen

    def _end_here(self, done: int) -> None:
        """Writes down that the training ends after so many epochs."""
        config = self.training.trainer.config
        if done < config.epochs:
            self._use(falling_stages(config, done, 0))

    def _start(self) -> None:
        training, watch = self.training, Watch(self, lambda: False)
        self._train(FIRST_EPOCHS, watch)
        begin = self.now()
        self.score.measure()  # makes the graph
        self.graph_seconds = self.now() - begin
        begin = self.now()
        self.record(FIRST_EPOCHS, self.score.measure())
        reading = self.reading_seconds = self.now() - begin
        self.every = max(1, round((1 - MEASURING) / MEASURING * reading / max(watch.seconds, 1e-3)))
        self.epoch_seconds = watch.seconds + reading / self.every
        config = training.trainer.config
        self._use(config.model_copy(update={"train": config.train.model_copy(update={"score_every": self.every})}))
        self.score.every = self.every

    def _go_on(self, end: int, until: Callable[[], bool]) -> None:
        """Trains up to an epoch, or until `until` says so after a reading."""
        watch = Watch(self, until)
        while self.training.epoch < end and not watch.stopped:
            self._train(min(end, self.training.epoch + EPOCHS_AT_ONCE), watch)
        self.training.checkpoints.save(LAST, self.training.trainer.variables(), self.training.epoch)

    def _train(self, end: int, watch: Watch) -> None:
        """Trains up to an epoch; a loss that is no finite number takes back what was learned since the last round."""
        training = self.training
        try:
            training.go_on(end, callbacks=[watch])
        except LossNotFinite:
            last = load_state(training.folder / CHECKPOINTS / LAST, training.trainer.variables())
            training.epoch = last["epoch"]
            raise

    def _change(self, values: dict[str, Any]) -> None:
        self._use(changed_stages(self.training.trainer.config, self.training.epoch, values))

    def _use(self, config: Config) -> None:
        """Goes on with a config that differs in the stages to come."""
        trainer = self.training.trainer
        trainer.config = config
        trainer.data = replace(trainer.data, config=config)
        trainer.rate.replace(stages_of(config.train, trainer.data.steps))
        save_config(config, self.training.folder / CONFIG_FILE)


def tell(figures: dict[str, float]) -> str:
    """Figures for a line of progress.

    Example:
        >>> tell({"Labels": 0.5})
        'labels 50.0 %'
    """
    return ", ".join(f"{title.lower()} {100 * value:.1f} %" for title, value in figures.items())


def falling_stages(config: Config, done: int, epochs: int) -> Config:
    """A config whose rate, from what it is after `done` epochs, falls to zero over `epochs` more.

    Args:
        config: the experiment.
        done: epochs that are trained; their stages stay, the one under way is cut there.
        epochs: further ones; 0 ends the training after `done`.

    Returns:
        A copy of the config with other stages.

    Example:
        >>> falling_stages(config, done=10, epochs=5).epochs
        15
    """
    return _with_stage(config, done, {"epochs": epochs, "learning_rate_end": 0.0})


def changed_stages(config: Config, done: int, values: dict[str, Any]) -> Config:
    """A config that goes on after `done` epochs with other values of a stage, at the rate that it has then.

    Args:
        config, done: as for `falling_stages`.
        values: of `StageConfig`, such as {"augmentation": {"shift": 0.1}}.

    Returns:
        A copy of the config with other stages; the clock will end the last one.
    """
    return _with_stage(config, done, {"epochs": ENDLESS, **values})


def _with_stage(config: Config, done: int, values: dict[str, Any]) -> Config:
    """A config whose stages end after `done` epochs, followed by one like the last of them with other values."""
    stages: list[StageConfig] = []
    for stage in config.train.stages:
        left = done - sum(one.epochs for one in stages)
        rate = stage.learning_rate or config.train.learning_rate
        if left < stage.epochs:  # the stage under way is cut where it is
            end = stage.learning_rate_end or 0.0
            rate += (end - rate) * left / stage.epochs
            cut = stage.model_copy(update={"epochs": left, "learning_rate_end": rate})
            stages += [cut] if left else []
            break
        stages.append(stage)
    if values["epochs"]:
        stages.append(stage.model_copy(update={"learning_rate": rate, "learning_rate_end": rate, **values}))
    return config.model_copy(update={"train": config.train.model_copy(update={"stages": tuple(stages)})})
