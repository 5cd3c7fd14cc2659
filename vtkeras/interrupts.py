"""Ctrl-C in long work, which ends between two steps and is never lost; so does SIGTERM, by which a system asks.

Python raises `KeyboardInterrupt` wherever the program is at that moment. In a destructor, of which TensorFlow runs
many, it is printed and ignored, and the work goes on.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_received = [signal.SIGINT]  # by which the program was asked to end, the last one last; Ctrl-C where there was none
NOTICE = b"\nvtkeras: stopping after this step; Ctrl-C again stops at once.\n"


def end_like_ctrl_c() -> None:
    """From here on SIGTERM, which `kill`, containers and job schedulers send first, ends the program as Ctrl-C does."""
    _received[:] = [signal.SIGINT]
    signal.signal(signal.SIGTERM, _interrupt)


def exit_code() -> int:
    """The code with which an interrupted program ends, as shells have it: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + _received[-1]


@contextmanager
def interrupt_between_steps() -> Iterator[Callable[[], None]]:
    """Within it, a first Ctrl-C waits for the end of the step, and a second one interrupts at once.

    SIGTERM counts as Ctrl-C after `end_like_ctrl_c`. Outside the main thread, and where the program handles or ignores
    a signal in its own way, nothing changes.

    Yields:
        a function to call after every step, from any thread; it raises what is waiting.

    Raises:
        KeyboardInterrupt: at the end of a step, and in place of any other error after a Ctrl-C.

    Example:
        >>> with interrupt_between_steps() as end_of_step:
        ...     for batch in batches:
        ...         learn(batch)
        ...         end_of_step()
    """
    waiting = threading.Event()

    def keep(number, frame) -> None:
        if waiting.is_set():
            _interrupt(number, frame)
        _received.append(signal.Signals(number))
        waiting.set()
        os.write(2, NOTICE)  # not `print`, which fails when it interrupts itself

    def end_of_step() -> None:
        if waiting.is_set():
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    ours = [number for number in SIGNALS if main and _is_usual(signal.getsignal(number))]
    before = {number: signal.signal(number, keep) for number in ours}
    try:
        yield end_of_step
        end_of_step()
    except Exception:
        end_of_step()  # what was raised in another thread may come back as an error of another kind
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    _received.append(signal.Signals(number))
    raise KeyboardInterrupt


def _is_usual(handler: object) -> bool:
    return handler is signal.default_int_handler or getattr(handler, "__module__", "") == __name__
