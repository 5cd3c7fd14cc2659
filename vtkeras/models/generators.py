"""What makes video from words. A new generator is one file here and one line in `GENERATORS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from vtkeras.config import Config
from vtkeras.errors import lookup
from vtkeras.models.adversarial import build_adversarial
from vtkeras.models.build import Parts, with_options
from vtkeras.models.flow import build_flow


@dataclass(frozen=True)
class GeneratorKind:
    """How a generator is made and trained.

    `build` gives a functional model. It takes a dict of the tokens of a caption, int32 (batch, caption_length), a real
    clip, `frames` uint8 (batch, num_frames, image_size, image_size, 3), its `frames_mask` bool (batch, num_frames), and
    what it declares in `draws`; it gives {"video": float (batch, terms)}, the losses of each example. It also has

    - `draws`: {"normal": {name: shape}, "uniform": {name: shape}}, the random numbers of a training step for one clip,
      standard normal and from 0 to 1;
    - `terms`: names of the losses;
    - `parts()`: the parts that have weights, each with a name of its own, so that a run can start from another's;
    - `noise_shapes`: {"content": shape, "motion": shape}, what a clip is drawn from, standard normal;
    - `generate(tokens, noise, first_frame=None)`: float (batch, num_frames, image_size, image_size, 3), 0 to 1; the
      first frame, where given, is float (batch, image_size, image_size, 3).

    Attributes:
        name: its key in `GENERATORS`.
        build: (config, parts, **model.generator_options) to such a model.
        trainer: name in `vtkeras.training.trainers.TRAINERS`.

    Example:
        >>> model = build_generator(load_config("text_to_video"), parts)
        >>> model.generate(tokens, noise).shape
        TensorShape([2, 16, 64, 64, 3])
    """

    name: str
    build: Callable[..., keras.Model]
    trainer: str = "generative"


GENERATORS: dict[str, GeneratorKind] = {
    "flow": GeneratorKind("flow", build_flow),
    "adversarial": GeneratorKind("adversarial", build_adversarial, trainer="adversarial"),
}


def generator_of(config: Config) -> GeneratorKind:
    """The generator that a config names.

    Raises:
        UserError: if there is none of that name.
    """
    return lookup(GENERATORS, config.model.generator, "model.generator")


def build_generator(config: Config, parts: Parts) -> keras.Model:
    """The model that `model.generator` and its options describe, see `GeneratorKind`.

    Args:
        config: the experiment.
        parts: makes the text encoder that the config names.

    Raises:
        UserError: for an unknown name or option.
    """
    return with_options(
        generator_of(config).build,
        "model.generator_options",
        config=config,
        parts=parts,
        **config.model.generator_options,
    )
