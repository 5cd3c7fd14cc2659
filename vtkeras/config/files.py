"""Configs as YAML files, and `key=value` overrides of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from vtkeras.aliases import current_config
from vtkeras.config.messages import first_problem
from vtkeras.config.options import Config, ModelConfig
from vtkeras.errors import UserError
from vtkeras.whole_files import write_text

CONFIG_DIR = Path(__file__).parents[1] / "configs"
MOST_BYTES, MOST_VALUES, MOST_NESTING = 2**18, 100_000, 50  # of a YAML file; values with aliases written out

Options = TypeVar("Options", bound=BaseModel)


def shipped_configs() -> list[str]:
    """Names of the configs that come with the package."""
    return sorted(path.stem for path in CONFIG_DIR.glob("*.yaml"))


def load_config(name_or_file: str, overrides: list[str] | None = None) -> Config:
    """Reads a shipped config by name, or any YAML file, and applies `key=value` overrides.

    Args:
        name_or_file: a name that `shipped_configs` lists, or a path to a YAML file.
        overrides: strings like `train.batch_size=16`; values are read as YAML.

    Raises:
        UserError: for a missing file, broken YAML, an unknown key or a value out of range.

    Example:
        >>> load_config("demo", ["train.batch_size=16"]).train.batch_size
        16
    """
    path = CONFIG_DIR / f"{name_or_file}.yaml"
    if not path.is_file():
        path = Path(name_or_file)
    if not path.is_file():
        raise UserError(
            f"No config '{name_or_file}': neither a file nor one of {', '.join(shipped_configs())}."
        )
    values = _read_file(path)
    for override in overrides or []:
        _apply_override(values, override)
    with naming_override(overrides or [], origin=str(path)):
        return parse_config(current_config(values), origin=str(path))


def load_options(options: type[Options], file: Path | None, overrides: Sequence[str] = ()) -> Options:
    """Reads an option class that is no part of a `Config` from a YAML file, and applies `key=value` overrides.

    Args:
        options: an option class.
        file: the YAML file; None takes the defaults.
        overrides: strings like `sharpness=0`; values are read as YAML.

    Raises:
        UserError: for broken YAML, an unknown key or a value out of range.

    Example:
        >>> load_options(CleaningOptions, None, ["sharpness=0"]).sharpness
        0.0
    """
    values = {} if file is None else _read_file(file)
    for override in overrides:
        _apply_override(values, override)
    with naming_override(overrides, origin=str(file)):
        try:
            return options.model_validate(values)
        except ValidationError as error:
            raise UserError(f"{file}: {first_problem(error, options)}") from None


def _read_file(path: Path) -> dict:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"Config {path} is larger than {MOST_BYTES:,} bytes, so it is no config.")
        values = _read_yaml(path.read_text(encoding="utf-8"), f"Config {path}")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Config {path} cannot be read as text in UTF-8: {error}.") from None
    if values is None:
        raise UserError(f"Config {path} is empty: it must hold `key: value` lines.")
    if not isinstance(values, dict):
        raise UserError(f"Config {path} must hold `key: value` lines, not a {type(values).__name__}.")
    return values


@contextmanager
def naming_override(overrides: Sequence[str], origin: str = "") -> Iterator[None]:
    """Makes an error that tells of an overridden key begin with the override, as it was given.

    Args:
        overrides: strings like `train.batch_size=16`.
        origin: what the error begins with otherwise.

    Raises:
        UserError: what was raised within.

    Example:
        >>> with naming_override(["train.seed=-1"], "demo.yaml"):
        ...     parse_config({"train": {"seed": -1}}, "demo.yaml")
        UserError: --set train.seed=-1: 'train.seed' = -1 is out of range: ...
    """
    try:
        yield
    except UserError as error:
        told = str(error).removeprefix(f"{origin}: ")
        for override in reversed(overrides):
            if _tells_of(told, override.partition("=")[0]):
                raise UserError(f"--set {override}: {told}") from None
        raise


def _tells_of(told: str, key: str) -> bool:
    """Whether a message names a key or what is in it, or as its subject a key that holds it."""
    parts = key.split(".")
    holders = [".".join(parts[:count]) for count in range(1, len(parts))]
    return bool(re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", told)) or any(f"'{one}'" in told for one in holders)


def parse_config(values: dict, origin: str = "config") -> Config:
    """Builds a `Config` from plain values, with every problem told in one sentence.

    Args:
        values: nested dict, as YAML gives it.
        origin: where the values come from; error messages begin with it.

    Raises:
        UserError: for an unknown key or a value out of range.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{origin}: {first_problem(error, Config)}") from None
    parts = PurePath(config.name).parts
    if not config.name.strip() or PurePath(config.name).is_absolute() or ".." in parts or not parts:
        raise UserError(f"{origin}: name {config.name!r} cannot be that of a folder below runs: choose another.")
    if not config.model.linear_size:
        for key in ("linear_frames", "linear_search"):
            if getattr(config.model, key) != ModelConfig.model_fields[key].default:
                raise UserError(f"{origin}: model.{key} does nothing without model.linear_size: leave it out.")
    if config.model.dim % config.model.num_heads:
        raise UserError(
            f"{origin}: model.dim {config.model.dim} is not a multiple of "
            f"model.num_heads {config.model.num_heads}."
        )
    for part in ("frame", "text"):
        encoder, preset = (getattr(config.model, f"{part}_{name}") for name in ("encoder", "preset"))
        if preset and encoder != "preset":
            raise UserError(
                f"{origin}: model.{part}_preset does nothing with model.{part}_encoder '{encoder}': "
                "leave it out, or set that to preset."
            )
    if config.model.feature_augmentation and not config.model.motion:
        raise UserError(f"{origin}: model.feature_augmentation needs model.motion: set it to true.")
    appearance_dim = config.model.dim - (config.model.motion_dim if config.model.motion else 0)
    if appearance_dim <= 0 or appearance_dim % config.model.num_heads:
        raise UserError(
            f"{origin}: model.dim less model.motion_dim is {appearance_dim}, not a multiple of "
            f"model.num_heads {config.model.num_heads}."
        )
    return config


