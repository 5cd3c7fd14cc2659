"""The background work on a folder, as pages and commands see it, which import no TensorFlow."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from vtkeras.folders.store import FolderStore
from vtkeras.processes import start_beside

_lock = threading.Lock()
_started: dict[Path, subprocess.Popen] = {}


def start(store: FolderStore) -> None:
    """Starts the work on a folder in a process that ends with this one; it goes on where it was interrupted.

    Where the process that this one started for the folder still runs, nothing happens.
    """
    with _lock:
        before = _started.get(store.folder)
        if before is None or before.poll() is not None:
            _started[store.folder] = start_beside("vtkeras.folders.study", store.folder)


def is_running(store: FolderStore) -> bool:
    """Whether this process, or another one, has the work on a folder going on."""
    with _lock:
        own = _started.get(store.folder)
    if own is not None and own.poll() is None:
        return True
    with store.held() as free:
        return not free
