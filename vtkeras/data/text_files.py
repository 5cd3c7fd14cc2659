"""Text and CSV files from outside; what is wrong in one is told with the line or row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from vtkeras.errors import UserError

MAX_CELL = 16 * 1024**2


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        UserError: names the line that is not UTF-8.
    """
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line} is not UTF-8; save the file in that encoding.") from None


def csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file with their numbers; blank rows are left out.

    Args:
        path: of the file, for messages.
        text: its content.

    Raises:
        UserError: if the text is not CSV.
    """
    limit = csv.field_size_limit(MAX_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a valid CSV file: {error}.") from None
    finally:
        csv.field_size_limit(limit)
    for number, cells in enumerate(rows, start=1):
        if cells:
            yield number, cells
