"""What is known of the files of a folder, kept on disk: a second opening starts where the first one ended."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vtkeras.cached_database import CachedDatabase, size_and_time

VERSION = 1  # of what is stored; another one begins anew
LISTED, SEEN, NAMED, STUDIED = range(4)  # how far a file is
TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, modified INTEGER,
    stage INTEGER DEFAULT 0, known TEXT DEFAULT '{}', preview BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, text TEXT);
"""
PASSING = "json_extract(known, '$.passing')"
NAME_ANEW = """
UPDATE files SET stage = ?, known = json_remove(known, '$.names') WHERE stage > ? AND preview IS NOT NULL
"""
PATIENCE = 60.0  # seconds to wait while another process writes
PROBLEM, ENCODER = "problem", "encoder"  # the names of notes


@dataclass(frozen=True)
class Names:
    """What a classifier says of some frames, as far as searching needs it.

    Attributes:
        times: seconds.
        classes: of each frame the likeliest ones, likeliest first.
        chances: the probability of each.
    """

    times: list[float]
    classes: list[list[int]]
    chances: list[list[float]]


@dataclass(frozen=True)
class Known:
    """What is known of a file; each field is empty until it is.

    Attributes:
        fault: why it cannot be shown.
        passing: whether the fault may be gone at the next opening though the file stays the same.
        note: what is amiss though it can, e.g. that it is cut short.
        findings: what `vtkeras data check` would say of it.
        duration: seconds; 0 for a picture.
        width, height: pixels.
        fps: frames a second.
        codec: FFmpeg's name for it.
        names: what is on it.
    """

    fault: str = ""
    passing: bool = False
    note: str = ""
    findings: list[str] = field(default_factory=list)
    duration: float = 0.0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    codec: str = ""
    names: Names | None = None


@dataclass(frozen=True)
class File:
    """A file of a folder.

    Attributes:
        path: relative to the folder.
        size: bytes.
        stage: `LISTED`, `SEEN` (facts and a preview), `NAMED` (what is on the preview), or `STUDIED` (on many frames).
        known: what is known of it.
    """

    path: str
    size: int
    stage: int
    known: Known


class FolderStore(CachedDatabase):
    """The database of a folder, in this user's cache; processes and threads may share it.

    A file counts as the same while its path, size and time of change are.

    Args:
        folder: the folder.

    Raises:
        UserError: if the database cannot be written or read.

    Example:
        >>> [file.path for file in FolderStore("holiday").files()]
        ['beach/dog.mp4']
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder).absolute()
        key = hashlib.sha256(os.fsencode(self.folder) + b"\0%d" % VERSION).hexdigest()[:16]
        super().__init__(f"folders/{key}.sqlite", TABLES, PATIENCE)

    def refresh(self, files: Sequence[Path], encoder: str | None = None) -> None:
        """Notes which files there are now, and forgets what is known of those that are gone or have changed.

        Args:
            files: relative to the folder.
            encoder: of whoever studies the files from here on, and holds the folder (`held`): tells classifiers apart,
                "" if there is none. Names by another one are made anew, and files with passing faults looked at again.
                None, of whoever only lists files, leaves both as they are.
        """
        stats = [(os.fsencode(path), self.folder / path) for path in files]
        rows = [(path, *size_and_time(full)) for path, full in stats]
        with self._database() as database:
            database.execute("CREATE TEMP TABLE now (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER)")
            database.executemany("INSERT INTO now VALUES (?, ?, ?)", rows)
            database.execute("DELETE FROM files WHERE (path, size, modified) NOT IN (SELECT * FROM now)")
            database.execute("INSERT OR IGNORE INTO files (path, size, modified) SELECT * FROM now")
            self._set_note(database, PROBLEM, "")
            if encoder is not None:
                database.execute(f"UPDATE files SET stage = {LISTED}, known = '{{}}' WHERE {PASSING}")
                if self._note(database, ENCODER) != encoder:
                    database.execute(NAME_ANEW, (SEEN, SEEN))
                self._set_note(database, ENCODER, encoder)

    def save(self, path: str, stage: int, known: Known, preview: bytes | None = None) -> None:
        """Stores how far a file is and what is known of it; without a preview the one that it has stays.

        Args:
            path: of the file, relative to the folder; one that `refresh` has not noted is passed over.
            stage: `SEEN`, `NAMED` or `STUDIED`, how far the file is now.
            known: all that is known of it, in place of what was.
            preview: a JPEG of its middle; None leaves the one that it has.

        Raises:
            UserError: if the database cannot be written.
        """
        with self._database() as database:
            database.execute(
                "UPDATE files SET stage = ?, known = ?, preview = coalesce(?, preview) WHERE path = ?",
                (stage, json.dumps(asdict(known)), preview, os.fsencode(path)),
            )

    def files(self, stage: int | None = None, most: int = -1) -> list[File]:
        """The files at a stage, or all, in order of name."""
        which = "" if stage is None else "WHERE stage = ?"
        ask = f"SELECT path, size, stage, known FROM files {which} ORDER BY path LIMIT ?"
        with self._database() as database:
            rows = database.execute(ask, (most,) if stage is None else (stage, most)).fetchall()
        return [File(os.fsdecode(path), size, at, _known(text)) for path, size, at, text in rows]

    def preview(self, path: str) -> bytes | None:
        """A JPEG of the middle of a file; None as long as there is none."""
        with self._database() as database:
            row = database.execute("SELECT preview FROM files WHERE path = ?", (os.fsencode(path),)).fetchone()
        return row[0] if row else None

    def counts(self) -> tuple[int, ...]:
        """How many files have come to each stage or farther; the first is all of them."""
        with self._database() as database:
            at = dict(database.execute("SELECT stage, count(*) FROM files GROUP BY stage").fetchall())
        return tuple(sum(count for stage, count in at.items() if stage >= least) for least in range(STUDIED + 1))

    def note(self, name: str) -> str:
        """A note about the whole folder, `PROBLEM` or `ENCODER`; "" if there is none."""
        with self._database() as database:
            return self._note(database, name)

    def set_note(self, name: str, text: str) -> None:
        with self._database() as database:
            self._set_note(database, name, text)

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Gives True to one holder at a time, and False to whoever comes while there is one."""
        with open(self.path.with_suffix(".lock"), "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone when the process is, however it ends
            except OSError:
                yield False
            else:
                yield True

    def _note(self, database: sqlite3.Connection, name: str) -> str:
        row = database.execute("SELECT text FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def _set_note(self, database: sqlite3.Connection, name: str, text: str) -> None:
        database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, text))


def _known(text: str) -> Known:
    values = json.loads(text)
    names = values.pop("names", None)
    return Known(**values, names=names and Names(**names))
