"""Checkpoints: every variable of a training run in one file, under a key that every process gives it alike.

A key is the path of attributes and layer names that leads to a variable, like
`decoder/blocks/decoder_block_0/norm/gamma`; an optimizer's slot is keyed by its variable, like
`optimizer/momentums/decoder/norm/gamma`, and the state of a seed generator by the layer that owns it. The
numbers that Keras gives to unnamed layers count all layers of a process; here they are counted anew within
what holds them.
"""

from __future__ import annotations

import contextlib
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np

from vtkeras.errors import UserError, command
from vtkeras.run_files import train_anew
from vtkeras.safe_files import check_checkpoint
from vtkeras.whole_files import write_arrays

META = "meta"
LOSS_SCALE = "loss_scale/"
NUMBERED = re.compile(r"v\d+")  # how old checkpoints named their variables
DAMAGED = (ValueError, OSError, EOFError, LookupError, TypeError, MemoryError, zipfile.BadZipFile, zlib.error)
Variables = dict[str, keras.Variable]


def model_variables(model: keras.layers.Layer) -> Variables:
    """Every variable of a model by its key: weights, statistics and seeds.

    Args:
        model: a model, or any layer, that is built.

    Returns:
        {key: variable}, one for each of `model.variables`.

    Example:
        >>> list(model_variables(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])))
        ['dense/kernel', 'dense/bias']
    """
    found: Variables = {}
    for path, layer in _layers(model):
        inner = {id(variable) for _, child in _children(layer) for variable in child.variables}
        own = [variable for variable in layer.variables if id(variable) not in inner]
        names = _counted((variable.name, "variable") for variable in own)
        found.update({f"{path}{name}": variable for name, variable in zip(names, own)})
    return found


def optimizer_variables(
    optimizer: keras.optimizers.Optimizer, variables: Variables, name: str = "optimizer"
) -> Variables:
    """Every variable of an optimizer by its key.

    Args:
        optimizer: a built one.
        variables: what it trains, by their keys, as `model_variables` gives them, and maybe others.
        name: the optimizer's own, in front of its keys.

    Returns:
        {key: variable}, one for each of `optimizer.variables`; what belongs to the scaling of losses in
        float16 alone begins with `loss_scale/`.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = optimizer_variables(optimizer.inner_optimizer, variables, name)
        return inner | _attributes(optimizer, f"{LOSS_SCALE}{name}/")
    key_of = {id(variable): key for key, variable in variables.items()}
    trained = [key_of[id(variable)] for variable in optimizer._trainable_variables]  # no public name for them
    found = _attributes(optimizer, f"{name}/")
    for attribute, slots in vars(optimizer).items():
        if attribute not in ("_variables", "_trainable_variables") and _are_slots(slots, trained):
            for key, slot in zip(trained, slots):
                if slot is not None:
                    found[f"{name}/{attribute.strip('_')}/{key}"] = slot
    return found


def run_variables(model: keras.Model, **optimizers: keras.optimizers.Optimizer) -> Variables:
    """A model's variables and those of its optimizers, named by the keywords.

    Example:
        >>> run_variables(model, optimizer=model.optimizer)
    """
    found = model_variables(model)
    slots = [optimizer_variables(optimizer, found, name) for name, optimizer in optimizers.items()]
    for one in slots:
        found = found | one
    return found


def save_state(path: Path, variables: Variables, meta: dict) -> None:
    """Writes variables and `meta`; the file appears under its name only when it is complete and on disk.

    Args:
        path: of the checkpoint.
        variables: by their keys, as `model_variables` and `run_variables` give them.
        meta: anything that JSON can hold.

    Raises:
        UserError: if the disk is full; the checkpoint that was there stays.
    """
    arrays = {key: np.asarray(variable) for key, variable in variables.items()}
    write_arrays(path, {META: np.array(json.dumps(meta)), **arrays})


def read_meta(path: Path) -> dict:
    """The `meta` that `save_state` was given.

    Raises:
        UserError: if the file is missing or damaged.
    """
    with open_state(path) as file:
        return _meta(file)


def load_state(path: Path, variables: Variables) -> dict:
    """Puts the arrays of a checkpoint into variables of the same keys; returns its meta.

    Names and sizes are compared before anything is read. The scale of losses, which only float16 has, may be
    missing or left over, so that a run can go on in another precision.

    Args:
        path: of the checkpoint.
        variables: where its arrays go.

    Raises:
        UserError: if the file is missing or damaged, or one of the two has a key, shape or dtype that the
            other has not; the variables are as before then.
    """
    with open_state(path) as file:
        stored = {name for name in file.files if name != META}
        if any(NUMBERED.fullmatch(name) for name in stored):
            raise UserError(
                f"Checkpoint {path} was made by an older vtkeras: run `{command('migrate', path.parent.parent)}` once."
            )
        _compare_keys(path, stored, variables)
        arrays = {key: _read(path, file, key, variables[key]) for key in variables if key in stored}
        meta = _meta(file)
    for key, array in arrays.items():
        variables[key].assign(array)
    return meta


@contextlib.contextmanager
def open_state(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The arrays of a checkpoint; damage that shows while they are read is told as a `UserError`."""
    try:
        check_checkpoint(path)
        with np.load(path, allow_pickle=False) as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"There is no checkpoint {path}: train first, or leave --resume out.") from None
    except DAMAGED:
        again = train_anew(path.parent.parent)
        raise UserError(f"Checkpoint {path} is damaged: train its run anew by `{again}`.") from None


