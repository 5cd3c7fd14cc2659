"""`vtkeras search`: which of many clips fit some words, or are like another clip."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli import common
from vtkeras.cli.progress import progress_bar
from vtkeras.errors import UserError

app = typer.Typer()


@app.command()
def search(
    videos: Annotated[list[Path], typer.Argument(help="Video or image files, or folders of them.", metavar="VIDEO...")],
    find: Annotated[str | None, typer.Option(help="Words, as the model's training captions have them.")] = None,
    like: Annotated[Path | None, typer.Option(help="A clip: which others are like it.")] = None,
    model: common.ModelFolder = None,
    most: Annotated[int, common.number_option("Clips to show, at most.", 1, 1_000_000)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Finds clips by words, or by how like they are to another clip, with an exported model."""
    if (find is None) == (like is None):
        raise UserError('Search for words or for a clip, one of both: give --find "a dog jumps", or --like clip.mp4.')
    if find is not None and not find.strip():
        raise UserError("--find is empty: give it a text, e.g. 'a dog jumps'.")
    common.refuse_missing(like)
    from vtkeras.folders.listing import media_files
    from vtkeras.serving import schema
    from vtkeras.serving.client import shared_worker
    from vtkeras.workspace.runs import read_card

    files = {video.absolute(): video for video in media_files(videos)}
    card = read_card(common.or_shipped(model))
    with progress_bar() as bar:
        found = shared_worker().call(
            "vtkeras.search.search:search", card.folder, [*files], find, like and like.absolute(),
            progress=partial(bar, "reading clips"),
        )  # fmt: skip
    for told in (*found.notes, *found.faults):
        common.complain(told)
    shown = [replace(one, video=str(files[Path(one.video)])) for one in found.found[:most]]
    if as_json:
        common.say(schema.to_json(schema.matches(shown, find, str(like) if like else None, card.info)))
    else:
        common.say_lines(_line(place, one) for place, one in enumerate(shown, start=1))
    if found.faults:
        raise typer.Exit(2)


def _line(place: int, match) -> str:
    chance = "" if match.chance is None else f", chance {match.chance:.0%}"
    return f"{place}. {match.video}: likeness {match.cosine:.2f}{chance}"
