"""A SQLite file in this user's cache: what can be made again, kept from one command to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from vtkeras.errors import UserError
from vtkeras.run_files import cache_folder


class DamagedDatabase(UserError):
    """A file that is no whole database."""


class CachedDatabase:
    """A SQLite file in this user's cache; processes and threads may share it.

    Args:
        name: of the file, below `cache_folder()`.
        tables: SQL that makes the tables where they are missing.
        patience: seconds to wait while another process writes.

    Attributes:
        path: of the file.

    Raises:
        UserError: if the file cannot be written or read; a `DamagedDatabase` if it is no whole database.

    Example:
        >>> CachedDatabase("folders/0f3a55b1.sqlite", "CREATE TABLE IF NOT EXISTS notes (text TEXT)").path
        PosixPath('/home/ann/.cache/vtkeras/folders/0f3a55b1.sqlite')
    """

    def __init__(self, name: str, tables: str, patience: float):
        self.path, self._patience = cache_folder() / name, patience
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.path.parent} cannot be written: {error.strerror}; set VTKERAS_CACHE.") from None
        with self._database() as database:
            database.executescript(tables)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are made together at the end, or not at all."""
        try:
            with closing(sqlite3.connect(self.path, timeout=self._patience)) as database:
                database.execute("PRAGMA synchronous = NORMAL")
                with database:
                    yield database
        except sqlite3.Error as error:
            damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
            kind = DamagedDatabase if damaged else UserError
            raise kind(
                f"{self.path} cannot be used ({error}): free some space, delete it to begin anew, or set VTKERAS_CACHE "
                "to another folder."
            ) from None


def size_and_time(path: Path) -> tuple[int, int]:
    """Bytes and time of change of a file, by which it counts as the same; (0, 0) of one that is not there."""
    try:
        status = path.stat()
    except OSError:  # a link to nowhere, or gone since it was listed: reading it will tell
        return 0, 0
    return status.st_size, status.st_mtime_ns
