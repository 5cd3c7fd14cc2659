"""Starting from what another run learned to see."""

from __future__ import annotations

from pathlib import Path

import keras

from vtkeras.errors import UserError
from vtkeras.training.run import Run

PARTS = ("frame_encoder", "temporal_encoder")


def start_from(model: keras.Model, folder: str | Path) -> None:
    """Gives a model the frame and the temporal encoder of a trained run.

    Args:
        model: a `VideoTextModel`, changed in place.
        folder: the run.

    Raises:
        UserError: if the folder is no run, or its encoders have other sizes.

    Example:
        >>> start_from(model, "saved_models/multitask/moving_digits")
    """
    trained = Run.open(folder).model
    for part in PARTS:
        mine, theirs = getattr(model, part), getattr(trained, part)
        weights = theirs.get_weights()
        if [value.shape for value in weights] != [value.shape for value in mine.get_weights()]:
            raise UserError(
                f"train.start_from: the {part.replace('_', ' ')} of {folder} has other sizes than this config "
                f"gives it: take the options under `model` and `data` from {Path(folder) / 'config.yaml'}."
            )
        mine.set_weights(weights)
