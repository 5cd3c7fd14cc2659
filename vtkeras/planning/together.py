"""Two contenders whose networks answer as one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vtkeras.evaluation.evaluate import figure
from vtkeras.planning.candidates import ON_THE_WAY
from vtkeras.planning.contender import Contender
from vtkeras.run_files import BEST, CHECKPOINTS
from vtkeras.training.run import Run
from vtkeras.training.second import SideBySide, as_one, keep_second
from vtkeras.training.state import load_state, model_variables
from vtkeras.training.validation import ValidationScore

READINGS = 3  # of the validation split
EPOCHS_EACH = 50  # readings of all clips that each of two networks gets at least: with fewer, one alone does as well


def second_of(winner: Contender, others: Sequence[Contender], seconds: float) -> Contender | None:
    """The best of the contenders that could answer beside the winner, where there is time to train both.

    That is for those that read the same frames through the same frozen encoder. A network whose clips are changed as it
    trains gains more by more epochs.

    Args:
        winner: of the race.
        others: that are left.
        seconds: that each of two could be trained for.

    Returns:
        None where there is none, or too little time.
    """
    fitting = [one for one in others if {one.name, winner.name} <= {*ON_THE_WAY}]
    if not fitting or winner.augmented:
        return None
    second = max(fitting, key=lambda one: one.best)
    return second if all(_has_time(one, seconds) for one in (winner, second)) else None


def _has_time(one: Contender, seconds: float) -> bool:
    """For as many epochs as it needs, and to be measured while its learning rate falls."""
    needed = EPOCHS_EACH * one.training.trainer.config.data.epoch_parts - one.training.epoch
    return seconds >= max(needed, READINGS * one.every) * one.epoch_seconds


class Together:
    """Two contenders that are trained, with the best weights of each, and how they do together.

    Args:
        first: whose run it is.
        second: answers beside it.

    Attributes:
        network: both as one.
        clips: what it reads of the clips.
        score: as `Contender.best`, after `measure`.
        figures: {head's title: its figure on the validation split}, after `measure`.
    """

    def __init__(self, first: Contender, second: Contender):
        self.first, self.second = first, second
        for one in (first, second):
            best = one.training.folder / CHECKPOINTS / BEST
            if best.is_file():
                load_state(best, model_variables(one.training.trainer.model))
        self.network = as_one(first.training.trainer.model, second.training.trainer.model)
        prepared, other = first.training.prepared, second.training.prepared
        assert prepared and other  # as all candidates that `second_of` gives have
        self.clips = SideBySide(prepared, other)
        self.score = -math.inf
        self.figures: dict[str, float] = {}

    def measure(self) -> float:
        """Reads the validation split, and gives the score."""
        trainer, score = self.first.training.trainer, self.first.score
        reader = trainer.task.reader(self.network, trainer.data.preprocessor, trainer.heads)
        measured = ValidationScore(reader, self.clips, score.limit)
        measured.baselines = score.baselines
        self.score = measured.measure()
        found = {head.title: figure(head, measured.rows[head.name]) for head in measured.heads}
        self.figures = {title: value for title, value in found.items() if value is not None}
        return self.score

    def keep(self) -> None:
        """Writes the second network into the run of the first, as one that reads frames, not features."""
        keep_second(self.first.training.folder, Run.open(self.second.training.folder))
