"""Decoding in child processes, so that no file can hang or crash the program that asks for it.

A child runs `serve`: it imports PyAV but no TensorFlow (a quarter of a second to start), reads one
request after another from its standard input and writes JPEG frames back. The
parent kills a child that takes too long or dies, and starts another for the next video. A plain
child process was chosen over `multiprocessing`, whose spawned children import the caller's main
module, TensorFlow included, and whose forked ones inherit TensorFlow's threads in a broken state.
"""

from __future__ import annotations

import io
import os
import pickle
import queue
import resource
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras.data.readers import VideoInfo
from vtkeras.data.video import read_frames
from vtkeras.errors import PassingError, UserError

# A decoder that a hostile file drives beyond this fails with a MemoryError of its own.
MEMORY_LIMIT = 4 * 1024**3
JPEG_QUALITY = 95
READY = b"ready"


@dataclass(frozen=True)
class Request:
    """What to read; the fields are the arguments of `video.read_frames`."""

    path: str
    num_frames: int
    start: float | None = None
    end: float | None = None
    max_side: int | None = None


@dataclass(frozen=True)
class EncodedClip:
    """A clip as it is stored.

    Attributes:
        frames: one JPEG file a frame.
        times: seconds at which each frame appears.
        width: pixels of the stored frames.
        height: pixels of the stored frames.
        info: the whole video.
        complete: False when a part of the clip is missing or damaged.
        reason: one sentence on what is missing; "" for a complete clip.
    """

    frames: tuple[bytes, ...]
    times: tuple[float, ...]
    width: int
    height: int
    info: VideoInfo
    complete: bool
    reason: str


class DecoderPool:
    """Some child processes that decode videos side by side.

    Args:
        workers: child processes; None is one for each processor, at most eight.
        time_limit: seconds a video may take before its child is killed.

    Example:
        >>> with DecoderPool() as pool:
        ...     [clip] = pool.decode([Request("clip.mp4", num_frames=16)])
    """

    def __init__(self, workers: int | None = None, time_limit: float = 120.0):
        self.workers = workers or min(8, len(os.sched_getaffinity(0)))
        self._children = [_Child(time_limit) for _ in range(self.workers)]
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(self.workers)

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(self, *_) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()

    def decode(self, requests: Iterable[Request]) -> Iterator[EncodedClip | UserError]:
        """Decodes every request; results come in the order of the requests.

        Returns:
            For each request its clip, or the `UserError` that tells why there is none.
        """
        return self._threads.map(self._decode, requests)

    def _decode(self, request: Request) -> EncodedClip | UserError:
        child = self._idle.get()
        try:
            return child.decode(request)
        finally:
            self._idle.put(child)


class _Child:
    def __init__(self, time_limit: float):
        self._time_limit = time_limit
        self._process: subprocess.Popen | None = None

    def decode(self, request: Request) -> EncodedClip | UserError:
        starts = self._process is None
        process = self._process = self._process or _start()
        assert process.stdin and process.stdout
        if starts:
            process.stdout.read(len(READY))  # starting does not count as decoding
        too_late = threading.Event()

        def stop() -> None:
            too_late.set()
            process.kill()

        timer = threading.Timer(self._time_limit, stop)
        timer.start()
        try:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            return pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            self.kill()
            if too_late.is_set():
                return PassingError(f"{request.path} took longer than {self._time_limit:g} s to decode.")
            return UserError(f"{request.path} makes the decoder crash.")
        finally:
            timer.cancel()

    def kill(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            if process.stdin:
                with suppress(OSError):  # a request may still be waiting to be sent
                    process.stdin.close()


def _start() -> subprocess.Popen:
    package_root = str(Path(__file__).parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C in the terminal is for the parent: it finishes the video
        # NumPy's own threads would take address space for nothing.
        env={**os.environ, "PYTHONPATH": search_path, "OPENBLAS_NUM_THREADS": "1"},
    )


def _encode(request: Request) -> EncodedClip | UserError:
    try:
        clip = read_frames(request.path, request.num_frames, request.start, request.end, request.max_side)
    except UserError as error:
        return error
    _, height, width, _ = clip.frames.shape
    return EncodedClip(
        frames=tuple(_jpeg(frame) for frame in clip.frames),
        times=tuple(clip.times.tolist()),
        width=width,
        height=height,
        info=clip.info,
        complete=clip.complete,
        reason=clip.reason,
    )


def _jpeg(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # Full colour resolution: small frames lose thin coloured things to subsampling.
    Image.fromarray(frame).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def serve() -> None:
    """Answers requests on standard input until it closes; the main loop of a child process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:  # the parent is gone
            return
        pickle.dump(_encode(request), sys.stdout.buffer)
        sys.stdout.buffer.flush()
