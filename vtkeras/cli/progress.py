"""How far long work has come and the time left: a bar in a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from rich.console import Console

QUIET = 20.0  # seconds between lines, where there is no terminal


class Show(Protocol):
    """Says that `done` of `total` of a stage is done, total None where that is not known; `note` is what it is at."""

    def __call__(self, stage: str, done: float, total: float | None, note: str = "") -> None: ...


@contextmanager
def progress_bar() -> Iterator[Show]:
    """Progress on standard error, which appears once there is something to show.

    Example:
        >>> with progress_bar() as show:
        ...     show("reading", 3, 10)
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    figures = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        columns = (TextColumn("{task.description}"), *figures, TextColumn("{task.fields[note]}"))
        bar = Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty())
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: float, total: float | None, note: str = "") -> None:
            if not tasks:  # not before: what is wrong with the input is told first, alone
                stack.enter_context(bar)
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, note="")
            bar.update(tasks[stage], completed=done, total=total, note=note[:60])

        yield show


class Lines:
    """Progress as lines, for logs: the first once a stage lasts, then one every `QUIET` seconds.

    Args:
        clock: gives seconds.
        say: called with each line.

    Example:
        >>> show = Lines()
        >>> show("reading", 30, 120)  # 20 seconds after the stage began
        reading: 30 of 120, about 60 s left
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, say: Callable[[str], None] | None = None):
        self._clock = clock
        self._say = say or (lambda line: print(line, file=sys.stderr, flush=True))
        self._began: dict[str, tuple[float, float]] = {}  # when, and what was done already
        self._told = clock()

    def __call__(self, stage: str, done: float, total: float | None, note: str = "") -> None:
        now = self._clock()
        if stage not in self._began:
            self._began[stage], self._told = (now, done), now
        if now - self._told >= QUIET and 0 < done != total:
            self._told = now
            left = self._left(stage, now, done, total) if total else ""
            self._say(f"{stage}: {done:,.0f}{left}")

    def _left(self, stage: str, now: float, done: float, total: float) -> str:
        began, before = self._began[stage]
        left = (now - began) * max(total - done, 0) / max(done - before, 1)
        return f" of {total:,.0f}, about {f'{left:.0f} s' if left < 120 else f'{left / 60:.0f} min'} left"
