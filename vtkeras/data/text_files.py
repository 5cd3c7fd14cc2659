"""Text files and tables from outside; what is wrong is told with the line or row, and what was assumed in a note.

Tables are read as spreadsheets save them: in UTF-8, UTF-16, Windows-1252 or Mac OS Roman, with commas, semicolons,
tabs or bars between cells, with a line `sep=;`, titles above the header, and blank rows and columns.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vtkeras.errors import UserError

SPREADSHEETS = (".xlsx", ".xls", ".ods")  # known only to say: save as CSV
TABLES = (".csv", ".tsv", ".json", ".jsonl", *SPREADSHEETS)
HEAD = 256 * 1024  # bytes in which the columns of a table are looked for
MAX_CELL = 16 * 1024**2
HEADER_WITHIN = 20  # rows from the top that may be the header

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and .numbers; .xls
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Soft hyphens, marks of direction, spaces without width: what people copy along and never see. Joiners are not among
# them, which letters of Persian and of India and emoji change by.
INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_WINDOWS, _MAC = "cp1252", "mac_roman"
_WESTERN = {_WINDOWS: "Windows-1252", _MAC: "Mac OS Roman"}
_SMALL, _CAPITALS = "ß-öø-ÿœšžıªº", "À-ÖØ-ÞŒŠŽŸ"
_MARKS_IN_WORDS = "‘’‚“”„‹›«»–—…•·™®©°\xa0\xad"
# What does not follow a small letter in a text that was read rightly: a capital, what the encoding does not have, and,
# inside a word, a sign that nobody puts there.
_STRANGER = re.compile(f"(?<=[a-z])(?:[{_CAPITALS}\ufffd]|[^\0-\x7f{_SMALL}{_MARKS_IN_WORDS}](?=[a-z]))")
_ALONE = re.compile(f"[{INVISIBLE}]")

Note = Callable[[str], None]


def ignore(note: str) -> None:
    """Takes a note and does nothing."""


def is_text(text: str) -> bool:
    """Whether a string holds no halves of surrogate pairs, by which Python names bytes that are not UTF-8.

    Example:
        >>> is_text("caf\u00e9"), is_text(b"caf\xe9".decode(errors="surrogateescape"))
        (True, False)
    """
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def trimmed(text: str) -> str:
    """A text without spaces and characters of no width at its ends.

    Example:
        >>> trimmed("\u202acats/a.mp4\u202c ")
        'cats/a.mp4'
    """
    begin, end = 0, len(text)
    while begin < end and _is_unseen(text[begin]):
        begin += 1
    while begin < end and _is_unseen(text[end - 1]):
        end -= 1
    return text[begin:end]


def _is_unseen(letter: str) -> bool:
    return letter.isspace() or _ALONE.match(letter) is not None


def read_text(path: Path, note: Note = ignore, most: int = -1) -> str:
    """The text of a file in UTF-8, UTF-16, UTF-32 or, where that is likely, Windows-1252 or Mac OS Roman.

    Args:
        path: the file.
        note: called with a sentence if the encoding had to be assumed.
        most: bytes that are read at most; -1 reads all.

    Raises:
        UserError: for a spreadsheet, or naming the line that is not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(most)
    if data.startswith(_SPREADSHEETS):
        raise UserError(f"{path} is in a spreadsheet's own format: save it as CSV and give that file.")
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "")
    encoding = marked or _utf_16_without_mark(data) or "utf-8"
    try:
        # Of a file that is not read to its end, the last letter may be cut in two.
        return codecs.getincrementaldecoder(encoding)().decode(data, final=len(data) != most)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        guess = _western(data) if encoding == "utf-8" else ""
        if guess:
            note(f"{path} line {line} is not UTF-8: the file was read as {_WESTERN[guess]}.")
            return data.decode(guess)
        encoding = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        raise UserError(f"{path} line {line} is not {encoding}; save the file in UTF-8.") from None


def read_head(path: Path) -> str:
    """The first rows of a table, as `read_text`; of a large one those that end within `HEAD` bytes."""
    text = read_text(path, most=HEAD)
    if path.stat().st_size <= HEAD:
        return text
    lines = [*io.StringIO(text, newline=None)][:-1]
    quotes = sum(line.count('"') for line in lines)
    while quotes % 2:  # the last row goes on
        quotes -= lines.pop().count('"')
    return "".join(lines)


def _utf_16_without_mark(data: bytes) -> str:
    """Text in Latin letters has a zero in every second byte then."""
    head = data[:400]
    for encoding, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = head[start::2], head[1 - start :: 2]
        if len(head) >= 4 and zeros.count(0) > 0.7 * len(zeros) and not others.count(0):
            return encoding
    return ""