def _compare_keys(path: Path, stored: set[str], variables: Variables) -> None:
    for key in sorted(stored ^ variables.keys()):
        if not key.startswith(LOSS_SCALE):
            lack = f"holds {key}, which the model lacks" if key in stored else f"lacks the model's {key}"
            raise UserError(f"Checkpoint {path} {lack}: use the config it was made with.")


def _read(path: Path, file: np.lib.npyio.NpzFile, key: str, variable: keras.Variable) -> np.ndarray:
    shape, dtype = tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype)
    array = file[key]
    if array.shape != shape or array.dtype != dtype:
        raise UserError(
            f"Checkpoint {path} is of another model: its {key} is {array.dtype}{list(array.shape)}, not "
            f"{dtype}{list(shape)}; use the config it was made with."
        )
    return array


def _meta(file: np.lib.npyio.NpzFile) -> dict:
    return json.loads(str(file[META]))


def _layers(model: keras.layers.Layer) -> list[tuple[str, keras.layers.Layer]]:
    """Every layer once, with the shortest path to it and a slash; of equally short ones the first by name."""
    found, seen = [("", model)], {id(model)}
    for path, layer in found:
        for name, child in sorted(_children(layer), key=lambda pair: pair[0]):
            if id(child) not in seen:
                seen.add(id(child))
                found.append((f"{path}{name}/", child))
    return found


def _children(layer: keras.layers.Layer) -> list[tuple[str, keras.layers.Layer]]:
    """What a layer holds: by attributes, and in a model by the layers' names."""
    if isinstance(layer, keras.Model):
        parts = layer.parts() if hasattr(layer, "parts") else []  # found by their own names wherever they are held
        held = {id(child): child for child in [*parts, *layer.layers]}
        for value in vars(layer).values():
            held.update({id(child): child for child in _flat(value)})
        return _named(held.values())
    found = []
    for attribute, value in vars(layer).items():
        name = attribute.strip("_")
        if isinstance(value, keras.layers.Layer):
            found.append((name, value))
        elif attribute not in _OF_EVERY_LAYER and not attribute.startswith("_self_"):  # TensorFlow's own lists
            found += [(f"{name}/{inner}", child) for inner, child in _named(_flat(value))]
    return found


_OF_EVERY_LAYER = frozenset(vars(keras.layers.Layer()))  # among them lists of all inner layers and variables


def _flat(value) -> list[keras.layers.Layer]:
    """The layers in an attribute's value, however deep in lists and dicts."""
    if isinstance(value, keras.layers.Layer):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    return [layer for one in value for layer in _flat(one)]


def _named(layers: Iterable[keras.layers.Layer]) -> list[tuple[str, keras.layers.Layer]]:
    layers = list(layers)
    return list(zip(_counted((layer.name, snake_case(type(layer).__name__)) for layer in layers), layers))


def _counted(names: Iterable[tuple[str, str]]) -> list[str]:
    """Names as given; those that Keras made of (name, kind), like `dense_17`, are counted from 0 anew."""
    counts: Counter = Counter()
    found = []
    for name, kind in names:
        if re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name):
            name = kind
        found.append(f"{name}_{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return found


def snake_case(name: str) -> str:
    """A class's name as Keras makes layer names of it.

    Example:
        >>> snake_case("Conv2DTranspose")
        'conv2d_transpose'
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _attributes(optimizer: keras.optimizers.Optimizer, prefix: str) -> Variables:
    return {
        f"{prefix}{attribute.strip('_')}": value
        for attribute, value in vars(optimizer).items()
        if isinstance(value, keras.Variable)
    }


def _are_slots(value, trained: list[str]) -> bool:
    return (
        isinstance(value, list)
        and len(value) == len(trained)
        and all(slot is None or isinstance(slot, keras.Variable) for slot in value)
    )
