"""`vtkeras data`: make, ingest, check and clean data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli import common
from vtkeras.cli.progress import progress_bar
from vtkeras.config import load_options
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.errors import command
from vtkeras.path_checks import own_folder
from vtkeras.run_files import CAPTIONS_FILE, LABELS_TABLE

app = typer.Typer(no_args_is_help=True, help="Make, ingest, check and clean data.")


@app.command("ingest")
def data_ingest(
    folder: Annotated[Path, typer.Argument(help="Folder of videos and images.")],
    out: Annotated[Path, common.folder_option("Where the TFRecord shards go.")],
    captions: Annotated[
        Path | None,
        typer.Option(
            help="CSV, TSV or JSON (path, caption, ...), or as of MSR-VTT or COCO; default the folder's own, else the "
            "names of its subfolders are the labels."
        ),
    ] = None,
    frames: Annotated[int, common.number_option("Frames stored of each clip.", 1, 4096)] = 16,
    max_side: Annotated[int, common.number_option("Longest side of a stored frame, in pixels.", 1, 16_384)] = 128,
    seed: Annotated[int, common.seed_option("Makes the splits where the captions file gives none.")] = 0,
    missing: Annotated[
        list[str],
        typer.Option(
            help="COLUMN=WAY for empty cells of caption, question, answer or label: leave, drop, common or fill:TEXT; "
            "repeatable."
        ),
    ] = [],  # noqa: B006
) -> None:
    """Decodes a folder of videos once; run it again to go on after an interruption."""
    common.refuse_missing(folder, captions)
    from vtkeras.data.ingest import ingest
    from vtkeras.data.missing import read_ways

    ways = read_ways(missing)
    with _table(folder, captions, out) as table, progress_bar() as bar:
        manifest = ingest(
            folder,
            table,
            out,
            num_frames=frames,
            max_side=max_side,
            seed=seed,
            progress=partial(bar, "ingesting"),
            note=common.say,
            missing=ways,
        )
    for split in manifest.splits:
        common.say(f"{split}: {manifest.clips(split)} clips, {manifest.examples(split)} examples")
    common.say_lines(f"set aside {path}: {reason}" for path, reason in manifest.set_aside)
    common.say_lines(f"incomplete {path}: {reason}" for path, reason in manifest.partial)
    if len(manifest.set_aside) > manifest.stored:
        common.say(f"note: most clips are set aside: {len(manifest.set_aside)}, and {manifest.stored} are stored")
    if manifest.passing:
        common.say(f"note: clips that may be readable later: {manifest.passing}; the same command tries them again")
    one_label = ("--set", "model.single_label=true") if table == out / LABELS_TABLE else ()  # that of its subfolder
    train = command("train", "--config", "video_folder", "--data", out, *one_label, "--out", Path("runs") / out.name)
    common.say(f"ready: {train}")


@contextmanager
def _table(folder: Path, captions: Path | None, out: Path) -> Iterator[Path]:
    """The table that is given, or else found; one that is made of subfolders stays in `out` once clips are stored."""
    if captions is not None:
        yield captions
        return
    from vtkeras.data.ingest import PLAN, check_folder
    from vtkeras.planning.folder_tables import needed_table

    check_folder(folder)
    table = needed_table(folder, own_folder(out, PLAN, also=(LABELS_TABLE,)), common.say)
    common.say(f"reading {folder} with {table}")
    try:
        yield table
    finally:
        if table.parent == out and not (out / PLAN).exists():
            table.unlink()


@app.command("verify")
def data_verify(folder: Annotated[Path, typer.Argument(help="A folder that `vtkeras data ingest` made.")]) -> None:
    """Checks counts and checksums of an ingested folder."""
    common.refuse_missing(folder)
    from vtkeras.data.shards import verify

    manifest = verify(folder)
    dropped = f", {len(manifest.cleaning.clips)} of them left out" if manifest.cleaning.clips else ""
    common.say(f"{folder}: {len(manifest.shards)} shards, {manifest.stored} clips{dropped}, all checksums hold")


@app.command("check")
def data_check(
    folder: Annotated[Path, typer.Argument(help="A folder that `vtkeras data ingest` made.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Reports clips that look black, dark, over-exposed, blurred or frozen; deletes nothing."""
    common.refuse_missing(folder)
    from vtkeras.data.manifest import Manifest
    from vtkeras.data.quality import check, to_json, to_lines

    with progress_bar() as bar:
        findings = check(folder, progress=lambda done, total, _: bar("checking", done, total))
    manifest = Manifest.load(folder)
    if as_json:
        common.say(to_json(findings, manifest))
    else:
        common.say_lines(to_lines(findings, manifest))


