"""Runs made by older versions: `migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli.common import RunFolder, folder_option, refuse_missing, say

app = typer.Typer()


@app.command()
def migrate(
    run: RunFolder,
    out: Annotated[Path | None, folder_option("A new folder for a copy; default: the run itself.")] = None,
) -> None:
    """Rewrites a run that an older version made in today's names; the old files are kept as *.old."""
    refuse_missing(run)
    from vtkeras.migrate import migrate_run

    rewritten: list[str] = []

    def report(line: str) -> None:
        rewritten.append(line)
        say(line)

    folder = migrate_run(run, out, report=report)
    say(f"migrated: {folder}" if rewritten else f"{folder} has today's names already: nothing was rewritten")
