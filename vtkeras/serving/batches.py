"""Clips in batches that fit into memory, however many frames a model wants of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

One = TypeVar("One")
MOST_BYTES = 256_000_000  # of the frames of a batch, but for a single clip that has more


def in_batches(items: Iterable[One], most: int, size: Callable[[One], int]) -> Iterator[list[One]]:
    """Items one after another, as they are read, in lists that end once they are long or large enough.

    Args:
        items: e.g. clips, each read when it is asked for.
        most: items of a list.
        size: bytes of an item.

    Example:
        >>> [*in_batches([1, 2, 3], most=2, size=lambda one: 8)]
        [[1, 2], [3]]
    """
    batch: list[One] = []
    taken = 0
    for one in items:
        batch.append(one)
        taken += size(one)
        if len(batch) >= most or taken >= MOST_BYTES:
            yield batch
            batch, taken = [], 0
    if batch:
        yield batch
