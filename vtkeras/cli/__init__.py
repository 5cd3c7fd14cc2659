"""The command line. Heavy imports happen inside the commands, so that help and mistakes in options show at once."""

from __future__ import annotations

import errno
import gc
import logging
import os
import re
import sys
import traceback
import warnings
from typing import Annotated

import typer
from pydantic import ValidationError

import vtkeras
from vtkeras.cli import (
    dashboard,
    data,
    generation,
    migrate,
    prediction,
    pretrained,
    search,
    summaries,
    tagging,
    training,
)
from vtkeras.cli.common import complain, say
from vtkeras.errors import UserError
from vtkeras.interrupts import end_like_ctrl_c, exit_code
from vtkeras.processes import hide_xla_notes
from vtkeras.whole_files import is_disk_full

HELP = "Keras models that read video and text together, on your own videos. `vtkeras COMMAND --help` tells more."
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)
for theme in (training, prediction, search, generation, tagging, summaries, dashboard, migrate):
    app.add_typer(theme.app)
app.add_typer(data.app, name="data")
app.add_typer(pretrained.app, name="pretrained")


CLOSED = (errno.EACCES, errno.ENAMETOOLONG)  # of a path that the system refuses to look up
INTERRUPTED = 130  # the code that Typer gives for a KeyboardInterrupt, whichever signal raised it
STOPPED = "vtkeras: interrupted; the same command goes on from what it stored, or else begins again."


def main() -> None:
    """Runs the command line; a `UserError` becomes one sentence and exit code 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for library in ("keras", "sklearn"):  # advice to programmers, not to users
        warnings.filterwarnings("ignore", module=library)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if sys.stderr is sys.__stderr__:  # else somebody reads it, e.g. a test
        hide_xla_notes()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # file names may hold bytes that are no text
    end_like_ctrl_c()
    code = _run()
    if "tensorflow" in sys.modules:
        gc.collect()  # a pipeline that runs Python functions waits for them when it ends: forever once Python ends
    sys.exit(code)


def _run() -> int | str | None:
    """Runs the command that was asked for, and gives the exit code; no error, with all it refers to, outlives this."""
    try:
        _refuse_empty(sys.argv[1:])
        code = app(prog_name="vtkeras", standalone_mode=False)
    except UserError as error:
        return _refuse(str(error))
    except typer.TyperException as error:
        return _refuse(_usage(error)) if error.format_message() else error.exit_code  # without one, help was shown
    except SystemExit as stop:
        return stop.code
    except Exception as error:  # of whoever writes without `whole_files`
        if is_disk_full(error):
            return _refuse("The disk is full: free some space and run the same command again.")
        if isinstance(error, OSError) and error.errno in CLOSED and error.filename:
            return _refuse(f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}.")
        traceback.print_exc()
        return 1
    if code == INTERRUPTED:
        print(STOPPED, file=sys.stderr)
        return exit_code()
    return code or 0


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the arguments, as a sentence: with the value that was given, and where to read what may be."""
    invalid = error.__cause__
    given = f", got '{invalid.errors()[0]['input']}'" if isinstance(invalid, ValidationError) else ""
    command = getattr(getattr(error, "ctx", None), "command_path", "vtkeras")
    return f"{error.format_message().rstrip('.')}{given}: see `{command} --help`."


def _refuse_empty(arguments: list[str]) -> None:
    """Refuses empty arguments, such as an unset variable of a shell leaves: as a path they would be this folder."""
    for before, argument in zip(["the command", *arguments], arguments):
        if not argument or re.fullmatch("--[a-z-]+=", argument):
            what = argument.strip("=") or f"What follows {before}"
            raise UserError(f"{what} is empty: give it a value or leave it out.")


def _refuse(problem: str) -> int:
    complain(problem)
    return 2


def _show_version(asked: bool) -> None:
    if asked:
        say(f"vtkeras {vtkeras.__version__}")
        raise typer.Exit


@app.callback()
def _vtkeras(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass
