"""`vtkeras tag`: words for any video, with no training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli.common import number_option, refuse_both_forms, refuse_unused, say_lines, shown
from vtkeras.data.text_files import read_text
from vtkeras.errors import UserError
from vtkeras.pretrained.packages import PACKAGES, checked_files

LISTS = (".txt", ".csv", ".tsv")  # endings of files of labels, and of no label
app = typer.Typer()


@app.command()
def tag(
    context: typer.Context,
    videos: Annotated[list[Path], typer.Argument(help="Video or image files, or folders of them.", metavar="VIDEO...")],
    labels: Annotated[
        str | None, typer.Option(help='Your own, zero-shot: "dog,cat,car", or a file with one a line; 16 languages.')
    ] = None,
    find: Annotated[str | None, typer.Option(help="A text: which videos are nearest to it, and where.")] = None,
    encoder: Annotated[
        str, typer.Option(help="efficientnet_lite0, or efficientnet_lite2: better, half as fast.")
    ] = "efficientnet_lite0",
    sentences: Annotated[str, typer.Option(help="use: 16 languages; minilm: English.")] = "use",
    frames: Annotated[int, number_option("Frames to look at, at most.", 1, 4096)] = 16,
    most: Annotated[int, number_option("Names, and labels, to show, at most.", 1, 1000)] = 5,
    least: Annotated[float, number_option("Probability of a name, at least.", 0, 1)] = 0.1,
    start: Annotated[float | None, number_option("Seconds where to begin.", 0, 1e7)] = None,
    end: Annotated[float | None, number_option("Seconds where to end.", 0, 1e7)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; an array for several videos.")] = False,
    as_json_lines: Annotated[bool, typer.Option("--json-lines", help="Print a line of JSON for each video.")] = False,
) -> None:
    """Names what is on videos and images, out of ImageNet's 1,000 names and your own labels."""
    refuse_both_forms(as_json, as_json_lines)
    texts = _labels(labels) if labels is not None else []
    if not texts and find is None:
        refuse_unused(context, ["sentences"], "without --labels and --find")
    if find is not None and not find.strip():
        raise UserError("--find is empty: give it a text, e.g. 'a dog on the beach'.")
    from vtkeras.folders.listing import media_files

    videos = media_files(videos)
    needed = {encoder, "imagenet_names", *([sentences] if texts or find else [])}
    for name in needed & set(PACKAGES):
        checked_files(name)  # before TensorFlow loads
    from vtkeras.tagging.report import Reporter, to_lines, to_values
    from vtkeras.tagging.tagger import Tag, Tagger

    tagger = Tagger(encoder)
    report = Reporter(tagger.names, texts, find, sentences)
    ranked: list[tuple[Tag, str]] = []  # no more is kept of a video: there may be many
    with shown(videos, as_json, as_json_lines) as (show, set_aside):
        for video in videos:
            with set_aside():
                one = report(tagger(video, frames, start, end))
                show(str(video), to_values(one, encoder, most, least), to_lines(one, most, least))
                ranked += [(one.found, one.tagged.video)] if one.found else []
        ranked.sort(key=lambda one: -one[0].score)
        if len(ranked) > 1 and not (as_json or as_json_lines):
            lines = (f"{video}: {found.score:.2f} at {found.seconds:.1f} s" for found, video in ranked)
            say_lines([f'nearest to "{find}":', *lines])


def _labels(given: str) -> list[str]:
    """Texts with commas between them, or the lines of a file."""
    path = Path(given)
    try:
        stored = bool(path.suffix) and path.is_file()
    except OSError:  # too long for a name
        stored = False
    if path.suffix in LISTS and not stored and "," not in given:
        raise UserError(f"--labels: there is no file {given}: check the path.")
    parts = read_text(path).splitlines() if stored else given.split(",")
    labels = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not labels:
        raise UserError("--labels names nothing: give texts with commas between them, or a file with one a line.")
    return labels