def save_config(config: Config, path: str | Path) -> None:
    """Writes `config` as YAML that `load_config` reads back to an equal object.

    Raises:
        UserError: for one that is too large to be read back, or if `path` cannot be written.
    """
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    if (size := len(text.encode())) > MOST_BYTES:
        raise UserError(
            f"{path} is not written: a config of {size:,} bytes could not be read again, whose limit is "
            f"{MOST_BYTES:,}: shorten what is long in it, such as data.label_weights."
        )
    write_text(path, text)


def _read_yaml(text: str, what: str) -> Any:
    """The values of a YAML text.

    Raises:
        UserError: if it is no YAML, or its aliases make it endless or very large.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _count_values(node, what)
        return loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{what} is not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UserError(f"{what} is nested deeper than {MOST_NESTING} levels.") from None


def _count_values(root: yaml.Node | None, what: str) -> None:
    """Walks the values with every alias written out, as whoever prints or compares them would."""
    waiting, count = [(root, 0)], 1
    while waiting:
        node, depth = waiting.pop()
        if not isinstance(node, yaml.CollectionNode):
            continue
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated([key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)], what)
        inside = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
        count += len(inside)
        if depth == MOST_NESTING:
            raise UserError(f"{what} is nested deeper than {MOST_NESTING} levels.")
        if count > MOST_VALUES:
            raise UserError(f"{what} holds more than {MOST_VALUES:,} values.")
        waiting += [(one, depth + 1) for one in inside]


def _refuse_repeated(names: list[str], what: str) -> None:
    for name, count in Counter(names).items():
        if count > 1 and name != "<<":
            raise UserError(f"{what} names the key '{name}' {count} times: keep one of them.")


def _apply_override(values: dict, override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"--set {override!r} is not of the form key=value, e.g. train.batch_size=16.")
    value = _read_yaml(text, f"--set {override[:100]!r}: the value")
    *parents, last = key.split(".")
    node = values
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise UserError(f"--set {override!r}: '{parent}' holds a value, not further keys.")
    node[last] = value
