"""Files below a folder: listed, behind links too, and found under the names that tables write."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PureWindowsPath

from vtkeras.data.containers import EXTENSIONS, is_video
from vtkeras.data.text_files import trimmed

CONVERTED = (".ogg", ".bmp", ".tif", ".tiff")  # that tables may still name


def files_below(
    folder: str | Path,
    passed_over: Callable[[str], bool] = lambda name: False,
    closed: Callable[[Path], object] = lambda folder: None,
) -> Iterator[Path]:
    """The files below a folder, relative to it, in order of name within each folder.

    Links to folders are followed; a folder that several links lead to is read once, so that loops end.

    Args:
        folder: the folder.
        passed_over: says of the name of a file or folder whether to leave it out.
        closed: called with each folder that cannot be read, relative to the folder.

    Example:
        >>> list(files_below("holiday"))
        [PosixPath('beach/dog.mp4'), PosixPath('party.mp4')]
    """
    seen = set()

    def tell(error: OSError) -> None:
        closed(Path(error.filename).relative_to(folder))

    for place, below, names in os.walk(folder, onerror=tell, followlinks=True):
        try:
            status = os.stat(place)
        except OSError as error:  # it went away after it was listed
            tell(error)
            below.clear()
            continue
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
        self.folder = Path(folder)
        self._names: dict[tuple[int, int], str] = {}  # the first name of each file, by device and inode
        self._composed: dict[Path, dict[str, str]] = {}  # of a folder: entries by their composed names
        self._media: list[dict[str, list[str]]] = []  # for each of WAYS: videos and pictures by name and by stem
        self._elsewhere = 0  # folders at the begin of paths that lead out which all of them have in common

    def expect(self, written: Iterable[str]) -> None:
        """Takes the folder that all paths of a table that lead out lie in as the same as this one, or one beside it."""
        outside = {tuple(_parts(name)[:-1]) for name in written if not self._inside(_slashed(name))}
        if outside:
            self._elsewhere = len(os.path.commonprefix([*outside]))

    def find(self, written: str) -> str | None:
        """The name of a file relative to the folder, with forward slashes; None where there is no such file in it."""
        shown = trimmed(written)
        for name in dict.fromkeys((written, shown, _slashed(written), _slashed(shown))):
            inside = self._inside(name)
            for known in (inside, self._as_stored(inside)) if inside else ():
                status = _file_status(self.folder / known)
                if status is not None:
                    return self._names.setdefault((status.st_dev, status.st_ino), known)
        return None

    def named(self, written: str) -> list[str]:
        """The videos and pictures, in whichever folder below that is not hidden, whose path ends with `written`.

        Their extension may be left out. Where there is none, letters of another case count as the same, and then
        another extension does, too. Of a path that leads out of the folder, as one of another machine, the longest end
        counts for which there is a file; what comes after the folder that such paths have in common (`expect`) is part
        of it. Where a video and pictures have the name, it is the video that is meant.

        Returns:
            Names relative to the folder, as `find` gives them, in their order.

        Example:
            >>> finder = FileFinder("videos")
            >>> finder.expect(["/home/ann/Cats/a.avi", "/home/ann/Dogs/a.avi"])
            >>> finder.named("a"), finder.named("/home/ann/Cats/a.avi")
            (['cats/a.mp4'], ['cats/a.mp4'])
        """
        written = trimmed(written)
        parts = _parts(written)
        ends = [parts[first:] for first in range(1 if self._inside(_slashed(written)) else self._elsewhere + 1)]
        for way, media in zip(WAYS, self._all_media(), strict=True):
            for *folders, name in ends:
                places = (place for place in media.get(way(name), []) if _lies_in(way(place), [*map(way, folders)]))
                if found := {file for place in places if (file := self.find(place)) is not None}:
                    return sorted(filter(is_video, found)) or sorted(found)
        return []

    def _all_media(self) -> list[dict[str, list[str]]]:
        if not self._media:
            files = files_below(self.folder, passed_over=lambda name: name.startswith("."))
            media = [file for file in files if file.suffix.lower() in EXTENSIONS]
            self._media = [{} for _ in WAYS]
            for way, places in zip(WAYS, self._media, strict=True):
                for file in media:
                    for name in {way(file.name), way(file.stem)}:
                        places.setdefault(name, []).append(file.as_posix())
        return self._media

    def _inside(self, name: str) -> str | None:
        """The path within the folder; None of one that leads out of it."""
        if posixpath.isabs(name):
            for folder in (self.folder.absolute(), self.folder.resolve()):
                if Path(os.path.normpath(name)).is_relative_to(folder):
                    return Path(os.path.normpath(name)).relative_to(folder).as_posix()
        normal = posixpath.normpath(name)
        outside = posixpath.isabs(name) or PureWindowsPath(name).drive or "://" in name or normal.split("/")[0] == ".."
        return None if outside else normal

    def _as_stored(self, name: str) -> str:
        """The name whose letters, composed, are those of `name`, as the file system has them."""
        place = Path()
        for part in name.split("/"):
            place /= self._entries(place).get(unicodedata.normalize("NFC", part), part)
        return place.as_posix()

    def _entries(self, place: Path) -> dict[str, str]:
        if place not in self._composed:
            try:
                names = sorted(os.listdir(self.folder / place))
            except (OSError, ValueError):
                names = []
            self._composed[place] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._composed[place]


def _parts(written: str) -> list[str]:
    """Folders and name of a path as tables write it, after whatever leads out of a folder."""
    return [part for part in _slashed(written).split("/") if part not in ("", ".", "..")] or [written]


def _slashed(written: str) -> str:
    return written.strip().replace("\\", "/")


def _lies_in(place: str, folders: list[str]) -> bool:
    """Whether the last folders of a file's path are these."""
    return place.split("/")[:-1][-len(folders) :] == folders if folders else True


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def small_letters(name: str) -> str:
    """A text as it is compared where neither case counts nor whether accents are composed.

    Example:
        >>> small_letters("Cafe\\u0301.MP4") == small_letters("CAF\\u00c9.mp4")
        True
    """
    return _composed(_composed(name).casefold())


def _small_letters_of_stem(name: str) -> str:
    stem, extension = posixpath.splitext(small_letters(name))
    return stem if extension in (*EXTENSIONS, *CONVERTED) else stem + extension


WAYS = (_composed, small_letters, _small_letters_of_stem)  # in which names are compared, the strictest first


def _file_status(path: Path) -> os.stat_result | None:
    try:
        return path.stat() if path.is_file() else None
    except (OSError, ValueError):  # a name too long for the file system, or one with NUL
        return None
