"""Which file of a folder is the table of its clips."""

from __future__ import annotations

from pathlib import Path

from vtkeras.data.captions import lacking_columns
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.text_files import TABLES
from vtkeras.errors import UserError
from vtkeras.run_files import MANIFEST

OWN_NAMES = ("captions", "labels", "annotations")  # of a table that surely means the clips
NAMES = (*OWN_NAMES, "metadata", "data")
MOST_TOLD = 10  # tables that are named


def find_table(folder: Path) -> Path | None:
    """The table of a folder: `captions.csv` or another usual name, else the only table, or the only one with columns of
    a path and a text.

    Hidden files are passed over, and among several tables JSON files that tell of one video each, as `a.info.json` does
    beside `a.mp4`.

    Raises:
        UserError: if there are several and none has a usual name.

    Example:
        >>> find_table(Path("videos"))
        PosixPath('videos/clips.csv')
    """
    shown = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    tables = [file for file in shown if file.suffix.lower() in TABLES and file.name != MANIFEST and file.is_file()]
    for name in NAMES:
        for file in tables:
            if file.stem.lower() == name:
                return file
    if len(tables) < 2:
        return tables[0] if tables else None
    videos = {file.stem for file in shown if file.suffix.lower() in EXTENSIONS}
    tables = [file for file in tables if file.suffix.lower() != ".json" or videos.isdisjoint(_possible_videos(file))]
    described = [file for file in tables if not lacking_columns(file)] or tables
    if len(described) > 1:
        more = f" and {len(described) - MOST_TOLD} more" if len(described) > MOST_TOLD else ""
        raise UserError(
            f"{folder} holds several tables, {', '.join(file.name for file in described[:MOST_TOLD])}{more}: name the "
            "one to take with --captions FILE, or join them into one, with a column `split` if they are splits."
        )
    return described[0] if described else None


def _possible_videos(file: Path) -> set[str]:
    """The names, less the extension, of videos that `a.json`, `a.info.json` or `a.mp4.json` may tell of."""
    return {file.stem, Path(file.stem).stem}