@app.command("clean")
def data_clean(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder that `vtkeras data ingest` made.")],
    config: Annotated[Path | None, typer.Option(help="YAML file with thresholds; see docs/cleaning.md.")] = None,
    overrides: Annotated[list[str], typer.Option("--set", help="key=value, e.g. sharpness=2000; repeatable.")] = [],  # noqa: B006
    again: Annotated[bool, typer.Option("--again", help="Judge also what was put back.")] = False,
    put_back: Annotated[
        list[str], typer.Option("--restore", help="Put back a CLIP, a REASON or all, and check nothing; repeatable.")
    ] = [],  # noqa: B006
) -> None:
    """Marks faulty and doubled clips and bad captions, which are then left out; deletes nothing."""
    common.refuse_missing(folder, config)
    if put_back:
        common.refuse_unused(context, ["config", "overrides", "again"], "with --restore")
    options = load_options(CleaningOptions, config, overrides)
    if put_back:
        from vtkeras.data.cleaning.report import summary
        from vtkeras.data.cleaning.restore import restore

        common.say(f"{folder}: {summary(restore(folder, put_back))}")
        return
    from vtkeras.data.cleaning.clean import clean
    from vtkeras.data.cleaning.report import REPORT_TABLE, to_lines

    with progress_bar() as bar:
        manifest = clean(folder, options, again, bar)
    common.say_lines(to_lines(manifest))
    if manifest.cleaning.dropped:
        undo = command("data", "clean", folder, "--restore", "all")
        common.say(f"{folder / REPORT_TABLE} lists them; this puts them back: {undo}")


@app.command("vqa")
def data_vqa(
    folder: Annotated[Path, typer.Argument(help="Folder of images or videos.")],
    questions: Annotated[Path, typer.Option(help="VQA's questions, JSON.")],
    annotations: Annotated[Path, typer.Option(help="VQA's annotations, JSON.")],
    out: Annotated[Path, common.file_option("The captions file to write.")] = Path(CAPTIONS_FILE),
) -> None:
    """Writes questions in VQA's form, with all their answers, as a captions file for `data ingest`."""
    common.refuse_missing(questions, annotations, folder)
    from vtkeras.data.vqa import convert

    count = convert(questions, annotations, folder, out)
    ingest = command("data", "ingest", folder, "--captions", out, "--out", Path("data") / folder.name)
    common.say(f"{out}: {count} questions; next: {ingest}")


@app.command("make")
def data_make(
    out: Annotated[Path, common.folder_option("Where the videos and captions.csv go.")] = Path("data/moving_digits"),
    clips: Annotated[int, common.number_option("How many clips.", 3, 1_000_000)] = 60,
    seed: Annotated[int, common.seed_option("Another seed makes other clips.")] = 0,
) -> None:
    """Writes clips of the embedded data `moving_digits` as mp4 files with a captions.csv, ready to ingest."""
    from vtkeras.data.make import make_videos

    make_videos(out, clips, seed, report=common.say)


@app.command("make-long")
def data_make_long(
    out: Annotated[Path, common.folder_option("Where videos and annotations.json go.")] = Path("data/long_digits"),
    videos: Annotated[int, common.number_option("How many videos.", 1, 100_000)] = 20,
    scenes: Annotated[int, common.number_option("Shots of two seconds in a video.", 2, 100_000)] = 40,
    seed: Annotated[int, common.seed_option("Another seed makes other videos.")] = 0,
    lag: Annotated[float, common.number_option("Seconds the narrator is behind the picture.", 0, 3600)] = 0.0,
    remarks: Annotated[bool, typer.Option("--remarks", help="The narrator remarks on what no picture shows.")] = False,
) -> None:
    """Writes long videos with known important parts: mp4 files, transcripts and simulated opinions."""
    from vtkeras.data.make import make_long_videos

    make_long_videos(out, videos, scenes, seed, lag, remarks, report=common.say)
