"""Files below a folder: listed, behind links too, and found under the names that tables write."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath

from vtkeras.data.containers import EXTENSIONS
from vtkeras.errors import UserError


def files_below(folder: str | Path, passed_over: Callable[[str], bool] = lambda name: False) -> Iterator[Path]:
    """The files below a folder, relative to it, in order of name within each folder.

    Links to folders are followed; a folder that several links lead to is read once, so that loops end.

    Args:
        folder: the folder.
        passed_over: says of the name of a file or folder whether to leave it out.

    Example:
        >>> list(files_below("holiday"))
        [PosixPath('beach/dog.mp4'), PosixPath('party.mp4')]
    """
    seen = set()
    for place, below, names in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not passed_over(name))
        for name in sorted(names):
            if not passed_over(name):
                yield Path(place, name).relative_to(folder)


class FileFinder:
    """Finds the files of a folder as tables name them, and gives each file one name.

    `./a.mp4`, `x/../a.mp4`, `.\\a.mp4`, the whole path, composed and decomposed accents, and links to the same
    file all name one file.

    Args:
        folder: holds the files.

    Example:
        >>> FileFinder("videos").find(".\\\\cats\\\\a.mp4")
        'cats/a.mp4'
    """

    def __init__(self, folder: str | Path):
        self._folder = Path(folder)
        self._names: dict[tuple[int, int], str] = {}  # the first name of each file, by device and inode
        self._composed: dict[Path, dict[str, str]] = {}  # of a folder: entries by their composed names
        self._media: dict[str, list[str]] | None = None  # videos and pictures by name, and by name less extension

    def find(self, written: str) -> str | None:
        """The name of a file relative to the folder, with forward slashes; None where there is no such file.

        Raises:
            UserError: if the name leads out of the folder.
        """
        for name in dict.fromkeys((written, written.strip(), written.strip().replace("\\", "/"))):
            inside = self._inside(name)
            for known in (inside, self._as_stored(inside)):
                status = _file_status(self._folder / known)
                if status is not None:
                    return self._names.setdefault((status.st_dev, status.st_ino), known)
        return None

    def named(self, written: str) -> list[str]:
        """The videos and pictures, in whichever folder below that is not hidden, whose path ends with `written`.

        Their extension may be left out. The names are relative to the folder, as `find` gives them, in their order.

        Example:
            >>> FileFinder("videos").named("a")
            ['cats/a.mp4']
        """
        if self._media is None:
            self._media = {}
            for file in files_below(self._folder, passed_over=lambda name: name.startswith(".")):
                if file.suffix.lower() in EXTENSIONS:
                    for name in (file.name, file.stem):
                        self._media.setdefault(unicodedata.normalize("NFC", name), []).append(file.as_posix())
        *folders, name = unicodedata.normalize("NFC", written.strip().replace("\\", "/")).split("/")
        places = (place for place in self._media.get(name, []) if _lies_in(place, folders))
        return sorted({found for place in places if (found := self.find(place)) is not None})

    def _inside(self, name: str) -> str:
        if posixpath.isabs(name):
            for folder in (self._folder.absolute(), self._folder.resolve()):
                if Path(os.path.normpath(name)).is_relative_to(folder):
                    return Path(os.path.normpath(name)).relative_to(folder).as_posix()
        normal = posixpath.normpath(name)
        if posixpath.isabs(name) or PureWindowsPath(name).drive or normal.split("/")[0] == "..":
            raise UserError(
                f"the path '{name[:200]}' leads out of {self._folder}: write it relative to that, or the file's name "
                "alone."
            )
        return normal

    def _as_stored(self, name: str) -> str:
        """The name whose letters, composed, are those of `name`, as the file system has them."""
        place = Path()
        for part in name.split("/"):
            place /= self._entries(place).get(unicodedata.normalize("NFC", part), part)
        return place.as_posix()

    def _entries(self, place: Path) -> dict[str, str]:
        if place not in self._composed:
            try:
                names = sorted(os.listdir(self._folder / place))
            except (OSError, ValueError):
                names = []
            self._composed[place] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._composed[place]


def _lies_in(place: str, folders: list[str]) -> bool:
    """Whether the last folders of a file's path are these."""
    return unicodedata.normalize("NFC", place).split("/")[:-1][-len(folders) :] == folders if folders else True


def _file_status(path: Path) -> os.stat_result | None:
    try:
        return path.stat() if path.is_file() else None
    except (OSError, ValueError):  # a name too long for the file system, or one with NUL
        return None
