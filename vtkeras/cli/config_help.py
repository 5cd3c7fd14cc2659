"""What `vtkeras train --help-config` lists: every key of a config, with the names that it can be set to."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator

from pydantic.fields import FieldInfo

from vtkeras.config import Config, ModelConfig, describe_options

DICT = re.compile(r"`(vtkeras[\w.]*)\.([A-Z_]+)`")  # how the help of an option names what there is to choose from


def config_help() -> Iterator[str]:
    """Every key with default, bounds, help and choices; then the keys that a source or a part of the model adds."""
    from vtkeras.data.sources import SOURCES
    from vtkeras.encoders import TEMPORAL_ENCODERS
    from vtkeras.encoders.temporal import TemporalIdentity
    from vtkeras.models.build import FEATURE_AUGMENTATIONS

    yield from describe_options(Config, "", names_of)
    for name, source in SOURCES.items():
        yield f"\nWith data.source={name} (in train.stages[].options without `data.options.`):"
        yield from describe_options(source.Options, "data.options.", names_of)
    given = {*inspect.signature(TemporalIdentity).parameters, *TemporalIdentity.sizes(ModelConfig())}
    for name, encoder in TEMPORAL_ENCODERS.items():
        yield from _arguments(encoder, "model.temporal_encoder", name, "model.temporal_options", given)
    for name, kind in FEATURE_AUGMENTATIONS.items():
        make, options = kind.from_options, "model.feature_augmentation_options"
        yield from _arguments(make, "model.feature_augmentation", name, options, {"token_id"})


def names_of(field: FieldInfo) -> list[str]:
    """The names that an option can be set to, or that its keys can have, out of the dict that its help names.

    Example:
        >>> names_of(ModelConfig.model_fields["fusion"])
        ['cross_attention', 'co_attention', 'early', 'concat']
    """
    found = DICT.search(field.description or "")
    return list(getattr(importlib.import_module(found[1]), found[2])) if found else []


def _arguments(make: Callable, chooser: str, name: str, prefix: str, given: set[str]) -> Iterator[str]:
    """The arguments of a part that no other key gives; what they mean stands in the part's docstring."""
    own = [one for one in inspect.signature(make).parameters.values() if one.name not in given]
    if own:
        yield f"\nWith {chooser}={name}:"
    for one in own:
        yield f"{prefix}.{one.name}" + (": required" if one.default is one.empty else f" = {one.default!r}")