def _western(data: bytes) -> str:
    """The encoding of accented letters that a text is in; "" for other scripts, in which letters come in runs."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    if sum(map(len, runs)) >= 1.5 * len(runs):
        return ""
    ends_as_mac = b"\r" in data and b"\n" not in data
    if _reads_well(data, _MAC) and (ends_as_mac or not _reads_well(data, _WINDOWS)):
        return _MAC
    return "" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", data) else _WINDOWS  # which has no such characters


def _reads_well(data: bytes, encoding: str) -> bool:
    return not _STRANGER.search(data.decode(encoding, "replace"))


@dataclass(frozen=True)
class Table:
    """The rows of a table.

    Attributes:
        header: names of the columns, in lower case.
        header_row: number of the row that it is; the first is 1.
        rows: the further rows with their numbers; blank ones are left out.
    """

    header: list[str]
    header_row: int
    rows: list[tuple[int, list[str]]]

    def records(self, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows as {column: cell} with their numbers; blank cells beyond the header are left out.

        Raises:
            UserError: naming a row that has fewer cells than the header, or more.
        """
        for number, cells in self.rows:
            cells = [*cells[: len(self.header)], *(cell for cell in cells[len(self.header) :] if cell.strip())]
            if len(cells) != len(self.header):
                raise UserError(
                    f"{path} row {number} has {len(cells)} cells where the header has {len(self.header)}: "
                    "put quotes around a cell that holds a separator, and separators for empty cells."
                )
            yield number, dict(zip(self.header, cells))


def read_table(
    path: Path, text: str, known: Collection[str], is_header: Callable[[list[str]], bool], note: Note = ignore
) -> Table:
    """Finds out what parts the cells of a table and which row is its header.

    Args:
        path: of the file, for messages.
        text: its content.
        known: names of columns; `Video ID` is read as `video_id` if that is known.
        is_header: says whether names of columns are those of a header; where none are, the first row is taken.
        note: called with a sentence for what had to be assumed.

    Raises:
        UserError: if the text is no table.

    Example:
        >>> read_table(Path("a.csv"), "path;caption", (), lambda names: "path" in names).header
        ['path', 'caption']
    """
    stated = re.match(r"sep=(.)\s*?(?:\r\n|\r|\n)", text, re.IGNORECASE)  # as Excel writes and reads
    failed = ""
    tables = []
    for separator in [stated.group(1)] if stated else _SEPARATORS:
        try:
            rows = _rows(text, separator)
        except csv.Error as error:
            failed = failed or str(error)
            continue
        rows = rows[1:] if stated else rows
        filled = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
        for place, (number, cells) in enumerate(filled[:HEADER_WITHIN]):
            names = _column_names(cells, known)
            if is_header(names):
                if place:
                    note(f"{path} row {number} was taken for the header; what stands above it was left out.")
                if separator != "," and not stated and path.suffix.lower() != ".tsv":
                    note(f"{path} was read with {_SEPARATORS[separator]} between its cells.")
                _check_quotes(path, filled[place + 1 :], separator, len(names), note)
                return Table(names, number, filled[place + 1 :])
        first, *others = filled or [(1, [])]
        tables.append(Table(_column_names(first[1], known), first[0], others))
    if failed:
        raise UserError(f"{path} {failed}: a quote within a cell is written twice, and the cell in quotes.")
    return max(tables, key=lambda table: len(table.header))


def _rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    if f'{separator} "' in text:  # typed by hand, with a space before the quote; else one that a text begins with
        with suppress(csv.Error):
            return _parsed(text, separator, skip_spaces=True)
    return _parsed(text, separator, skip_spaces=False)


def _parsed(text: str, separator: str, skip_spaces: bool) -> list[tuple[int, list[str]]]:
    limit = csv.field_size_limit(MAX_CELL)
    rows: list[tuple[int, list[str]]] = []
    lines = io.StringIO(text, newline="")
    try:
        for row in csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=skip_spaces):
            rows.append((len(rows) + 1, row))
        return rows
    except csv.Error as error:
        raise csv.Error(f"row {len(rows) + 1} is not valid CSV ({error})") from None
    finally:
        csv.field_size_limit(limit)


def _check_quotes(
    path: Path, rows: list[tuple[int, list[str]]], separator: str, columns: int, note: Note
) -> None:
    """Tells of a cell of several lines that look like rows: a stray quote before it makes it go on to the next one.

    Raises:
        UserError: if such a line names a file of the same kind as its row does.
    """
    within = [(row, cells, line) for row, cells in rows for cell in cells for line in cell.splitlines()[1:]]
    doubtful = [one for one in within if one[2].count(separator) == columns - 1]
    told = "{} row {} has a cell of several lines, of which one looks like a row of its own: '{:.80}'".format
    for row, cells, line in doubtful:
        inner = line.split(separator)
        if any(map(_are_files_of_a_kind, cells, inner)):
            raise UserError(f"{told(path, row, line)}: take out the quote that the cell begins with.")
    for row, _, line in doubtful[:1]:
        note(f"{told(path, row, line)}; see to its quotes if it is one.")


def _are_files_of_a_kind(one: str, other: str) -> bool:
    from vtkeras.data.containers import EXTENSIONS  # here, since it loads the decoder

    ends = {Path(name).suffix.lower() for name in (one, other)}
    return len(ends) == 1 and ends < {*EXTENSIONS}


def _column_names(cells: list[str], known: Collection[str]) -> list[str]:
    names = [cell.strip("\ufeff").strip().lower() for cell in cells]
    names = [one if (one := "_".join(name.split())) in known else name for name in names]
    while names and not names[-1]:
        names.pop()
    return names
