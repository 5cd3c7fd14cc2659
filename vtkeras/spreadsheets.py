"""Cells of CSV files that spreadsheets open: a cell that begins like a formula would be run as one."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def harmless(text: str) -> str:
    """The text of a cell, with an apostrophe before what a spreadsheet would run.

    Source: OWASP, "CSV Injection".

    Example:
        >>> harmless("=1+1"), harmless("a dog")
        ("'=1+1", 'a dog')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def as_written(cell: str) -> str:
    """The text that `harmless` made a cell of.

    Example:
        >>> as_written("'=1+1"), as_written("'tis")
        ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
