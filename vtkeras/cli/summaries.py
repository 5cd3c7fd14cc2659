"""Summaries of long videos: `summarize`, `train-scorer`, `evaluate-summary`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli.common import SHIPPED_MODEL, progress_bar, say
from vtkeras.errors import UserError

app = typer.Typer()

AnnotatedFolder = Annotated[Path, typer.Argument(help="A folder of videos with an annotations.json.")]


@app.command()
def summarize(
    video: Annotated[Path, typer.Argument(help="A video file, however long.")],
    transcript: Annotated[Path | None, typer.Option(help="What is said: WebVTT, SRT, JSON, text.")] = None,
    budget: Annotated[float, typer.Option(help="The summary's greatest share of the video.")] = 0.15,
    out: Annotated[Path | None, typer.Option(help="Output folder; default runs/summaries/<name>.")] = None,
    model: Annotated[Path, typer.Option(help="A run folder with an exported model.")] = SHIPPED_MODEL,
    scorer: Annotated[str, typer.Option(help="diverse, random, or what `train-scorer` made.")] = "diverse",
    longest: Annotated[float | None, typer.Option(help="Seconds; longer takes are cut into parts.")] = None,
    threshold: Annotated[float, typer.Option(help="Change between frames, 0 to 255, that makes a cut.")] = 27.0,
    clip: Annotated[bool, typer.Option(help="Write the summary as an mp4, too.")] = True,
) -> None:
    """Shortens a video to its key shots and a text; run it again to go on after an interruption."""
    from vtkeras.summaries.summarize import Options, to_text
    from vtkeras.summaries.summarize import summarize as run

    options = Options(budget=budget, scorer=scorer, longest=longest, threshold=threshold, clip=clip)
    folder = out or Path("runs") / "summaries" / video.stem
    with progress_bar() as show:
        found = run(video, model, folder, transcript, options, show)
    say(to_text(found).rstrip())
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".jsonl")
    say(f"in {folder}: {', '.join(names)}")


@app.command("train-scorer")
def train_scorer(
    folder: AnnotatedFolder,
    out: Annotated[Path, typer.Option(help="Where the scorer goes.")] = Path("runs/scorer"),
    model: Annotated[Path, typer.Option(help="A run folder with an exported model.")] = SHIPPED_MODEL,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the videos.")] = 120,
    seed: Annotated[int, typer.Option(help="Another seed trains another scorer.")] = 0,
) -> None:
    """Trains an attention scorer of shots on annotated videos, for `vtkeras summarize --scorer`."""
    from vtkeras.export.importance import export_importance
    from vtkeras.serving.predictor import Predictor
    from vtkeras.summaries.annotated import read_annotated
    from vtkeras.training.importance import train_importance

    predictor = Predictor(model)
    with progress_bar() as show:
        videos = read_annotated(folder, predictor, show)
        trained = train_importance(videos, epochs, seed, report=lambda *done: show("training", *done))
    known = {name: predictor.info[name] for name in ("name", "model_hash")}
    how = {"data": str(folder), "videos": len(videos), "epochs": epochs, "seed": seed}
    export_importance(trained, out, {**known, **how})
    say(f"trained on {len(videos)} videos: {out}; next: vtkeras summarize VIDEO --scorer {out}")


@app.command("evaluate-summary")
def evaluate_summary(
    folder: Annotated[Path | None, typer.Argument(help="A folder of videos with an annotations.json.")] = None,
    tvsum: Annotated[Path | None, typer.Option(help="TVSum's ydata-tvsum50.mat: people beside chance.")] = None,
    model: Annotated[Path, typer.Option(help="A run folder with an exported model.")] = SHIPPED_MODEL,
    splits: Annotated[int, typer.Option(min=2, help="Splits into training and test videos.")] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training videos.")] = 120,
    seed: Annotated[int, typer.Option(help="Of the splits and the scorers.")] = 0,
) -> None:
    """Scorers of shots beside people and chance: F-scores at 15 % and rank correlations."""
    from vtkeras.tasks.summary import evaluate_people, evaluate_scorers, to_markdown

    if (folder is None) == (tvsum is None):
        raise UserError("Give either a folder with an annotations.json, or --tvsum FILE.")
    if tvsum:
        from vtkeras.data.annotations import read_tvsum

        return say(to_markdown(evaluate_people(read_tvsum(tvsum))))
    from vtkeras.serving.predictor import Predictor
    from vtkeras.summaries.annotated import read_annotated
    from vtkeras.summaries.scorers import SCORERS
    from vtkeras.training.importance import learned_scorers

    with progress_bar() as show:
        videos = read_annotated(folder, Predictor(model), show)
    say(to_markdown(evaluate_scorers(videos, SCORERS, learned_scorers(epochs, seed), splits, seed, report=say)))
