"""A generator whose model runs in the inference worker, for pages, which import no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vtkeras.serving.client import GENERATOR, Worker
from vtkeras.serving.motion_lock import Noise
from vtkeras.workspace.runs import RunCard


class WorkerGenerator:
    """As `vtkeras.serving.generator.Generator`, by way of a worker.

    Args:
        card: of the run.
        worker: that holds the model.

    Attributes:
        info: dict of name, task, model_hash and data.
        folder: of the run.

    Example:
        >>> generator = WorkerGenerator(read_card("saved_models/text_to_video/moving_digits"), shared_worker())
        >>> generator.generate(["digit 7 is moving left and right"], generator.noise([1])).shape
        (1, 16, 64, 64, 3)
    """

    def __init__(self, card: RunCard, worker: Worker):
        self.info, self.folder, self._worker = card.info, card.folder, worker

    def check(self, text: str) -> str:
        """A prompt as the model reads it; a `UserError` says what it cannot read."""
        return self._ask("check", text)

    def noise(self, seeds: Sequence[int]) -> Noise:
        """{part: float32 (seeds, ...)}, a row for each seed."""
        return self._ask("noise", seeds)

    def best_noise(self, text: str, seeds: Sequence[int]) -> Noise:
        """As `noise`, of the draft that shows a text best."""
        return self._ask("best_noise", text, seeds)

    def generate(self, texts: Sequence[str], noise: Noise, first_frames: np.ndarray | None = None) -> np.ndarray:
        """Clips uint8 (texts, time, height, width, 3).

        Args:
            texts: what is to be seen, see `check`.
            noise: as `noise` gives it, a row for each text.
            first_frames: uint8 (texts, height, width, 3), pictures to go on from; None lets the model make them.

        Raises:
            UserError: if the worker ends meanwhile.
        """
        return self._ask("generate", texts, noise, first_frames)

    def _ask(self, method: str, *arguments):
        return self._worker.call(GENERATOR + method, self.folder, *arguments)
