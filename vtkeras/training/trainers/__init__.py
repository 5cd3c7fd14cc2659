"""How a task is trained. A new way is one file here and one line in `TRAINERS`."""

from vtkeras.training.trainers.adversarial import AdversarialTrainer
from vtkeras.training.trainers.base import Trainer
from vtkeras.training.trainers.generative import GenerativeTrainer
from vtkeras.training.trainers.self_critical import SelfCriticalTrainer
from vtkeras.training.trainers.supervised import SupervisedTrainer

TRAINERS: dict[str, type[Trainer]] = {
    "supervised": SupervisedTrainer,
    "self_critical": SelfCriticalTrainer,
    "generative": GenerativeTrainer,
    "adversarial": AdversarialTrainer,
}

__all__ = ["TRAINERS", "Trainer"]
