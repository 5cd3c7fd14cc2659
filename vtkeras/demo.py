"""`vtkeras demo`: every step of the project on the embedded data, each reused when it is done.

`python -m vtkeras.demo RUNS` is the walk behind the dashboard: it ends with the process that started it.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from vtkeras.config import load_config
from vtkeras.data.make import make_videos
from vtkeras.errors import UserError
from vtkeras.evaluation.evaluate import evaluate
from vtkeras.evaluation.tables import to_markdown, write_results
from vtkeras.export import export_run
from vtkeras.processes import end_with_owner
from vtkeras.run_files import METRICS, SAVED_MODEL
from vtkeras.training.fit import train_once
from vtkeras.training.run import Run, make_source

SPLITS = ("one_digit",)


def run_demo(out: str | Path, report: Callable[[str], None] = print) -> Path:
    """Makes data, trains the model and its rival with fusion `concat`, evaluates and exports.

    Args:
        out: folder for the runs.
        report: called with lines of progress.

    Returns:
        The run folder, ready for the dashboard.
    """
    out = Path(out)
    report("1/5 data: clips to look at")
    make_videos(Path("data") / "moving_digits", clips=60, report=report)
    config = load_config("demo")
    report("2/5 training the multi-task model with cross-attention")
    run = train_once(config, out / "demo", report)
    report("3/5 training the same model with fusion `concat`, to compare")
    rival = load_config("demo", ["name=demo_concat", "model.fusion=concat", "model.decoder_fusion=concat"])
    rival_run = train_once(rival, out / "demo_concat", report)
    report("4/5 evaluating against baselines")
    if not (run / METRICS).is_file():
        opened = [Run.open(run), Run.open(rival_run)]
        systems = {one.title: one.reader() for one in opened}
        results = evaluate(systems, make_source(config), opened[0].preprocessor, list(SPLITS), report=report)
        write_results(results, run)
    report(to_markdown(json.loads((run / METRICS).read_text())))
    report("5/5 exporting the SavedModel")
    if not (run / SAVED_MODEL).is_dir():
        export_run(run, report=report)
    return run


def main(out: str) -> None:
    """The walk behind the dashboard; stopped, it goes on the next time after the last finished epoch."""
    end_with_owner()
    warnings.filterwarnings("ignore", module="keras")  # advice to programmers, not to users
    try:
        run = run_demo(out, report=lambda line: print(line, flush=True))
    except UserError as error:
        sys.exit(f"vtkeras: {error}")
    print(f"trained and exported: {run}; load the pages again to see it", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
