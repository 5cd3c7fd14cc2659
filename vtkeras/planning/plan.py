"""From a folder to an exported model in a given time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vtkeras import keys
from vtkeras.config import save_config
from vtkeras.data.sources.folder import FolderSource
from vtkeras.data.text import Vocabulary, build_vocabulary
from vtkeras.errors import UserError
from vtkeras.evaluation.evaluate import figure, goal_row
from vtkeras.linear.models import ENCODER, TITLE
from vtkeras.linear.search import best_installed
from vtkeras.linear.table import read_table
from vtkeras.planning.candidates import (
    CANDIDATES,
    FIRST_EPOCHS,
    ON_THE_WAY,
    SCORED,
    SMALL,
    SMALL_SIDE,
    Setting,
    clip_bytes,
    in_order,
    make_config,
    raced,
)
from vtkeras.planning.clock import Clock
from vtkeras.planning.contender import Contender, tell
from vtkeras.planning.prepare import FEWEST_TRAINING
from vtkeras.planning.race import NO_CATCHING_UP, Race, enough, level
from vtkeras.planning.speed import LEAST, SIDES, TRAINING, choose_reading, cost, measure, share_in_time, slowed
from vtkeras.planning.survey import Survey, first_answers, has_names, has_phrases, survey_source
from vtkeras.planning.tried import Row, explain_figures, to_markdown
from vtkeras.pretrained.packages import find
from vtkeras.run_files import CHECKPOINTS, CONFIG_FILE, LINEAR_FILE, LOGS, PLAN_TABLE, VOCABULARY_FILE
from vtkeras.training.callbacks import LossNotFinite, spell_time
from vtkeras.training.data import TrainingData
from vtkeras.training.experts import FittedLinear, add_experts, fit_linear, prefer_linear
from vtkeras.training.temperature import calibrate_classes
from vtkeras.training.validation import judged
from vtkeras.whole_files import write_text

READING = 0.15  # share of the time in which a pretrained encoder may read the clips
CAPTIONS_READ = 0.05  # share of the time in which a sentence encoder may read captions
EPOCH = 0.03  # share of the time that an epoch may take
TRAINED = 0.5  # share of the time in which a winner is trained, about
GRAPHS, EXPORT = 14.0, 17.0  # times the graph of the pretrained encoder: those of a candidate, and the export
BESIDE_GRAPHS = 4.0  # more of these, in which linear models are weighed beside the winner
EXPORT_GRAPHS, EXPORT_LEAST = 3.5, 8.0  # later: times what the graph of a reading took, and seconds beside
SHIFTED = {"shift": 0.1}  # of a frame's sides: a patch of those that are read on the way
VIEWS = 2  # of a clip, of other frames each
VIEW = 0.1  # share of the winner's time in which a further one may be read
VISIBLE = 5e-3  # by which figures must differ to be worth a note
OVERTIME = 1.15  # times what was given, from which on it is told
BUSY = 1.5  # times that work takes longer than its processor time, from which on it is told
VOCABULARY = 4000
CACHE = "cache"
MOST_CACHE = 10_000_000_000  # bytes
WEIGHING = 3.0  # readings of the validation split that this takes: of captions, and of all other heads with each share
BESIDE = "the same with linear models beside it"


class Plan:
    """Looks at a folder, races candidates, and trains the winner until the time is used up.

    Args:
        data: a folder that `vtkeras data ingest` made.
        folder: the run folder.
        clock: the budget.
        report: called with lines of progress.
        seed: of all trainings.
        made_by: the command that asked for it, which the table names.

    Example:
        >>> Plan("data/cats", "runs/cats", Clock(20), print).run()
    """

    def __init__(
        self,
        data: str | Path,
        folder: str | Path,
        clock: Clock,
        report: Callable[[str], None],
        seed: int = 0,
        made_by: str = "",
    ):
        self.folder = Path(folder)
        self.clock = clock
        self.tell = report
        self.made_by = made_by
        self.source = FolderSource(path=data)
        if keys.VALIDATION not in self.source.splits():
            raise UserError(
                f"{data} has no validation split, by which a plan chooses: write `validation` into the column split "
                "of some rows, and ingest into another folder."
            )
        clips = {split: len(self.source.clips(split)) for split in self.source.splits()}
        training = clips.get(keys.TRAIN, 0)
        if training < FEWEST_TRAINING:
            raise UserError(
                f"{data} has {training} clip{'s' * (training != 1)} for training, of {sum(clips.values())} that "
                f"decode: a plan needs {FEWEST_TRAINING} at least."
            )
        self._look()
        self.setting, self.slowness = slowed(lambda: self._setting(str(data), seed))
        self.rows: list[Row] = []
        self.beside: dict[str, float] = {}
        self.linear: FittedLinear | None = None

    def _look(self) -> None:
        """Counts what the source holds, and learns its words."""
        texts = self.source.texts()
        self.vocabulary: Vocabulary = build_vocabulary(
            texts, VOCABULARY, has_phrases(first_answers(texts["answers"])), keep_case=has_names(texts["captions"])
        )
        self.survey: Survey = survey_source(self.source, texts, self.vocabulary, self.source.texts(keys.VALIDATION))

    def report(self, line: str) -> None:
        """Tells a line with the time that has passed."""
        self.tell(f"[{spell_time(self.clock.spent())}] {line}")

    def run(self) -> Path:
        """Does it all but the export; the run folder then holds the winner.

        Returns:
            The run folder.
        """
        self._drop_cache()  # of a run that was killed
        try:
            self._train()
        finally:
            self._drop_cache()
        return self.folder

    def tell_overtime(self) -> None:
        """Says so, after the export, where all took longer than was given."""
        over = self.clock.spent() - self.clock.seconds
        if over > (OVERTIME - 1) * self.clock.seconds:
            self.report(
                f"note: this took {spell_time(over)} longer than the {spell_time(self.clock.seconds)} that were given"
            )

    def _drop_cache(self) -> None:
        shutil.rmtree(self.folder / CACHE, ignore_errors=True)

    def _train(self) -> None:
        """Races candidates, and moves the winner into the run folder."""
        names, most = in_order(self.setting), raced(self.setting)
        self._describe(names[:most])
        entered = {names[0]: self._enter(names[0])}
        first = entered[names[0]]
        self.report(f"figures: {explain_figures(first.training.trainer.heads)}")
        if first.training.trainer.config.model.linear_size:
            entered |= {name: self._enter(name) for name in names[1:most] if {name, names[0]} <= {*ON_THE_WAY}}
            self._fit_linear([*entered.values()])
        race = Race(self.clock, self.survey.clips[keys.VALIDATION], self.report)
        try:
            winner = race.run(names, lambda name: entered.pop(name, None) or self._enter(name), most)
            self._finish(winner)
        except KeyboardInterrupt:
            winner = self._stopped([*race.contenders, *race.dropped] or [first])
        self.rows += [self._row(one, "dropped") for one in (*race.dropped, *race.contenders) if one is not winner]
        self._keep(winner)

    def _augment(self, winner: Contender) -> None:
        """Moves the training clips of a network that linear models, which learn nothing by heart, are ahead of."""
        linear = self._linear_figures()
        both = [(value, winner.figures[title]) for title, value in linear.items() if title in winner.figures]
        by_linear, by_network = np.sum(both, axis=0) if both else (0.0, 0.0)
        if by_network < by_linear:
            winner.augment(SHIFTED)
            self.report(
                "linear models are ahead, and the network may learn its clips by heart: from here on these are moved "
                f"by up to {SHIFTED['shift']:.0%} of the frame, each time otherwise"
            )

    def _show_views(self, winner: Contender, seconds: float) -> None:
        """Lets the winner see other frames of its clips, lest it learn what is to be seen in these alone."""
        if not self._affords_views(seconds):
            return
        self.report("reading other frames of the training clips, which passes over them show in turn from here on")
        try:
            winner.show_views(VIEWS)
        except UserError as error:  # of a full disk
            self.report(f"note: {error} So all passes show the same frames.")

    def _affords_views(self, seconds: float) -> bool:
        """Whether clips have other frames, and reading and keeping these takes little of so much training."""
        setting, clips = self.setting, self._further_views()
        read = clips * cost(setting.frames, setting.side) / self.speed if self.speed else 0.0
        return clips > 0 and read <= VIEW * seconds and self._kept(self.survey.used + clips) <= MOST_CACHE

    def _further_views(self) -> int:
        """Readings of training clips beside the first; 0 where clips have too few frames for another."""
        several = self.survey.frames >= VIEWS * self.setting.frames
        return (VIEWS - 1) * self.survey.clips[keys.TRAIN] if several else 0

    def _kept(self, readings: int) -> float:
        """Bytes of so many readings of a clip through a frozen encoder."""
        frames = self.setting.frames if self.setting.pretrained else 0
        return readings * clip_bytes(frames, self.setting.side)

    def _spell_kept(self) -> str:
        """The size of the cache in words, with other frames where there may be time for them."""
        used = self.survey.used
        size, views = f"{self._kept(used) / 1e9:.1f} GB", ""
        if self._affords_views(self.clock.left()):
            both = self._kept(used + self._further_views())
            views = f" ({both / 1e9:.1f} if other frames of the clips are read, too)"
        return f"about {size}{views} are kept in {self.folder / CACHE} meanwhile"

    def _stopped(self, tried: list[Contender]) -> Contender:
        """What is kept after Ctrl-C: the best so far, and linear models for the heads in which these do better."""
        winner = max(tried, key=lambda one: one.best)
        title = CANDIDATES[winner.name].title
        kept = f"the best so far, {title}" if winner.keep() else f"{title}, which has hardly learned"
        self.report(f"stopped; keeping {kept}")
        self.beside = {
            title: value for title, value in self._linear_figures().items() if value > winner.figures.get(title, -1.0)
        }
        if self.linear and self.beside:
            heads = [head.name for head in winner.training.trainer.heads if head.title in self.beside]
            prefer_linear(winner.training.folder, self.linear, heads)
            self.report(f"linear models do better, so they decide: {tell(self.beside)}")
        return winner

    def _linear_figures(self) -> dict[str, float]:
        """{head's title: the figure of its linear model on the validation split}."""
        return next((row.figures for row in self.rows if row.title == TITLE), {})

    def _setting(self, path: str, seed: int) -> Setting:
        pretrained = find(ENCODER) is not None
        encoder = measure(ENCODER, SIDES[0])
        self.speed, self.graph = encoder.pictures if pretrained else 0.0, encoder.graph
        seconds = min(READING * self.clock.seconds, max(self.clock.left(), 0.0))  # linear models gain most by it
        share = share_in_time(self.survey, self.speed, seconds) if pretrained else 1.0
        if share < 1:
            self._take(path, share, "there is no time to read")
        frames, side = choose_reading(self.survey, self.speed, seconds)
        needed = self.survey.used * clip_bytes(frames, side) if pretrained else 0
        if needed > MOST_CACHE:
            share = max(round(share * MOST_CACHE / needed, 4), LEAST)
            self._take(path, share, f"{needed / 1e9:.0f} GB would be kept to read")
        trained = measure(SMALL, SMALL_SIDE).pictures / TRAINING
        epoch, clips = max(1, int(EPOCH * self.clock.seconds * trained / frames)), self.survey.clips[keys.TRAIN]
        self.epoch_seconds = min(epoch, clips) * frames / trained
        passes = self.clock.share(TRAINED) / (clips * frames / trained)
        return Setting(self.survey, path, frames, side, pretrained, seed, share, epoch, passes, best_installed())

    def _take(self, path: str, share: float, reason: str) -> None:
        """Goes on with a share of the clips."""
        before = self.survey.used
        self.source = FolderSource(path=path, share=share)
        self._look()
        self.report(f"{reason} all {before} training and validation clips: {self.survey.used} of them are taken")

    def _describe(self, names: list[str]) -> None:
        setting = self.setting
        read = "models look at pictures"
        if self.survey.frames > 1:
            read = f"of the up to {self.survey.frames} frames of a clip, models look at {setting.frames}"
        read += f", brought to {setting.side} pixels"
        speed = "no pretrained encoder"
        if self.speed:
            speed = f"{self.speed:.0f} pictures of 224 pixels a second through {ENCODER}"
        self.report(f"data: {self.survey.describe()}")
        busy = f"; busy with other work, by which all takes {self.slowness:.1f} times as long" * (self.slowness > BUSY)
        self.report(f"machine: {speed}; {read}{busy}")
        self.report(f"candidates: {'; '.join(CANDIDATES[name].title for name in names)}")
        left, export = spell_time(max(self.clock.left(), 0)), spell_time(self._export_time())
        self.report(
            f"time: {left} are left; this folder takes at least about {spell_time(self._least())}, {export} of them "
            f"for the export; {self._spell_kept()}"
        )
        over = self._least() - self.clock.left()
        if over > 0:
            self.report(
                f"note: that is more than there is: the plan will take about {spell_time(over)} longer; give more "
                "--minutes or fewer clips"
            )
        for warning in self.survey.warnings():
            self.report(f"note: {warning}")
        if not setting.pretrained:
            self.report(
                "note: without pretrained weights all is learned from scratch, which does worse on few clips: stop, "
                "run `vtkeras pretrained install`, and begin again with another --out"
            )

    def _enter(self, name: str) -> Contender:
        config = make_config(name, self.setting)
        assert config is not None
        self.report(f"{CANDIDATES[name].title}: begins")
        data = TrainingData.of(config, self.source, self.vocabulary)
        cache = self.folder / CACHE
        return Contender(name, config, data, cache / name, cache, self.clock.now)

    def _fit_linear(self, entered: list[Contender]) -> None:
        """Reads the clips through a frozen encoder, for contenders as well, and fits the linear models."""
        trainer = entered[0].training.trainer
        prepared = [one.training.prepared for one in entered]
        seconds = CAPTIONS_READ * self.clock.seconds
        self.linear = fit_linear(trainer, self.folder / CACHE, self.report, prepared, seconds)
        heads = judged(trainer.heads)
        validation = read_table(self.linear.source, keys.VALIDATION, heads, trainer.config.train.score_examples)
        said = self.linear.models.predict(validation)
        found = {head.title: figure(head, goal_row(head, said[head.name], validation.examples)) for head in heads
                 if head.name in said}  # fmt: skip
        figures = {title: value for title, value in found.items() if value is not None}
        self.rows.append(Row(TITLE, figures, None, "for comparison"))
        self.report(f"{TITLE}: {tell(figures) or 'none, of so many answers'}")

    def _finish(self, winner: Contender) -> None:
        title = CANDIDATES[winner.name].title
        if self._seconds(winner) > 0:
            self._augment(winner)
            self._show_views(winner, self._seconds(winner))
        seconds = self._seconds(winner)
        if seconds > 0:
            self.report(f"{title} gets the remaining {spell_time(seconds)}")
        else:
            self.report(f"{title} stays as it is: the rest of the time is kept for the export")
        try:
            winner.finish(seconds, self.report, enough=enough(self.survey.clips[keys.VALIDATION]))
            self._prefer_last(winner)
        except LossNotFinite:
            winner.keep()
            self.report("its loss is no finite number any more, so its training ends; its best weights are kept")
        self._weigh(winner)

    def _prefer_last(self, winner: Contender) -> None:
        """Keeps the last weights where chance alone explains that earlier ones scored better."""
        best, clips = winner.best, min(self.survey.clips[keys.VALIDATION], SCORED)
        if winner.prefer_last(level([best], clips, NO_CATCHING_UP, winner.spread)):
            self.report(
                f"the last weights are kept: chance explains that their score, {winner.best:.3f}, is below the best "
                f"one, {best:.3f}"
            )

    def _weigh(self, winner: Contender) -> None:
        """Makes the winner as sure as it is right, and gives linear models their share beside it."""
        training = winner.training
        calibrate_classes(training.trainer, training.folder, self.report, training.prepared)
        if self.linear:
            found = add_experts(training.trainer, training.folder, self.linear, self.report, training.prepared)
            titles = {head.name: head.title for head in training.trainer.heads}
            self.beside = {titles[name]: value for name, (_, value) in found.items()}

    def _seconds(self, winner: Contender) -> float:
        """That are left to train the winner."""
        reading, graph = winner.reading_seconds, winner.graph_seconds
        weighing = WEIGHING * reading + 2 * graph if self.linear else 0.0
        return self.clock.left() - self._export_time(winner) - weighing - reading - graph

    def _least(self) -> float:
        """Seconds that are needed at least: one reading of the clips, graphs, the first epochs and the export."""
        setting, epochs = self.setting, FIRST_EPOCHS * self.epoch_seconds
        reading = self.survey.used * cost(setting.frames, setting.side) / self.speed if self.speed else 0.0
        graphs = GRAPHS + BESIDE_GRAPHS * setting.pretrained
        return reading + graphs * self.graph + epochs + self._export_time()

    def _export_time(self, winner: Contender | None = None) -> float:
        """What is kept for the export: a guess at first, later by what the winner's graphs took."""
        if winner is None:
            return EXPORT * self.graph
        return EXPORT_GRAPHS * winner.graph_seconds + self.slowness * EXPORT_LEAST

    def _row(self, contender: Contender, note: str) -> Row:
        return Row(CANDIDATES[contender.name].title, contender.figures, contender.best, note)

    def _keep(self, winner: Contender) -> None:
        """Moves the winner into the run folder, and writes what was tried."""
        linear = self._linear_figures()
        self.rows.append(self._row(winner, "kept"))
        if self.beside:
            self.rows.append(Row(BESIDE, {**winner.figures, **self.beside}, None, "what the run says"))
        exported = self.rows[-1].figures
        for title, value in linear.items():
            if value > exported.get(title, value) + VISIBLE:
                self.report(
                    f"note: {title.lower()}: the linear model does better, {100 * value:.1f} % against "
                    f"{100 * exported[title]:.1f} %; more time or more clips would help"
                )
        own = winner.training.folder
        for name in (CONFIG_FILE, VOCABULARY_FILE, LOGS, LINEAR_FILE, CHECKPOINTS):  # the last: by it a run is known
            target = self.folder / name
            if target.is_dir():
                shutil.rmtree(target)
            if (own / name).exists():
                shutil.move(own / name, target)
        config = winner.training.trainer.config
        save_config(config.model_copy(update={"name": self.folder.resolve().name}), self.folder / CONFIG_FILE)
        measured = explain_figures(winner.training.trainer.heads)
        made_by = f"\nMade by `{self.made_by}`.\n" * bool(self.made_by)
        write_text(self.folder / PLAN_TABLE, f"{to_markdown(self.rows)}\n{measured}.\n{made_by}")
        self.report(f"best on validation: {tell(exported)}")
