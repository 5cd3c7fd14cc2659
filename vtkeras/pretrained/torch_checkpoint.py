"""Reading weights from a checkpoint in torch's format before version 1.6, without torch and without running it.

Such a file is a row of pickles (a magic number, a version, the machine, the tensors by name, the keys of the
storages) and then the storages: their length and their raw numbers. A pickle is a program, so only the few
instructions that a plain dict of tensors needs are let through, and nothing of it is called but what is defined
here.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vtkeras.errors import UserError

MAGIC_NUMBER, PROTOCOL_VERSION = 0x1950A86A20F9469CFC6C, 1001
MOST_BYTES = 256 * 2**20  # of a file
MOST_INSTRUCTIONS = 200_000  # of one pickle; EfficientNet-Lite2 has 15,000
INSTRUCTIONS = frozenset(
    "PROTO STOP MARK GLOBAL REDUCE BUILD BINPERSID BINGET LONG_BINGET BINPUT LONG_BINPUT BINUNICODE BININT BININT1 "
    "BININT2 LONG1 NONE NEWTRUE NEWFALSE EMPTY_DICT EMPTY_LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 SETITEM SETITEMS "
    "APPEND APPENDS".split()
)


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype
    length: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Tensors(dict):
    """Stands in for OrderedDict: made empty, and its attributes (versions of layers) are dropped."""

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint by name.

    Args:
        path: a file that torch before 1.6, or with `_use_new_zipfile_serialization=False`, saved a state dict to.

    Returns:
        {name: array}, float32 or int64, views of the file's content that cannot be written to.

    Raises:
        UserError: if the file is missing, too large, damaged, no such checkpoint, or holds anything but tensors.

    Example:
        >>> read_checkpoint("efficientnet-lite0-57934424.pth")["_conv_stem.weight"].shape
        (32, 3, 3, 3)
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} is not read: it is larger than {MOST_BYTES:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return _read(content)
    except Exception as error:  # whatever a damaged pickle leads to
        raise UserError(f"{path} is no checkpoint that can be read here: {error or type(error).__name__}.") from None


def _read(content: bytes) -> dict[str, np.ndarray]:
    file = io.BytesIO(content)
    if (_load(file), _load(file)) != (MAGIC_NUMBER, PROTOCOL_VERSION):
        raise ValueError("it does not begin as torch's files before version 1.6 do")
    if _load(file)["little_endian"] is not True:
        raise ValueError("its numbers are not little-endian")
    storages: dict[str, _Storage] = {}
    tensors = _load(file, storages)
    if not isinstance(tensors, _Tensors) or not all(isinstance(one, _Tensor) for one in tensors.values()):
        raise ValueError("it holds other things than tensors by name")
    numbers = {}
    for key in _load(file):
        storage = storages[key]
        length = int.from_bytes(file.read(8), "little")
        if length != storage.length:
            raise ValueError(f"storage {key} has {length} numbers, not {storage.length}")
        numbers[key] = np.frombuffer(content, storage.dtype, length, file.tell())
        file.seek(length * storage.dtype.itemsize, io.SEEK_CUR)
    return {name: _view(tensor, numbers) for name, tensor in tensors.items()}


def _view(tensor: _Tensor, numbers: dict[str, np.ndarray]) -> np.ndarray:
    size = tensor.storage.dtype.itemsize
    strides = [size * stride for stride in tensor.strides]
    return np.ndarray(tensor.shape, tensor.storage.dtype, numbers[tensor.storage.key], size * tensor.offset, strides)


def _load(file: BinaryIO, storages: dict[str, _Storage] | None = None) -> Any:
    """The next pickle of a file; one that tells of storages gets a dict to note them in."""
    start = file.tell()
    _check_instructions(file)
    file.seek(start)
    return _Unpickler(file, {} if storages is None else storages).load()


def _check_instructions(file: BinaryIO) -> None:
    """Walks over a pickle without running it.

    Raises:
        ValueError: for an instruction that tensors do not need, or a memo that would take much memory.
    """
    for count, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        if instruction.name not in INSTRUCTIONS:
            raise ValueError(f"its pickle has the instruction {instruction.name}, which tensors do not need")
        if count > MOST_INSTRUCTIONS:
            raise ValueError(f"its pickle has more than {MOST_INSTRUCTIONS:,} instructions")
        if instruction.name.endswith("PUT") and (argument or 0) > MOST_INSTRUCTIONS:
            raise ValueError(f"its pickle asks for a memo of {argument:,} places")


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module: str, name: str) -> Callable | np.dtype:
        found = _KNOWN.get((module, name))
        if found is None:
            raise ValueError(f"it asks for {module}.{name}, which tensors do not need")
        return found

    def persistent_load(self, told: Any) -> _Storage:
        kind, dtype, key, _, length, view = told
        if kind != "storage" or not isinstance(dtype, np.dtype) or type(length) is not int or view is not None:
            raise ValueError("it describes a storage of an unknown kind")
        return self.storages.setdefault(key, _Storage(key, dtype, length))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    sizes = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or len(shape) != len(strides) or any(type(one) is not int for one in sizes):
        raise ValueError("a tensor's shape is none")
    last = offset + sum((count - 1) * stride for count, stride in zip(shape, strides))
    if min(sizes) < 0 or max(last + 1, math.prod(shape)) > storage.length:
        raise ValueError(f"a tensor of shape {shape} is larger than its storage")
    return _Tensor(storage, offset, shape, strides)


_KNOWN: dict[tuple[str, str], Callable | np.dtype] = {
    ("collections", "OrderedDict"): _Tensors,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}
