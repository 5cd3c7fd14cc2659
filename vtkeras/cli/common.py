"""What the commands share: options, progress, and the config that the options ask for."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from vtkeras.config import LARGEST_SEED, Config, load_config, naming_override, shipped_configs
from vtkeras.errors import UserError
from vtkeras.path_checks import writable_file, writable_folder
from vtkeras.run_files import EVALUATIONS, SAVED_MODEL, run_folder, shipped_model

STARTED = time.monotonic()  # before anything heavy is imported
RUNS = "runs"  # where commands put runs unless told otherwise
RunFolder = Annotated[Path, typer.Argument(help="A run folder that `vtkeras train` made.")]
ConfigName = Annotated[
    str, typer.Option("--config", help=f"A YAML file, or one of: {', '.join(shipped_configs())}.")
]
Overrides = Annotated[list[str], typer.Option("--set", help="key=value, e.g. train.batch_size=16; repeatable.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="A folder that `vtkeras data ingest` made.")]

SHIPPED_GENERATOR = ("text_to_video", "moving_digits")
SHIPPED_MODEL, SHIPPED_DENSE_MODEL = ("multitask", "moving_digits"), ("dense_captioning", "dense_digits")


def _check_model(model: Path | None) -> Path | None:
    if model is not None and run_folder(model).exists():
        from vtkeras.workspace.runs import read_card

        read_card(model)  # what is no model is told before TensorFlow loads
    return model


ModelFolder = Annotated[
    Path | None,
    typer.Option("--model", help="A run folder with an exported model; default one that ships.", callback=_check_model),
]


def or_shipped(model: Path | None, shipped: tuple[str, str] = SHIPPED_MODEL) -> Path:
    """The model that was named; else one that ships, which stderr tells with the way to choose another."""
    if model is not None:
        return model
    from vtkeras.workspace.runs import exported, read_card

    def is_alike(run: Path) -> bool:
        with suppress(UserError):  # one that lacks files
            return read_card(run).task == shipped[0]
        return False

    own = max(filter(is_alike, exported([RUNS])), key=lambda run: (run / SAVED_MODEL).stat().st_mtime, default=None)
    print(
        f"model: {'/'.join(shipped)}, which ships with vtkeras and knows nothing but {shipped[1].replace('_', ' ')}; "
        f"choose another with --model {own or 'RUN'}",
        file=sys.stderr, flush=True,
    )  # fmt: skip
    return shipped_model(*shipped)


def file_option(help: str, *names: str) -> OptionInfo:  # noqa: A002
    """An option that names a file to write, refused before the work where it cannot be written."""
    return typer.Option(*names, help=help, callback=writable_file)


def folder_option(help: str) -> OptionInfo:  # noqa: A002
    """An option that names a folder to write into, refused before the work where it cannot be written."""
    return typer.Option(help=help, callback=writable_folder)


def number_option(help: str, min: float, max: float) -> OptionInfo:  # noqa: A002
    """An option for a number within bounds; NaN is within none."""

    def check(value: float | None) -> float | None:
        if value is not None and value != value:
            raise typer.BadParameter("nan is no number.")
        return value

    return typer.Option(help=help, min=min, max=max, callback=check)


def seed_option(help: str) -> OptionInfo:  # noqa: A002
    """An option for a seed of random numbers."""
    return number_option(help, 0, LARGEST_SEED)


def refuse_unused(context: typer.Context, names: Iterable[str], reason: str) -> None:
    """Refuses options that were given though they do nothing.

    Args:
        context: of the command.
        names: of its parameters.
        reason: why they do nothing, e.g. "with --dense".

    Raises:
        UserError: naming the first of them.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name)
        if parameter.name in names and source and source.name == "COMMANDLINE":
            raise UserError(f"{parameter.opts[0]} does nothing {reason}: leave it out.")


def refuse_both_forms(as_json: bool, as_json_lines: bool) -> None:
    """Raises `UserError` where both --json and --json-lines are given."""
    if as_json and as_json_lines:
        raise UserError("--json and --json-lines are two forms of the same: leave one out.")


