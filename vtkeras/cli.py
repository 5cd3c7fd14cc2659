"""The command line: `vtkeras data | train | evaluate | export | predict | explain | summarize | dashboard | demo`.

Heavy imports happen inside the commands, so that help and mistakes in options show at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vtkeras.config import Config, load_config, shipped_configs
from vtkeras.errors import UserError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
data_app = typer.Typer(no_args_is_help=True, help="Make, ingest and check data.")
app.add_typer(data_app, name="data")

RunFolder = Annotated[Path, typer.Argument(help="A run folder that `vtkeras train` made.")]
ConfigName = Annotated[
    str, typer.Option("--config", help=f"A YAML file, or one of: {', '.join(shipped_configs())}.")
]
Overrides = Annotated[list[str], typer.Option("--set", help="key=value, e.g. train.batch_size=16; repeatable.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="A folder that `vtkeras data ingest` made.")]

SHIPPED_MODEL = Path("saved_models/multitask/moving_digits")


def main() -> None:
    """Runs the command line; a `UserError` becomes one sentence and exit code 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", module="keras")  # advice to programmers, not to users
    try:
        app()
    except UserError as error:
        print(f"vtkeras: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("vtkeras: interrupted; run the command again (train: with --resume) to go on.", file=sys.stderr)
        sys.exit(130)


def say(line: str) -> None:
    """Prints a line of progress at once."""
    print(line, flush=True)


@data_app.command("ingest")
def data_ingest(
    folder: Annotated[Path, typer.Argument(help="Folder of videos and images.")],
    captions: Annotated[Path, typer.Option(help="CSV (path, caption, ...) or MSR-VTT style JSON.")],
    out: Annotated[Path, typer.Option(help="Where the TFRecord shards go.")],
    frames: Annotated[int, typer.Option(help="Frames stored of each clip.")] = 16,
    max_side: Annotated[int, typer.Option(help="Longest side of a stored frame, in pixels.")] = 128,
    seed: Annotated[int, typer.Option(help="Makes the splits where the captions file gives none.")] = 0,
) -> None:
    """Decodes a folder of videos once; run it again to go on after an interruption."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from vtkeras.data.ingest import ingest

    figures = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(
        TextColumn("ingesting"), *figures, TextColumn("{task.description}"), console=Console(stderr=True)
    )
    task = bar.add_task("", total=None)

    def show(done: int, total: int, note: str) -> None:
        bar.start()  # not before: what is wrong with the input is told first, alone
        bar.update(task, completed=done, total=total, description=note[:60])

    try:
        manifest = ingest(folder, captions, out, num_frames=frames, max_side=max_side, seed=seed, progress=show)
    finally:
        if bar.live.is_started:
            bar.stop()
    for split in manifest.splits:
        say(f"{split}: {manifest.clips(split)} clips, {manifest.examples(split)} examples")
    for path, reason in manifest.set_aside:
        say(f"set aside {path}: {reason}")
    for path, reason in manifest.partial:
        say(f"incomplete {path}: {reason}")
    say(f"ready: vtkeras train --config video_folder --data {out} --out runs/{out.name}")


@data_app.command("verify")
def data_verify(folder: Annotated[Path, typer.Argument(help="A folder that `vtkeras data ingest` made.")]) -> None:
    """Checks counts and checksums of an ingested folder."""
    from vtkeras.data.shards import verify

    manifest = verify(folder)
    clips = sum(map(manifest.clips, manifest.splits))
    say(f"{folder}: {len(manifest.shards)} shards, {clips} clips, all checksums hold")


@data_app.command("check")
def data_check(
    folder: Annotated[Path, typer.Argument(help="A folder that `vtkeras data ingest` made.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Reports clips that look black, dark, over-exposed, blurred or frozen; deletes nothing."""
    from rich.progress import Progress

    from vtkeras.data.quality import check, to_json, to_lines
    from vtkeras.data.shards import Manifest

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("checking", total=None)
        findings = check(folder, progress=lambda done, total, _: bar.update(task, completed=done, total=total))
    manifest = Manifest.load(folder)
    say(to_json(findings, manifest) if as_json else "\n".join(to_lines(findings, manifest)))


@data_app.command("vqa")
def data_vqa(
    folder: Annotated[Path, typer.Argument(help="Folder of images or videos.")],
    questions: Annotated[Path, typer.Option(help="VQA's questions, JSON.")],
    annotations: Annotated[Path, typer.Option(help="VQA's annotations, JSON.")],
    out: Annotated[Path, typer.Option(help="The captions file to write.")] = Path("captions.csv"),
) -> None:
    """Writes questions in VQA's form, with all their answers, as a captions file for `data ingest`."""
    from vtkeras.data.vqa import convert

    count = convert(questions, annotations, folder, out)
    say(f"{out}: {count} questions; next: vtkeras data ingest {folder} --captions {out} --out data/{folder.name}")


@data_app.command("make")
def data_make(
    out: Annotated[Path, typer.Option(help="Where the videos and captions.csv go.")] = Path("data/moving_digits"),
    clips: Annotated[int, typer.Option(min=3, help="How many clips.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed makes other clips.")] = 0,
) -> None:
    """Writes clips of the embedded data `moving_digits` as mp4 files with a captions.csv, ready to ingest."""
    from vtkeras.data.make import make_videos

    make_videos(out, clips, seed, report=say)


@data_app.command("make-long")
def data_make_long(
    out: Annotated[Path, typer.Option(help="Where videos and annotations.json go.")] = Path("data/long_digits"),
    videos: Annotated[int, typer.Option(min=1, help="How many videos.")] = 20,
    scenes: Annotated[int, typer.Option(min=2, help="Shots of two seconds in a video.")] = 40,
    seed: Annotated[int, typer.Option(help="Another seed makes other videos.")] = 0,
    lag: Annotated[float, typer.Option(min=0.0, help="Seconds the narrator is behind the picture.")] = 0.0,
) -> None:
    """Writes long videos with known important parts: mp4 files, transcripts and simulated opinions."""
    from vtkeras.data.make import make_long_videos

    make_long_videos(out, videos, scenes, seed, lag, report=say)


@app.command()
def train(
    config: ConfigName = "demo",
    data: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; default runs/<name of the config>.")] = None,
    override: Overrides = [],  # noqa: B006  typer reads the default, nothing changes it
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
    help_config: Annotated[bool, typer.Option("--help-config", help="List every config key and stop.")] = False,
) -> None:
    """Trains a model on all devices there are."""
    if help_config:
        return _list_config_keys()
    chosen = _config(config, data, override)
    from vtkeras.training.fit import train as run_training

    folder = out or Path("runs") / chosen.name
    run_training(chosen, folder, resume=resume, report=say)
    say(f"trained: {folder}; next: vtkeras evaluate {folder}; vtkeras export {folder}")


@app.command()
def evaluate(
    run: RunFolder,
    data: DataFolder = None,
    split: Annotated[list[str], typer.Option(help="A split; repeatable; default test.")] = ["test"],  # noqa: B006
    compare: Annotated[list[Path], typer.Option(help="Another run to put into the table; repeatable.")] = [],  # noqa: B006
    limit: Annotated[int | None, typer.Option(min=1, help="Examples of each split at most.")] = None,
    meteor: Annotated[bool, typer.Option(help="Score captions by METEOR too, where there is Java.")] = True,
) -> None:
    """Puts the model beside baselines on the same examples; writes tables, classes and predictions."""
    from vtkeras.tasks.evaluate import evaluate as score_systems
    from vtkeras.tasks.evaluate import to_markdown, write_results
    from vtkeras.tasks.predictions import PredictionTable
    from vtkeras.training.run import Run, make_source

    opened = [Run.open(folder) for folder in (run, *compare)]
    config = opened[0].config if data is None else _with_data(opened[0].config, data)
    source = make_source(config)
    missing = [name for name in split if name not in source.splits()]
    if missing:
        raise UserError(f"The data have no split '{missing[0]}': use one of {', '.join(source.splits())}.")
    systems = {f"{one.config.name} ({one.config.model.fusion})": one.decoder() for one in opened}
    table = PredictionTable()
    results = score_systems(
        systems, source, opened[0].preprocessor, list(split), limit=limit, report=say,
        meteor=meteor and _meteor_runs(), keep=table.add,
    )  # fmt: skip
    write_results(results, run)
    table.write(run)
    say(to_markdown(results))


@app.command()
def score(
    references: Annotated[Path, typer.Argument(help="CSV (id, reference; a row each) or JSON: every right text.")],
    predictions: Annotated[Path, typer.Argument(help="CSV (id, prediction) or JSON: one text for each id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    meteor: Annotated[bool, typer.Option(help="Score by METEOR too, where there is Java.")] = True,
) -> None:
    """Scores texts against references: BLEU-1 to 4, ROUGE-L, METEOR, CIDEr-D, exact match and more."""
    from vtkeras.tasks.score import score_files, to_json, to_lines

    found = score_files(references, predictions, meteor=meteor and _meteor_runs())
    say(to_json(found) if as_json else "\n".join(to_lines(found)))


@app.command("compare-fusions")
def compare_fusions(
    config: ConfigName = "statements",
    data: DataFolder = None,
    out: Annotated[Path, typer.Option(help="Where the runs and the table go.")] = Path("runs/fusions"),
    override: Overrides = [],  # noqa: B006
    fusion: Annotated[list[str], typer.Option(help="A fusion; repeatable; default all.")] = [],  # noqa: B006
    limit: Annotated[int | None, typer.Option(min=1, help="Test examples at most.")] = None,
) -> None:
    """Trains one experiment with every fusion alike (early, late, co- and cross-attention), in one table."""
    chosen = _config(config, data, override)
    from vtkeras.tasks.evaluate import to_markdown
    from vtkeras.training.fusions import compare_fusions as compare

    say(to_markdown(compare(chosen, out, fusion, limit=limit, report=say)))


@app.command()
def export(
    run: RunFolder,
    out: Annotated[Path | None, typer.Option(help="Where to; default the run folder itself.")] = None,
    compiled: Annotated[bool, typer.Option(help="Let XLA compile captions: the first call is slow.")] = False,
) -> None:
    """Writes the SavedModel, the .keras file and sample clips of a run."""
    from vtkeras.export import export_run

    export_run(run, out, report=say, compiled=compiled)


@app.command()
def predict(
    video: Annotated[Path, typer.Argument(help="A video or image file.")],
    question: Annotated[list[str], typer.Option(help="A question about the video; repeatable.")] = [],  # noqa: B006
    choice: Annotated[list[str], typer.Option(help="An answer to choose from; repeatable.")] = [],  # noqa: B006
    model: Annotated[Path, typer.Option(help="A run folder with an exported model.")] = SHIPPED_MODEL,
    start: Annotated[float | None, typer.Option(help="Seconds where to begin.")] = None,
    end: Annotated[float | None, typer.Option(help="Seconds where to end.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write where each word looked as a PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    decode: Annotated[str, typer.Option(help="How to write: greedy, beam or sample.")] = "greedy",
    beams: Annotated[int | None, typer.Option(help="beam: texts side by side, 1 to 64; default 4.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="beam: more favours longer ones; 0.6.")] = None,
    temperature: Annotated[float | None, typer.Option(help="sample: 0 takes no chances; default 1.")] = None,
    top_k: Annotated[int | None, typer.Option(help="sample: among the k likeliest; default 0, all.")] = None,
    top_p: Annotated[float | None, typer.Option(help="sample: among those that sum to p; default 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="sample: same seed, same text; default 0.")] = None,
    min_length: Annotated[int | None, typer.Option(help="Word pieces at least.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Word pieces at most, the end counted.")] = None,
    no_repeat: Annotated[int | None, typer.Option(help="No n word pieces in a row come twice.")] = None,
    dense: Annotated[bool, typer.Option("--dense", help="Tell what happens, and when.")] = False,
    window: Annotated[float | None, typer.Option(help="With --dense: seconds to read at once.")] = None,
    vtt: Annotated[Path | None, typer.Option(help="With --dense: write the events as WebVTT.")] = None,
) -> None:
    """Describes a video, and answers questions about it, with an exported model."""
    if dense:
        return _predict_dense(video, model, window, vtt, as_json)
    from vtkeras.serving.decoding import choose_decoding

    limits = {"min_length": min_length, "max_length": max_length, "no_repeat": no_repeat}
    chances = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    decoding = choose_decoding(decode, beams=beams, length_penalty=length_penalty, **chances, **limits)

    from vtkeras.serving.describe import describe, save_picture, to_json, to_lines

    found = describe(model, video, question, start, end, decoding, choice)
    say(to_json(found) if as_json else "\n".join(to_lines(found)))
    if picture:
        save_picture(found, picture)
        say(f"picture: {picture}")


@app.command()
def explain(
    video: Annotated[Path, typer.Argument(help="A video or image file.")],
    question: Annotated[str | None, typer.Option(help="Explain the answer to this, not the caption.")] = None,
    caption: Annotated[str | None, typer.Option(help="Explain a caption of your own, not the model's.")] = None,
    word: Annotated[str | None, typer.Option(help="A word, or its number from 1; default all.")] = None,
    method: Annotated[str, typer.Option(help="mean or rollout.")] = "mean",
    layer: Annotated[int | None, typer.Option(min=1, help="One layer of `mean`.")] = None,
    head: Annotated[int | None, typer.Option(min=1, help="One head of `mean`.")] = None,
    orders: Annotated[int, typer.Option(min=2, help="Random orders to compare with.")] = 20,
    model: Annotated[Path, typer.Option(help="A run folder with an exported model.")] = SHIPPED_MODEL,
    start: Annotated[float | None, typer.Option(help="Seconds where to begin.")] = None,
    end: Annotated[float | None, typer.Option(help="Seconds where to end.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for PNG, GIF, mp4 and JSON files.")] = None,
) -> None:
    """Shows where a model looked for each word, and whether that is what the word rests on."""
    from rich.progress import Progress

    from vtkeras.serving import pictures
    from vtkeras.serving.explanation import judge
    from vtkeras.serving.predictor import Predictor

    predictor = Predictor(model)
    found = pictures.explain_video(predictor, video, question, caption, start, end)
    maps = found.maps(method, layer and layer - 1, head and head - 1)
    words = pictures.find_words(found, word)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("taking patches out", total=None)
        judged = judge(
            predictor, found, maps, words, orders,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    by_word = dict(zip(words, judged))
    say("\n".join(pictures.to_lines(found, by_word)))
    if out:
        chosen = " ".join([method, *(f"{n} {i}" for n, i in (("layer", layer), ("head", head)) if i)])
        numbers = pictures.to_json(predictor.info, str(video), found, chosen, maps, by_word)
        pictures.save(out, found, maps, words, numbers, report=say)


@app.command("evaluate-attention")
def evaluate_attention(
    run: Annotated[Path, typer.Argument(help="A run folder with an exported model.")],
    data: DataFolder = None,
    split: Annotated[str, typer.Option(help="A split.")] = "test",
    clips: Annotated[int, typer.Option(min=1, help="Clips at most.")] = 50,
    orders: Annotated[int, typer.Option(min=2, help="Random orders to compare with.")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Points of each curve.")] = 16,
    out: Annotated[Path | None, typer.Option(help="Folder for attention.json and .md; default the run.")] = None,
) -> None:
    """Measures whether attention and rollout are faithful, beside random orders; goes on after a stop."""
    from vtkeras.serving.faithfulness import evaluate as judge_clips
    from vtkeras.serving.faithfulness import to_markdown
    from vtkeras.serving.predictor import Predictor
    from vtkeras.training.run import make_source

    predictor = Predictor(run)
    config = predictor.config if data is None else _with_data(predictor.config, data)
    source = make_source(config)
    if split not in source.splits():
        raise UserError(f"The data have no split '{split}': use one of {', '.join(source.splits())}.")
    taken = source.load(split).take(clips).as_numpy_iterator()
    examples = ((example["frames"], example["question"].decode()) for example in taken)
    settings = {"data": config.data.model_dump(mode="json"), "split": split}
    say(to_markdown(judge_clips(predictor, examples, settings, out or run, orders, steps, report=say)))


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
    with _progress_bar() as show:
        found = run(video, model, folder, transcript, options, show)
    say(to_text(found).rstrip())
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".jsonl")
    say(f"in {folder}: {', '.join(names)}")


AnnotatedFolder = Annotated[Path, typer.Argument(help="A folder of videos with an annotations.json.")]


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
    with _progress_bar() as show:
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

    with _progress_bar() as show:
        videos = read_annotated(folder, Predictor(model), show)
    say(to_markdown(evaluate_scorers(videos, SCORERS, learned_scorers(epochs, seed), splits, seed, report=say)))


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Opens the Streamlit dashboard."""
    _serve(port, address)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where runs go.")] = Path("runs"),
    serve: Annotated[bool, typer.Option(help="Open the dashboard at the end.", envvar="DEMO_SERVE")] = True,
    port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8501,
) -> None:
    """The whole walk on the embedded data: make, train, evaluate, export, dashboard. Reuses what is done."""
    from vtkeras.demo import run_demo

    run_demo(out, report=say)
    if serve:
        _serve(port, "127.0.0.1")
    else:
        say(f"the dashboard would be served at http://127.0.0.1:{port} (vtkeras dashboard)")


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, float, float], None]]:
    """A bar with the time left, which appears once there is something to show."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        bar = Progress(*columns, console=Console(stderr=True))
        tasks = {}

        def show(stage: str, done: float, total: float) -> None:
            if not tasks:  # not before: what is wrong with the input is told first, alone
                stack.enter_context(bar)
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show


def _meteor_runs() -> bool:
    """True if METEOR can be computed; says why where it cannot."""
    from vtkeras.metrics.meteor import java_command

    try:
        java_command()
    except UserError as error:
        print(f"left out: {error}", file=sys.stderr, flush=True)
        return False
    return True


def _predict_dense(video: Path, model: Path, window: float | None, vtt: Path | None, as_json: bool) -> None:
    from vtkeras.serving.dense import find_events, save_webvtt, to_json, to_lines
    from vtkeras.serving.predictor import Predictor

    predictor = Predictor(model)
    with _progress_bar() as show:
        events = find_events(predictor, video, window, progress=lambda *done: show("reading", *done))
    say(to_json(events, str(video), predictor.info) if as_json else "\n".join(to_lines(events)))
    if vtt:
        save_webvtt(events, vtt)
        print(f"subtitles: {vtt}", file=sys.stderr)


def _config(name: str, data: Path | None, overrides: list[str]) -> Config:
    config = load_config(name, overrides)
    return config if data is None else _with_data(config, data)


def _with_data(config: Config, data: Path) -> Config:
    chosen = config.data.model_copy(update={"source": "folder", "path": str(data), "options": {}})
    return config.model_copy(update={"data": chosen})


def _list_config_keys() -> None:
    for part in ("data", "model", "train"):
        options = Config.model_fields[part].annotation
        for name, option in options.model_fields.items():
            default = option.get_default(call_default_factory=True)
            say(f"{part}.{name} = {default!r}\n    {option.description}")


def _serve(port: int, address: str) -> None:
    page = Path(__file__).parent.parent / "dashboards" / "app.py"
    if not page.is_file():
        raise UserError(f"The dashboard's pages are not at {page.parent}: run vtkeras from a checkout of the project.")
    say(f"dashboard: http://{address}:{port}")
    command = [sys.executable, "-m", "streamlit", "run", str(page), "--server.port", str(port)]
    sys.exit(subprocess.call([*command, "--server.address", address, "--server.headless", "true"]))
