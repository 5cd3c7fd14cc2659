"""What cleaning dropped, with counts and reasons: lines for a terminal, `cleaning.json` and `cleaning.md`."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vtkeras.data.cleaning.marks import Mark
from vtkeras.data.manifest import Manifest
from vtkeras.whole_files import write_json, write_text

REPORT_JSON, REPORT_TABLE = "cleaning.json", "cleaning.md"


def write_report(folder: Path, manifest: Manifest) -> None:
    """Writes `cleaning.json` and `cleaning.md` into the folder."""
    write_json(folder / REPORT_JSON, to_values(manifest))
    write_text(folder / REPORT_TABLE, to_markdown(manifest))


def to_values(manifest: Manifest) -> dict[str, Any]:
    """The report as plain values."""
    cleaning = manifest.cleaning
    return {
        "clips": manifest.stored,
        "dropped_clips": len(cleaning.clips),
        "dropped_captions": len(cleaning.captions),
        "counts": counts(cleaning.dropped),
        "options": cleaning.options,
        "dropped": [asdict(mark) for mark in cleaning.dropped],
        "put_back": [asdict(mark) for mark in cleaning.put_back],
        "set_aside": manifest.set_aside,
        "incomplete": manifest.partial,
        "notes": manifest.notes,
    }


def counts(marks: tuple[Mark, ...]) -> dict[str, int]:
    """How often each reason was found, in the order of the checks."""
    return dict(Counter(mark.reason for mark in marks))


def summary(manifest: Manifest) -> str:
    """One sentence with the numbers."""
    cleaning = manifest.cleaning
    dropped = f"{len(cleaning.clips)} of {manifest.stored} clips and {len(cleaning.captions)} captions are left out"
    told = ", ".join(f"{count} {reason}" for reason, count in counts(cleaning.dropped).items())
    back = f"; {len(cleaning.put_back)} put back" if cleaning.put_back else ""
    return f"{dropped}{': ' if told else ''}{told}{back}; nothing was deleted"


def to_lines(manifest: Manifest) -> list[str]:
    """The report for a terminal: a line for each mark, splits that are empty now, and the numbers."""
    lines = [f"{_name(mark)}: {mark.reason}: {mark.detail}" for mark in manifest.cleaning.dropped]
    stored = {shard.split for shard in manifest.shards if shard.clips}
    lines += [f"no clip of the split {split} is left" for split in sorted(stored - set(manifest.splits))]
    return [*lines, summary(manifest)]


def to_markdown(manifest: Manifest) -> str:
    """The report as Markdown tables."""
    cleaning = manifest.cleaning
    lines = ["# Cleaning", "", summary(manifest) + ".", ""]
    if cleaning.dropped:
        lines += ["| reason | number |", "| --- | ---: |"]
        lines += [f"| {reason} | {count} |" for reason, count in counts(cleaning.dropped).items()]
        lines += ["", "Put back with `vtkeras data clean DIR --restore CLIP`, a reason, or `all`.", ""]
    for title, marks in (("Left out", cleaning.dropped), ("Put back", cleaning.put_back)):
        if marks:
            rows = [[mark.clip, mark.split, mark.caption or "", mark.reason, mark.detail] for mark in marks]
            lines += _table(title, ["clip", "split", "caption", "reason", "detail"], rows)
    if manifest.notes:
        lines += ["## The captions file", "", *(f"- {_cell(note)}" for note in manifest.notes), ""]
    for title, pairs in (("Set aside by ingest", manifest.set_aside), ("Incomplete", manifest.partial)):
        if pairs:
            lines += _table(title, ["video", "reason"], pairs)
    return "\n".join(lines)


def _table(title: str, header: list[str], rows: list) -> list[str]:
    body = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return [f"## {title}", "", f"| {' | '.join(header)} |", "| --- " * len(header) + "|", *body, ""]


def _cell(text: str) -> str:
    """A text that stays within its cell and shows its mark-up."""
    return html.escape(_printable(text), quote=False).replace("|", "\\|")


def _name(mark: Mark) -> str:
    return mark.clip if mark.caption is None else f"{mark.clip} “{_printable(mark.caption)}”"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
