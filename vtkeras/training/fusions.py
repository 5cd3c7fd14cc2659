"""Every fusion strategy trained alike on the same examples, in one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vtkeras import keys
from vtkeras.config import Config
from vtkeras.errors import UserError
from vtkeras.evaluation.evaluate import evaluate
from vtkeras.evaluation.tables import PredictionTable, write_results
from vtkeras.fusion import FUSIONS
from vtkeras.run_files import FEATURES
from vtkeras.training.fit import train_once
from vtkeras.training.run import Run, make_source


def compare_fusions(
    config: Config,
    out: str | Path,
    fusions: list[str] | None = None,
    limit: int | None = None,
    report: Callable[[str], None] = print,
) -> dict:
    """Trains the experiment once with each fusion, and puts the models and baselines into one table.

    Each gets the same clips in the same order, the same seed and the same number of steps. A run that
    is finished is reused, a broken one goes on, so calling it again continues after an interruption.

    Args:
        config: the experiment; its `model.fusion` is replaced.
        out: folder for the runs, one below it for each fusion, and for metrics.json and metrics.md.
        fusions: names in `FUSIONS`; None takes all of them.
        limit: test examples at most.
        report: called with lines of progress.

    Returns:
        As `evaluate`, for the test split, and beside it `weights`, {fusion: number of weights}.

    Raises:
        UserError: for an unknown fusion, or as `train`.

    Example:
        >>> compare_fusions(load_config("statements"), "runs/fusions")
    """
    out = Path(out)
    names = list(fusions or FUSIONS)
    unknown = [name for name in names if name not in FUSIONS]
    if unknown:
        raise UserError(f"There is no fusion '{unknown[0]}': use one of {', '.join(FUSIONS)}.")
    source = make_source(config)
    if keys.TEST not in source.splits():
        raise UserError("The data have no split 'test' to compare the fusions on: mark some clips so.")
    for name in names:
        model = config.model.model_copy(update={"fusion": name})
        one = config.model_copy(update={"name": f"{config.name}_{name}", "model": model})
        train_once(one, out / name, report, features=out / FEATURES)
    runs = {name: Run.open(out / name) for name in names}
    table = PredictionTable()
    results = evaluate(
        {name: run.reader() for name, run in runs.items()},
        source,
        runs[names[0]].preprocessor,
        [keys.TEST],
        limit=limit,
        report=report,
        keep=table.add,
    )
    results["splits"][keys.TEST]["weights"] = {name: run.model.count_params() for name, run in runs.items()}
    write_results(results, out)
    table.write(out)
    return results
