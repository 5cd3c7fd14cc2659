"""From a config to a measured, exported model: `train`, `evaluate`, `score`, `score-video`, `export` and others."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtkeras import keys
from vtkeras.cli import common
from vtkeras.cli.progress import progress_bar
from vtkeras.config import Config
from vtkeras.errors import UserError, command
from vtkeras.interrupts import exit_code
from vtkeras.path_checks import check_run, own_folder, refuse_pattern, writable_folder
from vtkeras.run_files import (
    CHECKPOINTS,
    CLIPS,
    CONFIG_FILE,
    DATA,
    EVALUATIONS,
    LABELS_TABLE,
    LAST,
    PATTERN,
    PLAN_TABLE,
    README,
    VOCABULARY_FILE,
    WEIGHTS,
    WHOLE,
    run_folder,
    shipped,
)
from vtkeras.whole_files import leaving_nothing, locked, write_json, write_text

if TYPE_CHECKING:
    from vtkeras.data.sources.base import Source

app = typer.Typer()
OF_EARLIER_PLANS = (LABELS_TABLE, "cache")  # what plans that older versions began have beside their clips
OF_A_TRAINING = ("config", "data", "minutes", "captions", "out", "override", "resume")


@app.command()
def train(
    context: typer.Context,
    config: Annotated[str | None, typer.Option(help="A shipped config or a YAML file; without --data, demo.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="A folder of videos; with --config, one that `vtkeras data ingest` made.")
    ] = None,
    minutes: Annotated[
        float | None,
        common.number_option("Without --config: minutes until the model is exported; default 20.", 2, 10_000),
    ] = None,
    captions: Annotated[Path | None, typer.Option(help="Without --config: the table of a folder of videos.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; default runs/NAME.")] = None,
    override: common.Overrides = [],  # noqa: B006  typer reads the default, nothing changes it
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
    help_config: Annotated[bool, typer.Option("--help-config", help="List every config key and stop.")] = False,
) -> None:
    """Trains a model on all devices there are.

    With --config, what that describes. With --data alone, vtkeras looks at the folder, tries several models, and
    trains and exports the best within --minutes.
    """
    if help_config:
        common.refuse_unused(context, OF_A_TRAINING, "with --help-config")
        from vtkeras.cli.config_help import config_help

        return common.say("\n".join(config_help()))
    common.refuse_missing(data, captions)
    if data is not None and config is None:
        return _plan(data, captions, minutes or 20, out, override, resume)
    if minutes or captions:
        raise UserError(
            "--minutes and --captions go with --data and without --config: `vtkeras train --data FOLDER --minutes 20`."
        )
    chosen = common.read_config(config or "demo", data, override)
    from vtkeras.training.fit import train as run_training

    folder = writable_folder(out or Path("runs") / chosen.name)
    try:
        run_training(chosen, folder, resume=resume, report=common.say)
    except KeyboardInterrupt:
        if not (folder / CHECKPOINTS / LAST).exists():
            raise
        common.complain("interrupted; the same command with --resume goes on.")
        sys.exit(exit_code())
    common.say(f"trained: {folder}; next: {command('evaluate', folder)}; {command('export', folder)}")


def _plan(
    data: Path, captions: Path | None, minutes: float, out: Path | None, override: list[str], resume: bool
) -> None:
    if override or resume:
        raise UserError(
            "--set and --resume go with --config: a plan chooses the settings and writes them down, and one that was "
            "stopped begins again; leave them out."
        )
    folder = out or Path("runs") / re.sub(f"[{re.escape(PATTERN)}]", "_", data.resolve().name)
    if folder.resolve() == data.resolve():
        raise UserError(f"--out {folder} is the folder of the videos, which stays as it is: choose another.")
    if (folder / CHECKPOINTS).exists():
        return _export_plan(folder)
    from vtkeras.data.manifest import is_ingested

    if not captions and not is_ingested(data):
        from vtkeras.folders.listing import refuse_empty

        refuse_empty(data)  # before TensorFlow loads
    refuse_pattern(folder)
    folder = own_folder(folder, PLAN_TABLE, also=OF_EARLIER_PLANS if (folder / DATA).is_dir() else ())
    with locked(folder, "Another training"), leaving_nothing(folder, but=(f"{CHECKPOINTS}/*", f"{DATA}/*.tfrecord")):
        write_text(folder / PLAN_TABLE, "A plan was begun here: what it tries will stand in this file at its end.\n")
        from vtkeras.planning.clock import Clock
        from vtkeras.planning.plan import Plan
        from vtkeras.planning.prepare import ingested_folder

        clock = Clock(minutes, began=common.STARTED)
        table: list[str | Path] = ["--captions", captions] if captions else []
        made_by = command("train", "--data", data, *table, "--minutes", f"{minutes:g}", "--out", folder)
        stored = ingested_folder(data, captions, folder, clock, common.say)
        plan = Plan(stored, folder, clock, common.say, made_by=made_by)
        plan.run()
        _export(folder, plan.report)
        plan.tell_overtime()


def _export_plan(folder: Path) -> None:
    """Exports what a plan trained that was stopped before it was exported.

    Raises:
        UserError: for any other run.
    """
    exported = (folder / README).exists()  # which an export writes last
    if exported or not (folder / PLAN_TABLE).exists():
        export = "" if exported else f", or finish that one with {command('export', folder)}"
        raise UserError(f"{folder} already holds a run: choose another --out{export}.")
    common.say(f"{folder} holds a trained model, whose export was stopped: going on with that")
    with locked(writable_folder(folder), "Another training"):
        _export(folder, common.say)


def _export(folder: Path, report: Callable[[str], None]) -> None:
    from vtkeras.export import export_run

    export_run(folder, report=report)
    evaluate, predict = command("evaluate", folder), command("predict", "CLIP", "--model", folder)
    common.say(f"next: {evaluate}; {predict}; vtkeras dashboard")


@app.command()
def evaluate(
    run: common.RunFolder,
    data: common.DataFolder = None,
    split: Annotated[list[str], typer.Option(help="A split; repeatable; default all but train and validation.")] = [],  # noqa: B006
    compare: Annotated[list[Path], typer.Option(help="Another run to put into the table; repeatable.")] = [],  # noqa: B006
    by: Annotated[str | None, typer.Option(help="A column of the captions file to give figures by.")] = None,
    limit: Annotated[int | None, common.number_option("Examples of each split at most.", 1, 1_000_000_000)] = None,
    meteor: Annotated[bool, typer.Option(help="Score captions by METEOR too, where there is Java.")] = True,
    baseline_clips: Annotated[
        int, common.number_option("Training clips that baselines look at; more take longer.", 1, 1_000_000_000)
    ] = 2000,
    linear: Annotated[bool, typer.Option(help="Also linear models on features of a frozen ImageNet encoder.")] = False,
    judge: Annotated[
        Path | None, typer.Option(help="For generated video: a run that writes captions, to say what is on clips.")
    ] = None,
) -> None:
    """Puts the model beside baselines on the same examples; writes tables, classes and predictions.

    Those of another folder than the run's own data go to RUN/evaluations/NAME of the folder.
    """
    place = writable_folder(common.results_folder(run))
    common.refuse_missing(run, data, judge, *compare)
    for one in filter(None, (run, judge, *compare)):
        check_run(one)
    from vtkeras.evaluation.evaluate import evaluate as score_systems
    from vtkeras.evaluation.judges import with_judge
    from vtkeras.evaluation.tables import PredictionTable, to_markdown, write_results
    from vtkeras.export.saved_model import tell_results
    from vtkeras.training.run import Run, check_reads, make_source, open_judge

    opened = [Run.open(folder) for folder in (run, *compare)]
    for lacking in filter(None, (one.lacks for one in opened)):
        common.say(lacking)
    own = opened[0].config
    other = data is not None and data.resolve() != (own.data.path and Path(own.data.path).resolve())
    source = make_source(own if data is None else common.with_data(own, data))
    tested = _tested(source.splits())
    splits = list(split) or tested
    missing = [name for name in splits if name not in source.splits()]
    if missing or not splits:
        what = f"no split '{missing[0]}'" if missing else "no split to test on"
        raise UserError(f"The data have {what}: use --split with one of {', '.join(source.splits())}.")
    if splits == [keys.VALIDATION] and not split:
        chosen = "" if other else ", by which training chose, so that they may be too good"
        common.say(f"the data have no split to test on: figures are of the validation split{chosen}")
    if linear and all(head.needs_judge for one in opened for head in one.heads):
        raise UserError(f"--linear does nothing for a run of the task '{own.task}': leave it out.")
    found = None
    if any(head.needs_judge for one in opened for head in one.heads):
        if judge:
            for maker in opened:
                check_reads("--judge", judge, maker.preprocessor.vocabulary, "leave --judge out")
        judge = judge or _shipped_judge(own)
        found = open_judge(judge) if judge else None
        common.say(f"judge: {judge or 'none, name a run that writes captions with --judge'}")
        choosers = [run_folder(one.config.model.reranker).resolve() for one in opened if one.config.model.reranker]
        if judge and run_folder(judge).resolve() in choosers:
            common.say("the judge chose among the drafts, too, and finds more right than others do: name another one")
    elif judge:
        raise UserError(f"--judge does nothing for a run of the task '{own.task}': leave it out.")
    titles = [one.title for one in opened]
    systems = {
        one.title if titles.count(one.title) == 1 else f"{one.title}, {one.folder}": with_judge(one.reader(), found)
        for one in opened
    }
    table = PredictionTable()
    training = None if keys.TRAIN in source.splits() else _own_source(own)
    with progress_bar() as bar:
        results = score_systems(
            systems, source, opened[0].preprocessor, splits, baseline_clips, limit, report=common.say, by=by,
            meteor=meteor and _meteor_runs(), keep=table.add, progress=bar,
            train_source=training, more=_linear(training or source, source) if linear else None,
        )  # fmt: skip
    out, of_data = place, {}
    if other and data:
        out, of_data = writable_folder(_place_for(place / EVALUATIONS, data)), {CLIPS: str(data.resolve())}
    whole = limit is None and {*tested} <= {*splits}
    write_results({**results, **of_data, WEIGHTS: opened[0].digest, WHOLE: whole}, out)
    table.write(out)
    if whole:
        tell_results(out)
    common.say(to_markdown(results))
    if other:
        common.say(f"written to {out}: those of the run's own data stay as they were")


def _tested(splits: list[str]) -> list[str]:
    """The splits to test on: those that training does not see; where there is none, the one that it only chooses by."""
    others = [name for name in splits if name not in (keys.TRAIN, keys.VALIDATION)]
    return others or [name for name in splits if name == keys.VALIDATION]


def _place_for(evaluations: Path, data: Path) -> Path:
    """Where figures of a folder go: by its name, and by its path too where another folder of that name has its own."""
    from vtkeras.export.saved_model import results_of

    place, clips = evaluations / _name_of(data), str(data.resolve())
    if results_of(place).get(CLIPS, clips) == clips:
        return place
    return place.with_name(f"{place.name}-{hashlib.sha256(os.fsencode(clips)).hexdigest()[:6]}")


def _name_of(data: Path) -> str:
    """What clips are called: by their folder, and those that a plan stored by the folder of its run."""
    place = data.resolve()
    of_run = any((place.parent / name).exists() for name in (CONFIG_FILE, PLAN_TABLE))
    return place.parent.name if of_run and place.parent.name else place.name


def _linear(training: Source, source: Source) -> dict:
    from vtkeras.linear.models import TITLE, LinearBaseline

    return {TITLE: LinearBaseline(training, source, report=common.say)}


def _own_source(config: Config) -> Source | None:
    """The run's own data, for baselines on a folder that has no training split; None if they are not there."""
    from vtkeras.data.sources import make_source

    try:
        return make_source(config)
    except UserError as error:
        print(f"no baselines: the folder has no split 'train', and the run's own is not there ({error})",
              file=sys.stderr, flush=True)  # fmt: skip
        return None


