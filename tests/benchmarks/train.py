"""What `vtkeras train --data FOLDER --minutes N` reaches in 2, 10 and 20 minutes, beside the baselines.

`make bench-train SET=FOLDER`, a folder of clips with a table, e.g. one of `python -m tests.benchmarks.sets`. Prints a
table for each split that is evaluated, with a row for each number of minutes: how long the command took, and headlines.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MINUTES = (2, 10, 20)
COLUMNS = ("caption_exact", "answer_accuracy", "label_accuracy", "recall_at_1")


def run(*words: str) -> float:
    """Runs a command of vtkeras and gives its seconds."""
    begin = time.monotonic()
    subprocess.run([Path(sys.executable).parent / "vtkeras", *words], check=True)
    return time.monotonic() - begin


def measure(data: Path, minutes: float, folder: Path) -> tuple[float, dict]:
    """Trains and evaluates once: seconds until the exported model, and {split: {system: figures}}."""
    seconds = run("train", "--data", str(data), "--minutes", str(minutes), "--out", str(folder))
    run("evaluate", str(folder), "--no-meteor", "--linear")
    results = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return seconds, {split: found["systems"] for split, found in results["splits"].items()}


def row(name: str, figures: dict) -> str:
    """A line of the table; shares in percent."""
    cells = ["–" if figures.get(column) is None else f"{100 * figures[column]:.1f}" for column in COLUMNS]
    return f"| {name} | " + " | ".join(cells) + " |"


def table(split: str, runs: list[tuple[float, float, dict]]) -> str:
    """A row for each run (minutes, seconds taken, figures by split), and the last one's baselines below."""
    lines = [f"{split}\n", "| system | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for minutes, seconds, splits in (run for run in runs if split in run[2]):  # few minutes may leave a split out
        (model, figures), *others = splits[split].items()
        lines.append(row(f"{minutes:g} minutes ({seconds / 60:.1f} taken): {model}", figures))
    return "\n".join(lines + [row(name, figures) for name, figures in others]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES)
    parser.add_argument("--out", type=Path, help="keep the runs in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        runs = []
        for minutes in options.minutes:
            seconds, splits = measure(options.data, minutes, (options.out or Path(home)) / f"{minutes:g}")
            runs.append((minutes, seconds, splits))
    print("\n".join(table(split, runs) for split in splits))


if __name__ == "__main__":
    main()
