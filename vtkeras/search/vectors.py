"""The vectors of clips that a model has read, kept on disk: a second search reads new and changed files alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from vtkeras.errors import UserError
from vtkeras.run_files import cache_folder

TABLE = "CREATE TABLE IF NOT EXISTS vectors (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, vector BLOB)"


class VectorStore:
    """Unit vectors of files by one model, in this user's cache.

    A file counts as the same while its path, size and time of change are. A store that is damaged is begun anew.

    Args:
        model: tells models apart, see `model_hash`.

    Raises:
        UserError: if it cannot be written.

    Example:
        >>> store = VectorStore("0f3a55b1c2d4")
        >>> store.save({Path("a.mp4"): np.array([1.0, 0.0])})
        >>> store.load([Path("a.mp4"), Path("b.mp4")])
        {PosixPath('a.mp4'): array([1., 0.], dtype=float32)}
    """

    def __init__(self, model: str):
        self.path = cache_folder() / "vectors" / f"{model}.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.path.parent} cannot be written: {error.strerror}; set VTKERAS_CACHE.") from None
        try:
            self._check()
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)
            self._check()

    def load(self, files: Sequence[Path]) -> dict[Path, np.ndarray]:
        """The vectors that are known of some files, float32 (dim,) each."""
        with self._database() as database:
            known = {row[0]: row[1:] for row in database.execute("SELECT path, size, modified, vector FROM vectors")}
        found = {}
        for file in files:
            size, modified, vector = known.get(_key(file), (None, None, b""))
            if vector and (size, modified) == _state(file):
                found[file] = np.frombuffer(vector, np.float32)
        return found

    def save(self, vectors: dict[Path, np.ndarray]) -> None:
        """Keeps the vectors of files, as the files are now."""
        rows = [
            (_key(file), *_state(file), np.asarray(vector, np.float32).tobytes()) for file, vector in vectors.items()
        ]
        with self._database() as database:
            database.executemany("REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def _check(self) -> None:
        with self._database() as database:
            database.execute(TABLE)
            database.execute("SELECT path, size, modified, vector FROM vectors LIMIT 1").fetchall()
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
                yield database
        except sqlite3.OperationalError as error:
            raise UserError(f"{self.path}: {error}; free some space, or set VTKERAS_CACHE to another folder.") from None


def _key(file: Path) -> bytes:
    return os.fsencode(file.absolute())


def _state(file: Path) -> tuple[int, int]:
    """Size and time of change; (-1, -1) of a file that is gone."""
    try:
        status = file.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