def results_folder(run: Path) -> Path:
    """Where results of a run go: into its folder, and those of a model that ships elsewhere below `runs`.

    Example:
        >>> results_folder(Path("saved_models/multitask/moving_digits"))  # where there is no such folder
        PosixPath('runs/evaluations/moving_digits')
    """
    return run if run.exists() or run_folder(run) == run else Path("runs") / EVALUATIONS / run.name


def refuse_missing(*paths: Path | None) -> None:
    """Refuses files and folders to read that are not there, before anything heavy loads; None passes.

    Raises:
        UserError: naming the first of them.
    """
    for path in paths:
        if path is not None and not run_folder(path).exists():
            raise UserError(f"There is no file or folder {path}: check the path.")


def say(line: str) -> None:
    """Prints a line of progress at once."""
    print(line, flush=True)


def say_lines(lines: Iterable[str]) -> None:
    """Prints each text on a line of its own, see `one_line`."""
    for line in lines:
        say(one_line(line))


def complain(problem: object) -> None:
    """Tells on stderr, in one line, what is wrong."""
    print(f"vtkeras: {one_line(str(problem))}", file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """The text with escapes for the line breaks, tabs and other control characters that names of files may hold.

    Example:
        >>> print(one_line("two\\nlines.mp4"))
        two\\nlines.mp4
    """
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in text
    )


def read_config(name: str, data: Path | None, overrides: list[str]) -> Config:
    """The config of this name or file with `key=value` overrides, on the folder `data` if given.

    The options of the data are checked for every stage, so that a mistake shows before TensorFlow loads.
    """
    config = load_config(name, overrides)
    config = config if data is None else with_data(config, data)
    with naming_override(overrides, origin=name):
        _check_source(config, name)
    return config


def _check_source(config: Config, name: str) -> None:
    from vtkeras.data.sources import source_options

    place = "data.options"
    try:
        source_options(config)
        for number, stage in enumerate(config.train.stages):
            place = f"train.stages.{number}.options"
            source_options(config, stage.options)
    except UserError as error:
        raise UserError(f"{name}: {str(error).replace('data.options', place)}") from None


def with_data(config: Config, data: Path) -> Config:
    """The same config on a folder: one of the config's own source if that reads folders, else an ingested one."""
    from vtkeras.data.sources import SOURCES

    source = SOURCES.get(config.data.source)
    if source and "path" in source.Options.model_fields:
        changes: dict[str, Any] = {"path": str(data)}
    else:
        changes = {"source": "folder", "path": str(data), "options": {}, "train_clips": None}
        if not config.data.shuffle_buffer:  # a source that draws its clips needs no shuffling
            changes["shuffle_buffer"] = type(config.data)().shuffle_buffer
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


@contextmanager
def shown(videos: list[Path], as_json: bool, as_json_lines: bool = False) -> Iterator[tuple[Callable, Callable]]:
    """Prints results as JSON or lines, and tells which of several videos do not decode; the exit code is 2 then.

    Args:
        videos: the files.
        as_json: print one JSON text at the end, an array for several videos.
        as_json_lines: print a line of JSON as soon as a video's result is there.

    Yields:
        show: called with the name of a video, its result as plain values, and as lines.
        set_aside: a context in which an error of one of several videos is told, and the others go on.
    """
    several = len(videos) > 1
    values, refused = [], []

    def show(video: str, result: dict, lines: list[str]) -> None:
        if as_json_lines:
            say(json.dumps(result, ensure_ascii=False))
        elif as_json:
            values.append(result)
        else:
            say_lines([*([f"{video}:"] if several else []), *lines])

    @contextmanager
    def set_aside() -> Iterator[None]:
        try:
            yield
        except UserError as error:
            if not several:
                raise
            refused.append(error)
            complain(error)

    yield show, set_aside
    if as_json:
        from vtkeras.serving.schema import to_json

        say(to_json(values if several else values[0]))
    if refused:
        raise typer.Exit(2)
