"""What `vtkeras train --data FOLDER --minutes N` reaches in 2, 10 and 20 minutes, beside the baselines.

`make bench-train SET=FOLDER`, a folder of clips with a table, e.g. one of `python -m tests.benchmarks.sets`. Prints a
row for each number of minutes: how long the command took, and every headline on the test split.
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


def run(*words: str) -> float:
    """Runs a command of vtkeras and gives its seconds."""
    begin = time.monotonic()
    subprocess.run([Path(sys.executable).parent / "vtkeras", *words], check=True)
    return time.monotonic() - begin


def measure(data: Path, minutes: float, folder: Path) -> tuple[float, dict]:
    """Trains and evaluates once: seconds until the exported model, and {system: figures} of the test split."""
    seconds = run("train", "--data", str(data), "--minutes", str(minutes), "--out", str(folder))
    run("evaluate", str(folder), "--split", "test", "--no-meteor", "--linear")
    results = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return seconds, results["splits"]["test"]["systems"]


def row(name: str, figures: dict, columns: list[str]) -> str:
    """A line of the table; shares in percent."""
    cells = ["–" if figures.get(column) is None else f"{100 * figures[column]:.1f}" for column in columns]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES)
    options = parser.parse_args()
    columns = ["caption_exact", "answer_accuracy", "label_accuracy", "recall_at_1"]
    lines, baselines = [], {}
    with tempfile.TemporaryDirectory() as home:
        for minutes in options.minutes:
            seconds, systems = measure(options.data, minutes, Path(home) / f"{minutes:g}")
            (model, *others) = systems
            baselines = {name: systems[name] for name in others}
            lines.append(row(f"{minutes:g} minutes ({seconds / 60:.1f} taken): {model}", systems[model], columns))
    print("| system | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    print("\n".join(lines + [row(name, figures, columns) for name, figures in baselines.items()]))


if __name__ == "__main__":
    main()
