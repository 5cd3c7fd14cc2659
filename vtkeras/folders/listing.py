"""Which videos, pictures and texts a folder holds."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vtkeras.data.captions import lacking_columns
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.paths import files_below
from vtkeras.data.table_files import OWN_NAMES, find_table
from vtkeras.data.text_files import TABLES
from vtkeras.errors import UserError

MOST_FILES = 20_000
MOST_TOLD = 5  # folders that are named


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        folder: the folder.
        files: videos and pictures below it, relative to it, in order of name; at most `MOST_FILES`.
        left_out: videos and pictures beyond those.
        closed: folders below it that cannot be read, relative to it.
        others: how many further files there are, by extension.
        captions: the file with texts; None where there is none.
        untaken: why none of several tables is taken; "" where that is not so.
    """

    folder: Path
    files: tuple[Path, ...]
    left_out: int
    closed: tuple[Path, ...]
    others: Counter[str]
    captions: Path | None
    untaken: str = ""


def list_folder(folder: str | Path, whole: bool = False) -> Listing:
    """Looks through a folder and those below it, behind links too; hidden ones are passed over.

    Args:
        folder: where to look.
        whole: list all videos and pictures, and not `MOST_FILES` at most.

    Raises:
        UserError: if it is no folder, cannot be read, or holds neither a video nor a picture.

    Example:
        >>> list_folder("holiday").files[0]
        PosixPath('beach/dog.mp4')
    """
    folder = Path(folder)
    _refuse_no_folder(folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(f"{folder} cannot be read: its permissions forbid it.")
    found, others, closed = [], Counter[str](), list[Path]()
    for path in files_below(folder, lambda name: name.startswith("."), closed.append):
        if path.suffix.lower() in EXTENSIONS:
            found.append(path)
        else:
            others[path.suffix.lower() or path.name] += 1
    if not found:
        told = f" {spell_closed(closed)}." if closed else ""
        raise UserError(f"{folder} holds no videos or pictures ({', '.join(EXTENSIONS)}).{told}")
    found.sort()
    captions, untaken = _captions(folder)
    others -= Counter([captions.suffix.lower()] if captions else [])
    listed = found if whole else found[:MOST_FILES]
    return Listing(folder, tuple(listed), len(found) - len(listed), tuple(closed), others, captions, untaken)


def spell_closed(folders: Sequence[Path]) -> str:
    """Tells of folders that cannot be read, the first of them by name.

    Example:
        >>> spell_closed([Path("private"), Path("old/x")])
        'Folders that cannot be read are left out: private, old/x'
    """
    more = f" and {len(folders) - MOST_TOLD:,} more" if len(folders) > MOST_TOLD else ""
    return f"Folders that cannot be read are left out: {', '.join(map(str, folders[:MOST_TOLD]))}{more}"


def refuse_empty(folder: Path) -> None:
    """Raises `UserError` for what is no folder, or has neither a video, a picture nor a table, there and below."""
    _refuse_no_folder(folder)
    found = {path.suffix.lower() for path in files_below(folder, passed_over=lambda name: name.startswith("."))}
    if not found & {*EXTENSIONS, *TABLES}:
        raise UserError(f"{folder} holds no videos or pictures ({', '.join(EXTENSIONS)}), and no table of them.")


def _refuse_no_folder(folder: Path) -> None:
    try:
        found = folder.is_dir()
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}.") from None
    if not found:
        raise UserError(f"{folder} is no folder: give one with videos or pictures.")


def media_files(paths: Iterable[Path]) -> list[Path]:
    """The same paths, with the videos and pictures of a folder in the folder's place, and files in a pattern's.

    Of several paths, a folder without any stays as it is, and so does one below that cannot be read: to be set aside
    like a file that cannot be read.

    Raises:
        UserError: as `list_folder`, or for a pattern, e.g. `clips/*.mp4`, that fits nothing.
    """
    paths = [*paths]
    found = [_files_at(path, alone=len(paths) == 1) for path in paths]
    return [file for files in found for file in files]


def _files_at(path: Path, alone: bool) -> list[Path]:
    try:
        if path.is_dir():
            listing = list_folder(path, whole=True)
            return [path / file for file in (*listing.files, *listing.closed)]
        if path.exists() or not glob.has_magic(str(path)):
            return [path]
    except OSError:
        return [path]  # a name that is too long, or a folder that may not be searched: set aside when it is read
    except UserError:
        if alone:
            raise
        return [path]
    if not (found := sorted(glob.glob(str(path), recursive=True))):
        raise UserError(f"No file fits the pattern {path}: check it.")
    return media_files(map(Path, found))


def _captions(folder: Path) -> tuple[Path | None, str]:
    """The table that training takes, if it describes clips, or has a name that says so: then its mistake is told.

    Where there are several, the sentence with which training refuses them.
    """
    with suppress(OSError):  # one that may not be read
        try:
            table = find_table(folder)
        except UserError as error:
            return None, str(error)
        if table and (table.stem.lower() in OWN_NAMES or not lacking_columns(table)):
            return table, ""
    return None, ""
