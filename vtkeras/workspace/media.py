"""What the dashboard needs of video files: uploads put away safely, facts, frames, thumbnails, subtitles.

A file that somebody hands in may crash or stall a decoder, so `inspect` and `read_apart` decode in a
child process that has a limit on time and on memory.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.decoder import MEMORY_LIMIT
from vtkeras.data.mp4 import write_video
from vtkeras.data.readers import VideoInfo
from vtkeras.data.video import Clip, probe, read_frames
from vtkeras.errors import UserError
from vtkeras.whole_files import replacing, write_bytes

__all__ = [
    "EXTENSIONS",
    "Clip",
    "VideoInfo",
    "as_mp4",
    "inspect",
    "is_playable",
    "is_upload",
    "keep_upload",
    "probe",
    "read_apart",
    "read_frames",
    "spell_size",
    "store_upload",
    "thumbnail",
    "write_video",
]
UPLOADS = "vtkeras-upload-"  # begins the name of a folder of uploads

UPLOAD_LIMIT = 200 * 1024**2  # bytes
FLAT = 4.0  # spread of pixel values below which a frame shows nothing
TIME_LIMIT = 60.0  # seconds

_MOST_PLAYED = 200 * 1024**2  # bytes
_BROWSER_CODECS = ("h264", "vp8", "vp9", "av1")
_BROWSER_EXTENSIONS = (".mp4", ".m4v", ".mov", ".webm")


def inspect(path: str | Path, time_limit: float = TIME_LIMIT) -> VideoInfo:
    """As `probe`, in a child process.

    Raises:
        UserError: as `probe`, and for a file that stalls or crashes the decoder.
    """
    return _apart(probe, str(path), time_limit=time_limit)


def read_apart(
    path: str | Path,
    num_frames: int,
    max_side: int | None = None,
    time_limit: float = TIME_LIMIT,
    start: float | None = None,
    end: float | None = None,
) -> Clip:
    """As `read_frames`, in a child process.

    Raises:
        UserError: as `read_frames`, and for a file that stalls or crashes the decoder.

    Example:
        >>> read_apart("upload.mp4", num_frames=8).frames.shape
        (8, 720, 1280, 3)
    """
    return _apart(read_frames, str(path), num_frames, start, end, max_side, time_limit=time_limit)


def is_upload(path: Path) -> bool:
    """Whether a file is a visitor's upload, which is named by its content and goes when the visit ends."""
    return path.parent.name.startswith(UPLOADS)


def keep_upload(upload: Path, folder: Path) -> Path:
    """Copies an upload into a folder, for work that may outlast the visit; what is there already stays."""
    kept = folder / upload.name
    if not kept.is_file():
        with replacing(kept) as temporary:
            shutil.copyfile(upload, temporary)
    return kept


def store_upload(name: str, data: bytes, folder: str | Path, limit: int = UPLOAD_LIMIT) -> Path:
    """Puts an uploaded file into `folder` under a name made from its content.

    Args:
        name: what the visitor's computer calls it; only a known extension is taken from it.
        data: the content.
        folder: made if missing.
        limit: most bytes.

    Returns:
        The path; the same content with the same extension gives the same one.

    Raises:
        UserError: if the upload is empty, too large, of an unknown kind, or cannot be written.

    Example:
        >>> store_upload("../../cat.MP4", data, "uploads").name
        'b94d27b9934d3e08.mp4'
    """
    extension = next((known for known in EXTENSIONS if name.lower().endswith(known)), None)
    if extension is None:
        raise UserError(f"This upload is not of a kind that can be read: {', '.join(EXTENSIONS)}.")
    if not len(data):
        raise UserError("The uploaded file is empty.")
    if len(data) > limit:
        raise UserError(
            f"The upload has {spell_size(len(data))}, more than the {spell_size(limit)} allowed: "
            "copy it to the server and give its path instead."
        )
    path = Path(folder) / f"{hashlib.sha256(data).hexdigest()[:16]}{extension}"
    stored = path.is_file() and not path.is_symlink() and path.stat().st_size == len(data)
    if not stored:  # else it keeps its time, by which pages know what they have read
        write_bytes(path, data)  # whatever stood under the name, a link included, is replaced and never written to
    return path


def is_playable(path: str | Path, info: VideoInfo) -> bool:
    """True if every current browser plays the file as it is, and it is small enough to be sent whole."""
    path = Path(path)
    known = info.codec in _BROWSER_CODECS and path.suffix.lower() in _BROWSER_EXTENSIONS
    return known and path.stat().st_size <= _MOST_PLAYED


def as_mp4(frames: np.ndarray, fps: float) -> bytes:
    """Frames uint8 (time, height, width, 3) as an mp4 file that browsers play."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, frames, fps)
        return path.read_bytes()


def thumbnail(frames: np.ndarray, side: int = 96) -> np.ndarray:
    """The middle frame, or if that shows nothing the one that shows most, cut to a square and scaled.

    Args:
        frames: uint8 (time, height, width, 3).
        side: pixels.

    Returns:
        uint8 (side, side, 3).
    """
    shown = frames[len(frames) // 2]
    if shown.std() < FLAT:
        shown = max(frames, key=np.std)
    height, width, _ = shown.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = Image.fromarray(np.ascontiguousarray(shown[top : top + edge, left : left + edge]))
    return np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))


def spell_size(count: int) -> str:
    """A number of bytes as a person would say it.

    Example:
        >>> spell_size(200 * 1024**2)
        '200 MB'
    """
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"


def _apart(function: Callable, path: str, *args: object, time_limit: float):
    """What `function(path, *args)` returns or raises in a process of its own."""
    package_root = str(Path(__file__).parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    try:
        child = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import _answer_once; _answer_once()"],
            input=pickle.dumps((function, path, *args)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=time_limit,
            # NumPy's own threads would take address space for nothing.
            env={**os.environ, "PYTHONPATH": search_path, "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{path} took longer than {time_limit:g} s to decode.") from None
    if child.returncode:
        raise UserError(f"{path} makes the decoder crash.")
    result = pickle.loads(child.stdout)
    if isinstance(result, UserError):
        raise result
    return result


def _answer_once() -> None:
    """The child's part: one call from standard input, its result or its `UserError` to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    function, *args = pickle.load(sys.stdin.buffer)
    try:
        result = function(*args)
    except UserError as error:
        result = error
    pickle.dump(result, sys.stdout.buffer)
