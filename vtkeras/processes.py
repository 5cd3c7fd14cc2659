"""Processes that work for this one and end with it, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NICENESS = 5  # the owner's pages come first
XLA_NOTES = r"^(WARNING: All log messages before absl::InitializeLog|I0000 00:00:)"


def start_beside(module: str, *arguments: str | Path) -> subprocess.Popen:
    """Starts `python -m module arguments`, whose program calls `end_with_owner` first.

    Its standard input stays open as long as this process lives; closing it ends the process.

    Example:
        >>> start_beside("vtkeras.demo", "runs")
    """
    search_path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE,
        process_group=0,  # Ctrl-C in the terminal is for the owner
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": search_path},
    )


def end_with_owner(last: Callable[[], None] | None = None) -> None:
    """Lets the processes of others go first, and ends this one when standard input does.

    Args:
        last: called before the end.
    """

    def wait() -> None:
        while os.read(0, 1024):  # not `sys.stdin`: its lock would be held at an end of another kind
            pass
        if last:
            last()
        os._exit(0)

    os.nice(NICENESS)
    threading.Thread(target=wait, daemon=True).start()


def hide_xla_notes() -> None:
    """Keeps XLA's notes off standard error, here and in processes started later.

    No setting of TensorFlow 2.17 reaches them. What is written to file descriptor 2 goes through `grep`, a process of
    its own, so that the last words of a crash come through; `sys.stderr` goes past it and still knows its terminal.
    Where there is no `grep`, the notes stay.
    """
    terminal = os.dup(2)
    grep = ["grep", "--text", "--line-buffered", "--extended-regexp", "--invert-match", XLA_NOTES]
    with suppress(OSError):  # Ctrl-C is not for it
        notes = subprocess.Popen(grep, stdin=subprocess.PIPE, stdout=terminal, process_group=0)
        assert notes.stdin
        os.dup2(notes.stdin.fileno(), 2)
        sys.stderr = open(terminal, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
