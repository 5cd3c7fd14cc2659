"""The vectors of clips that a model has read, kept on disk: a second search reads new and changed files alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vtkeras.cached_database import CachedDatabase, DamagedDatabase, size_and_time
from vtkeras.errors import UserError

TABLE = "CREATE TABLE IF NOT EXISTS vectors (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, vector BLOB)"
PATIENCE = 5.0  # seconds to wait while another search writes, which takes milliseconds


class VectorStore(CachedDatabase):
    """Unit vectors of files by one model, in this user's cache.

    A file counts as the same while its path, size and time of change are. A store that is damaged is begun anew. One
    that cannot be used is given up, since all in it can be computed again.

    Args:
        model: tells models apart, and how they read files; part of a file's name.

    Attributes:
        problem: why vectors are not kept, in a sentence; "" as long as they are.

    Example:
        >>> store = VectorStore("0f3a55b1c2d4")
        >>> store.save({Path("a.mp4"): np.array([1.0, 0.0])})
        >>> store.load([Path("a.mp4"), Path("b.mp4")])
        {PosixPath('a.mp4'): array([1., 0.], dtype=float32)}
    """

    def __init__(self, model: str):
        self.problem = ""
        with self._given_up():
            try:
                self._open(model)
            except DamagedDatabase:
                self.path.unlink()
                self._open(model)

    def load(self, files: Sequence[Path]) -> dict[Path, np.ndarray]:
        """The vectors that are known of some files, float32 (dim,) each."""
        known = {}
        if not self.problem:
            with self._given_up(), self._database() as database:
                rows = database.execute("SELECT path, size, modified, vector FROM vectors")
                known = {path: (state, vector) for path, *state, vector in rows}
        found = {}
        for file in files:
            state, vector = known.get(_key(file), (None, b""))
            if state == [*size_and_time(file)]:
                found[file] = np.frombuffer(vector, np.float32)
        return found

    def save(self, vectors: dict[Path, np.ndarray]) -> None:
        """Keeps the vectors of files, as the files are now."""
        if not self.problem:
            rows = [(_key(file), *size_and_time(file), _bytes(vector)) for file, vector in vectors.items()]
            with self._given_up(), self._database() as database:
                database.executemany("REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def _open(self, model: str) -> None:
        super().__init__(f"vectors/{model}.sqlite", TABLE, PATIENCE)
        with self._database() as database:
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise DamagedDatabase(f"{self.path} is damaged.")

    @contextmanager
    def _given_up(self) -> Iterator[None]:
        """Notes a problem with the store, in place of an error."""
        try:
            yield
        except (UserError, OSError) as error:
            self.problem = f"The vectors of clips are not kept: {error}"


def _key(file: Path) -> bytes:
    return os.fsencode(file.absolute())


def _bytes(vector: np.ndarray) -> bytes:
    return np.asarray(vector, np.float32).tobytes()
