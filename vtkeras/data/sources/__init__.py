"""Where examples come from. A new dataset is one file here, after `base.Source`, and one line in `SOURCES`."""

from __future__ import annotations

from typing import Any

from vtkeras.config import Config
from vtkeras.data.sources.base import Source, SourceOptions
from vtkeras.data.sources.dense_digits import DenseDigits
from vtkeras.data.sources.folder import FolderSource
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.sources.narrated_digits import NarratedDigits
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.data.sources.statements import Statements
from vtkeras.errors import UserError

SOURCES: dict[str, type[Source]] = {
    "moving_digits": MovingDigits,
    "statements": Statements,
    "dense_digits": DenseDigits,
    "narrated_digits": NarratedDigits,
    "sort_of_clevr": SortOfClevr,
    "folder": FolderSource,
}


def make_source(config: Config, stage_options: dict[str, Any] | None = None) -> Source:
    """The source that `config.data` names.

    Args:
        config: names the source and its options.
        stage_options: options of a stage of training, which override `data.options`.

    Raises:
        UserError: for an unknown source or option, an option out of range, or a missing folder.

    Example:
        >>> make_source(load_config("demo")).size("test")
        500
    """
    options = source_options(config, stage_options)
    return SOURCES[config.data.source](**options.model_dump())


def source_options(config: Config, stage_options: dict[str, Any] | None = None) -> SourceOptions:
    """The options that `make_source` makes the source with, checked without making it.

    The option `path` may be given as `data.path`, `train_clips` as `data.train_clips`, and `seed` is
    `train.seed` unless it is set.

    Args:
        config: names the source and its options.
        stage_options: options of a stage of training, which override `data.options`.

    Raises:
        UserError: for an unknown source, or an option that is unknown, missing or out of range.
    """
    data = config.data
    if data.source not in SOURCES:
        raise UserError(f"data.source '{data.source}' is unknown: use one of {', '.join(SOURCES)}.")
    known = SOURCES[data.source].Options.model_fields
    given = {**data.options, **(stage_options or {})}
    for name, value in (("path", data.path), ("train_clips", data.train_clips)):
        if value is not None and name not in known:
            raise UserError(f"data.{name} is no option of the source '{data.source}': leave it out.")
        if value is not None:
            given.setdefault(name, value)
    if "seed" in known:
        given.setdefault("seed", config.train.seed)
    return SOURCES[data.source].Options.read(given)