@app.command()
def score(
    references: Annotated[Path, typer.Argument(help="CSV (id, reference; a row each) or JSON: every right text.")],
    predictions: Annotated[Path, typer.Argument(help="CSV (id, prediction) or JSON: one text for each id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    meteor: Annotated[bool, typer.Option(help="Score by METEOR too, where there is Java.")] = True,
) -> None:
    """Scores texts against references: BLEU-1 to 4, ROUGE-L, METEOR, CIDEr-D, exact match and more."""
    common.refuse_missing(references, predictions)
    from vtkeras.evaluation.score import score_files, to_json, to_lines

    found = score_files(references, predictions, meteor and _meteor_runs(), note=_to_stderr)
    if as_json:
        common.say(to_json(found))
    else:
        common.say_lines(to_lines(found))


@app.command("score-video")
def score_video(
    reference: Annotated[Path, typer.Argument(help="A video or image file, or a folder of them.")],
    candidate: Annotated[Path, typer.Argument(help="What to score: a file, or a folder with files of the same names.")],
    as_json: Annotated[Path | None, common.file_option("Write the figures, and those of each clip.", "--json")] = None,
) -> None:
    """Scores clips beside references: PSNR, SSIM, MS-SSIM, perceptual distance, and Frechet distance of many."""
    common.refuse_missing(reference, candidate)
    from vtkeras.evaluation.videos import score_videos, to_lines, to_values

    with progress_bar() as bar:
        found = score_videos(reference, candidate, note=_to_stderr, progress=bar)
    common.say_lines(to_lines(found))
    if as_json:
        write_json(as_json, to_values(found))
    for refused in found.left_out:
        common.complain(refused)
    if found.left_out:
        raise typer.Exit(2)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@app.command("compare-fusions")
def compare_fusions(
    config: common.ConfigName = "statements",
    data: common.DataFolder = None,
    out: Annotated[Path, common.folder_option("Where the runs and the table go.")] = Path("runs/fusions"),
    override: common.Overrides = [],  # noqa: B006
    fusion: Annotated[list[str], typer.Option(help="A fusion; repeatable; default all.")] = [],  # noqa: B006
    limit: Annotated[int | None, common.number_option("Test examples at most.", 1, 1_000_000_000)] = None,
) -> None:
    """Trains one experiment with every fusion alike (early, late, co- and cross-attention), in one table."""
    common.refuse_missing(data)
    chosen = common.read_config(config, data, override)
    from vtkeras.evaluation.tables import to_markdown
    from vtkeras.training.fusions import compare_fusions as compare

    common.say(to_markdown(compare(chosen, out, fusion, limit=limit, report=common.say)))


@app.command()
def export(
    run: common.RunFolder,
    out: Annotated[Path | None, typer.Option(help="Where to; default the run folder itself.")] = None,
    compiled: Annotated[bool, typer.Option(help="Let XLA compile captions: the first call is slow.")] = False,
    keras_file: Annotated[bool, typer.Option(help="Also write the .keras file.")] = True,
) -> None:
    """Writes the SavedModel, the .keras file and sample clips of a run."""
    writable_folder(out or run)
    common.refuse_missing(run)
    check_run(run)
    if out and out.resolve() != run_folder(run).resolve():
        refuse_pattern(out)
        own_folder(out, VOCABULARY_FILE)
        if (out / CHECKPOINTS).exists():
            raise UserError(f"{out} holds another run, which would be mixed with this one: choose another --out.")
    from vtkeras.export import export_run

    export_run(run, out, report=common.say, compiled=compiled, keras_file=keras_file)


def _shipped_judge(config: Config) -> Path | None:
    """The shipped model that writes captions of the data that a run was trained on, if there is one."""
    found = shipped("saved_models") / common.SHIPPED_MODEL[0] / config.data.source
    return found if found.is_dir() else None


def _meteor_runs() -> bool:
    """True if METEOR can be computed; says why where it cannot."""
    from vtkeras.metrics.meteor import java_command

    try:
        java_command()
    except UserError as error:
        print(f"left out: {error}", file=sys.stderr, flush=True)
        return False
    return True
