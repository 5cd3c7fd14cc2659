"""The table of a folder of clips: the one that it holds, or one that is made of its subfolders."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from vtkeras import keys
from vtkeras.data.caption_entries import SPLIT_NAMES
from vtkeras.data.captions import lacking_columns
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.paths import files_below
from vtkeras.data.table_files import OWN_NAMES, find_table
from vtkeras.data.text_files import is_text
from vtkeras.errors import UserError
from vtkeras.run_files import CONFIG_FILE, LABELS_TABLE
from vtkeras.whole_files import write_text

MOST_TOLD = 10  # clips or labels that are named


def table_of(data: Path, out: Path, report: Callable[[str], None]) -> Path | None:
    """The table of a folder, or one that is made from its subfolders; None where there is neither.

    A table that describes no clips, as statistics that came along, makes way for subfolders, unless its name says that
    it means the clips: then its mistake is told.
    """
    table = find_table(data)
    if table is None or table.stem.lower() in OWN_NAMES:
        return table or table_from_folders(data, out, report)
    if lacking := lacking_columns(table):
        if made := table_from_folders(data, out, report):
            report(f"subfolders are taken as labels, since {table.name} describes no clips: it has no column {lacking}")
            return made
    return table


def needed_table(data: Path, out: Path, report: Callable[[str], None]) -> Path:
    """As `table_of`.

    Raises:
        UserError: where there is neither a table nor subfolders of clips.
    """
    table = table_of(data, out, report)
    if table is None:
        raise UserError(
            f"{data} needs one table with a row for each clip (columns path, and any of caption, question with answer, "
            "label), or two and more subfolders of clips, one for each label, and has neither: name the table with "
            "--captions FILE."
        )
    return table


def table_from_folders(data: Path, out: Path, report: Callable[[str], None]) -> Path | None:
    """Writes a table whose labels are the names of the subfolders that clips lie in; None where there are no two.

    Where these have all one name, as in `cats/videos` and `dogs/videos`, the folders above them are taken. Hidden
    folders and runs are passed over, and clips that lie in no subfolder are left out, and told. Folders at the top are
    splits as `_are_splits` says.

    Args:
        data: folder whose subfolders hold videos or pictures.
        out: folder where `LABELS_TABLE` is written.
        report: called with a line of what is taken as splits and as labels.

    Returns:
        The path of the table, whose paths are relative to `data`; or None.

    Raises:
        UserError: if the table cannot be written, or would replace one that was not made here.
    """
    files = sorted(files_below(data, passed_over=lambda name: name.startswith(".")))
    runs = {file.parent for file in files if file.name == CONFIG_FILE} - {Path()}
    clips = [file for file in files if file.suffix.lower() in EXTENSIONS and runs.isdisjoint(file.parents)]
    unreadable = [clip for clip in clips if not is_text(str(clip))]
    if unreadable:
        clips = [clip for clip in clips if is_text(str(clip))]
        report(f"{len(unreadable)} clips are left out, whose names or folders are not UTF-8: rename them")
    loose = [clip for clip in clips if clip.parent == Path()]
    clips = [clip for clip in clips if clip.parent != Path()]
    named = sorted({clip.parts[0] for clip in clips if clip.parts[0].lower() in SPLIT_NAMES})
    split = _are_splits(named, clips)
    strays = loose + [clip for clip in clips if split and not _lies_in_split(clip)]
    clips = [clip for clip in clips if not split or _lies_in_split(clip)]
    labels = _labels([clip.parent.parts[split:] for clip in clips])
    different = sorted({*labels})
    if len(different) < 2:
        return None
    if split:
        tops = sorted({clip.parts[0] for clip in clips})
        report(f"the folders {', '.join(tops)} are taken as splits, those within them as labels")
    elif len(named) > 1:
        report(
            f"the folders {', '.join(named)} are not taken as splits: there are no clips for training in folders of "
            "labels, as in train/cats/a.mp4"
        )
    if strays:
        place = "label's folder of a split" if split else "label's folder"
        report(f"left out because they lie in no {place}: {len(strays)}, the first is {strays[0]}")
    some = f" and {len(different) - MOST_TOLD} others" if len(different) > MOST_TOLD else ""
    report(f"labels by the folders of the clips: {', '.join(different[:MOST_TOLD])}{some}")
    rows = [("path", "label", "split")]
    rows += [(clip.as_posix(), label, clip.parts[0]) for clip, label in zip(clips, labels, strict=True)]
    text = io.StringIO()
    csv.writer(text).writerows(row if split else row[:2] for row in rows)
    _write_table(out / LABELS_TABLE, text.getvalue())
    return out / LABELS_TABLE


def _write_table(path: Path, text: str) -> None:
    """Writes a table; another one that lies in its folder alone, which no earlier run can be told to have made, stays.

    One of equal content is what a run left that was killed before it stored a clip.
    """
    others = [file for file in path.parent.glob("[!.]*") if file.is_file() and file != path]
    if path.is_file() and not others and path.read_bytes() != text.encode():
        raise UserError(
            f"{path.parent} holds {path.name} with other labels than the folders of the clips: choose another --out, "
            "or delete that file."
        )
    write_text(path, text)


def _are_splits(named: list[str], clips: list[Path]) -> bool:
    """Whether folders at the top with names of splits are splits: clips for training lie in folders of labels there,
    and there is another such folder, or no clip elsewhere."""
    training = any(_lies_in_split(clip) and SPLIT_NAMES[clip.parts[0].lower()] == keys.TRAIN for clip in clips)
    return training and (len(named) > 1 or all(map(_lies_in_split, clips)))


def _lies_in_split(clip: Path) -> bool:
    """Whether a clip lies in a folder within one at the top that has the name of a split."""
    return len(clip.parts) > 2 and clip.parts[0].lower() in SPLIT_NAMES


def _labels(folders: list[tuple[str, ...]]) -> list[str]:
    """The name of each clip's folder; where all have one name, that of the folder above, as far up as there are any."""
    for level in range(1, 1 + min(map(len, folders), default=0)):
        names = [parts[-level] for parts in folders]
        if len({*names}) > 1:
            return names
    return []
