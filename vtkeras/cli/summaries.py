"""Summaries of long videos: `summarize`, `train-scorer`, `evaluate-summary`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli import common
from vtkeras.cli.progress import progress_bar
from vtkeras.errors import UserError, command
from vtkeras.path_checks import own_folder, writable_folder
from vtkeras.run_files import SCORER_FILE

app = typer.Typer()

AnnotatedFolder = Annotated[Path, typer.Argument(help="A folder of videos with an annotations.json.")]


@app.command()
def summarize(
    video: Annotated[Path, typer.Argument(help="A video file, however long.")],
    transcript: Annotated[Path | None, typer.Option(help="What is said: WebVTT, SRT, JSON, text.")] = None,
    budget: Annotated[float, common.number_option("The summary's greatest share of the video.", 0, 1)] = 0.15,
    out: Annotated[Path | None, typer.Option(help="Output folder; default runs/summaries/<name>.")] = None,
    model: common.ModelFolder = None,
    scorer: Annotated[str, typer.Option(help="diverse, random, or what `train-scorer` made.")] = "diverse",
    longest: Annotated[float | None, common.number_option("Seconds; longer takes are cut into parts.", 0, 1e7)] = None,
    threshold: Annotated[float, common.number_option("Change between frames that makes a cut.", 0, 255)] = 27.0,
    clip: Annotated[bool, typer.Option(help="Write the summary as an mp4, too.")] = True,
) -> None:
    """Shortens a video to its key shots and a text; run it again to go on after an interruption."""
    folder = writable_folder(out or Path("runs") / "summaries" / video.stem)
    common.refuse_missing(video, transcript, model)
    from vtkeras.summaries.shot_features import SHOTS
    from vtkeras.summaries.summarize import Options, to_text
    from vtkeras.summaries.summarize import summarize as run

    own_folder(folder, SHOTS)
    options = Options(budget=budget, scorer=scorer, longest=longest, threshold=threshold, clip=clip)
    with progress_bar() as show:
        found = run(video, common.or_shipped(model), folder, transcript, options, show)
    common.say(to_text(found).rstrip())
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".jsonl")
    common.say(f"in {folder}: {', '.join(names)}")


@app.command("train-scorer")
def train_scorer(
    folder: AnnotatedFolder,
    out: Annotated[Path, common.folder_option("Where the scorer goes.")] = Path("runs/scorer"),
    model: common.ModelFolder = None,
    epochs: Annotated[int, common.number_option("Passes over the videos.", 1, 1_000_000)] = 120,
    seed: Annotated[int, common.seed_option("Another seed trains another scorer.")] = 0,
) -> None:
    """Trains an attention scorer of shots on annotated videos, for `vtkeras summarize --scorer`."""
    own_folder(out, SCORER_FILE)
    common.refuse_missing(folder, model)
    from vtkeras.export.importance import export_importance
    from vtkeras.serving.predictor import Predictor
    from vtkeras.summaries.annotated import read_annotated
    from vtkeras.training.importance import train_importance

    predictor = Predictor(common.or_shipped(model))
    with progress_bar() as show:
        videos = read_annotated(folder, predictor, show)
        trained = train_importance(videos, epochs, seed, report=lambda *done: show("training", *done))
    known = {name: predictor.info[name] for name in ("name", "model_hash")}
    how = {"data": str(folder), "videos": len(videos), "epochs": epochs, "seed": seed}
    export_importance(trained, out, {**known, **how})
    common.say(f"trained on {len(videos)} videos: {out}; next: {command('summarize', 'VIDEO', '--scorer', out)}")


@app.command("evaluate-summary")
def evaluate_summary(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="A folder of videos with an annotations.json.")] = None,
    tvsum: Annotated[Path | None, typer.Option(help="TVSum's ydata-tvsum50.mat: people beside chance.")] = None,
    model: common.ModelFolder = None,
    splits: Annotated[int, common.number_option("Splits into training and test videos.", 2, 1000)] = 5,
    epochs: Annotated[int, common.number_option("Passes over the training videos.", 1, 1_000_000)] = 120,
    seed: Annotated[int, common.seed_option("Of the splits and the scorers.")] = 0,
) -> None:
    """Scorers of shots beside people and chance: F-scores at 15 % and rank correlations."""
    if tvsum and not folder:
        common.refuse_unused(context, ("model", "splits", "epochs", "seed"), "with --tvsum")
        common.refuse_missing(tvsum)
        from vtkeras.data.annotations import read_tvsum
        from vtkeras.evaluation.summary import evaluate_people, to_markdown

        return common.say(to_markdown(evaluate_people(read_tvsum(tvsum))))
    if tvsum or not folder:
        raise UserError("Give either a folder with an annotations.json, or --tvsum FILE.")
    common.refuse_missing(folder, model)
    from vtkeras.evaluation.summary import evaluate_scorers, to_markdown
    from vtkeras.serving.predictor import Predictor
    from vtkeras.summaries.annotated import read_annotated
    from vtkeras.summaries.scorers import SCORERS
    from vtkeras.training.importance import learned_scorers

    predictor = Predictor(common.or_shipped(model))
    with progress_bar() as show:
        videos = read_annotated(folder, predictor, show)
    learned = learned_scorers(epochs, seed)
    common.say(to_markdown(evaluate_scorers(videos, SCORERS, learned, splits, seed, report=common.say)))
