"""The one exception that means "the user can put this right", its commonest case, and commands that put it right."""

import shlex
from pathlib import Path


class UserError(Exception):
    """A problem in what the user gave us, told in one sentence.

    The message names the file or value at fault and the way out. The command line prints it
    without a traceback and exits with code 2; the dashboard shows it as an error box.

    Example:
        >>> raise UserError("captions.csv row 7: no video 'cat.mp4' in clips/. Check the path column.")
    """


class PassingError(UserError):
    """A problem that may be gone at the next try though the file stays the same: a disk that is away, a time limit.

    Example:
        >>> raise PassingError("cat.mp4 cannot be decoded: Permission denied.")
    """


def lookup(parts: dict, name: str, option: str):
    """`parts[name]`.

    Args:
        parts: what there is, by name.
        name: what was asked for.
        option: the option that asks for it; the error begins with it.

    Raises:
        UserError: for an unknown name; it lists what there is.

    Example:
        >>> lookup({"early": EarlyFusion}, "early", "model.fusion")
        <class 'EarlyFusion'>
    """
    if name not in parts:
        raise UserError(f"{option} '{name}' is unknown: use one of {', '.join(sorted(parts))}.")
    return parts[name]


def first_line(error: Exception) -> str:
    """What an error of a library says, short enough for a sentence; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def command(*words: str | Path) -> str:
    """A command of vtkeras as a shell takes it: names with spaces are quoted.

    Example:
        >>> command("export", "my runs/demo")
        "vtkeras export 'my runs/demo'"
    """
    return shlex.join(["vtkeras", *map(str, words)])
