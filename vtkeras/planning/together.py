"""Two contenders whose networks answer as one."""

from __future__ import annotations

from collections.abc import Sequence

from vtkeras.config import save_config
from vtkeras.evaluation.evaluate import figure
from vtkeras.models import VideoTextEnsemble
from vtkeras.planning.candidates import ON_THE_WAY
from vtkeras.planning.contender import Contender
from vtkeras.run_files import BEST, CHECKPOINTS, SECOND_CONFIG
from vtkeras.training.run import Run
from vtkeras.training.second import SideBySide, keep_second
from vtkeras.training.state import load_state, model_variables
from vtkeras.training.validation import ValidationScore

EPOCHS_EACH = 20  # that each of two networks is trained at least: with fewer, one alone does better


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
    enough = all(one.training.epoch + seconds / one.epoch_seconds >= EPOCHS_EACH for one in (winner, second))
    return second if enough else None


class Together:
    """Two contenders that are trained, with the best weights of each, and how they do together.

    Args:
        first: whose run it is.
        second: answers beside it.

    Attributes:
        network: both as one.
        clips: what it reads of the clips.
        score: as `Contender.best`.
        figures: {head's title: its figure on the validation split}.
    """

    def __init__(self, first: Contender, second: Contender):
        self.first, self.second = first, second
        for one in (first, second):
            best = one.training.folder / CHECKPOINTS / BEST
            if best.is_file():
                load_state(best, model_variables(one.training.trainer.model))
        trainer = first.training.trainer
        self.network = VideoTextEnsemble([one.training.trainer.model for one in (first, second)])
        prepared, other = first.training.prepared, second.training.prepared
        assert prepared and other  # as all candidates that `second_of` gives have
        self.clips = SideBySide(prepared, other)
        reader = trainer.task.reader(self.network, trainer.data.preprocessor, trainer.heads)
        measured = ValidationScore(reader, self.clips, first.score.limit)
        measured.baselines = first.score.baselines
        self.score = measured.measure()
        found = {head.title: figure(head, measured.rows[head.name]) for head in measured.heads}
        self.figures = {title: value for title, value in found.items() if value is not None}

    def keep(self) -> None:
        """Writes the second network, and the config that makes it, into the run of the first."""
        run, folder = Run.open(self.second.training.folder), self.first.training.folder
        keep_second(folder, run.model)
        save_config(run.config, folder / SECOND_CONFIG)
