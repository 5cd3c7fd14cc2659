"""Clips from words: `generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli import common
from vtkeras.errors import UserError
from vtkeras.path_checks import writable_folder

MOST_CLIPS = 1000
app = typer.Typer()


@app.command()
def generate(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="What is to be seen, e.g. 'digit 7 is moving left and right'.")] = "",
    n: Annotated[int, typer.Option("--n", help="Clips to make.", min=1, max=MOST_CLIPS)] = 8,
    seed: Annotated[int, common.seed_option("Seed of the first clip; each further one has the next.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for mp4, GIF, PNG and JSON files; default `generated`, or that of --session."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A run folder; default the one that ships.")] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Go on in rounds: more like this, less like that.")
    ] = False,
    session: Annotated[Path | None, typer.Option(help="Go on with a session that --interactive saved.")] = None,
) -> None:
    """Makes videos from words with an exported model of the task text_to_video: open only models that you trust."""
    common.refuse_missing(model, session)
    folder = writable_folder(out or (session.parent if session else Path("generated")))
    if session:
        from vtkeras.serving.generation_steps import parse, read_session

        common.refuse_unused(context, ("prompt", "n", "seed"), "with --session, which has its own")
        parse(read_session(session), str(session))  # what is damaged is told before the model loads
    elif not prompt:
        raise UserError("Say what is to be seen, e.g. vtkeras generate 'digit 7 is moving left and right'.")
    from vtkeras.cli import create

    if session or interactive:
        create.refuse_others(folder, session)
    from vtkeras.serving.generated_clips import FPS, write_clips
    from vtkeras.serving.generator import Generator

    generator = Generator.load(common.or_shipped(model, common.SHIPPED_GENERATOR))
    if generator.card.config.data.path:
        common.say(f"clips are square, {FPS} frames a second, whatever the shape and pace of the training clips")
    if session or interactive:
        return create.run(create.begin(generator, prompt, n, seed, session), folder, model=model)
    made = write_clips(generator, prompt, n, seed, folder, common.say)
    common.say(f"written to {folder}: {len(made)} clips, contact_sheet.png, generation.json")
