"""Every key of a config, and every name that it can be set to, is in what `vtkeras train --help-config` lists."""

import re
from typing import Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from vtkeras.cli.config_help import config_help, names_of
from vtkeras.config import Config
from vtkeras.data.sources import SOURCES
from vtkeras.encoders import FRAME_ENCODERS, TEMPORAL_ENCODERS, TEXT_ENCODERS
from vtkeras.fusion import FUSIONS
from vtkeras.losses import ADVERSARIAL_LOSSES
from vtkeras.tasks import HEADS, TASKS
from vtkeras.training.penalties import PENALTIES

RUNS = {"start_from", "judge", "reranker", "second"}
FREE_TEXTS = {"name", "path", "frame_preset", "frame_weights", "text_preset", *RUNS}
LISTED = "\n".join(config_help())


def options_in(options, prefix=""):
    """(key, option) of an option class and of those inside it."""
    for name, field in options.model_fields.items():
        yield f"{prefix}{name}", field
        for one in (field.annotation, *get_args(field.annotation)):
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from options_in(one, f"{prefix}{name}{'' if one is field.annotation else '[]'}.")


OPTIONS = [
    *options_in(Config),
    *(option for source in SOURCES.values() for option in options_in(source.Options, "data.options.")),
]


@pytest.mark.parametrize(("key", "field"), OPTIONS, ids=[key for key, _ in OPTIONS])
def test_an_option_is_listed_with_its_help_and_its_choices(key, field):
    told = re.findall(rf"^{re.escape(key)}(?:\[\])?[ :,\n].*(?:\n    .+)*", LISTED, re.MULTILINE)
    told = [lines for lines in map(str.splitlines, told) if lines[1].strip() == " ".join(field.description.split())]
    assert told, "of one source at least, with its help"
    literals = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    names = list(literals or names_of(field))
    if names:
        assert told[0][2].split(": ")[1].split(", ") == names
    elif field.annotation in (str, str | None):
        assert key.split(".")[-1] in FREE_TEXTS, "its help names no dict of choices"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("task", TASKS), ("data.source", SOURCES), ("model.frame_encoder", FRAME_ENCODERS), ("model.fusion", FUSIONS),
        ("model.temporal_encoder", TEMPORAL_ENCODERS), ("model.text_encoder", TEXT_ENCODERS),
        ("train.loss_weights", HEADS), ("train.adversarial.loss", ADVERSARIAL_LOSSES),
        ("train.adversarial.penalties", PENALTIES),
    ],
)  # fmt: skip
def test_choices_are_the_entries_of_the_dict(key, parts):
    assert names_of(dict(OPTIONS)[key]) == list(parts)


def test_the_decoder_is_offered_what_it_can_use():
    names = names_of(dict(OPTIONS)["model.decoder_fusion"])
    assert names == [name for name, fusion in FUSIONS.items() if fusion.causal] and len(names) < len(FUSIONS)


def test_arguments_of_parts_are_listed():
    assert "With model.temporal_encoder=spatial_softmax:\nmodel.temporal_options.num_tokens = 16\n" in LISTED
    assert "model.feature_augmentation_options.words: required" in LISTED
    assert "model.temporal_options.dim" not in LISTED  # which `model.dim` gives
