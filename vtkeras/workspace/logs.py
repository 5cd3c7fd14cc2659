"""What a run wrote for TensorBoard, read back as tables, texts and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from google.protobuf.message import DecodeError
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util import tensor_util

from vtkeras.run_files import LOGS, SAMPLES
from vtkeras.workspace.records import DamagedFile, read_records

_EVENTS = "*tfevents*"


def find_logs(roots: list[str | Path]) -> list[Path]:
    """Run folders below any of the roots that hold TensorBoard logs, in order of name."""
    logs = {path for root in roots for path in Path(root).glob(f"**/{LOGS}") if next(path.rglob(_EVENTS), None)}
    return sorted(path.parent for path in logs)


def latest(runs: list[Path]) -> Path:
    """The run, out of what `find_logs` gave, whose logs were written last; of several at once the first."""
    return max(runs, key=lambda run: max(path.stat().st_mtime_ns for path in (run / LOGS).rglob(_EVENTS)))


def has_samples(run: str | Path) -> bool:
    """Whether a run logged what the model said of a few examples."""
    return next((Path(run) / LOGS / SAMPLES).glob(_EVENTS), None) is not None


def opened_first(runs: list[Path], shipped: Path) -> Path:
    """The latest run of the user's own; where there is none, a shipped one that has samples to show, if any has."""
    own = [run for run in runs if not run.resolve().is_relative_to(shipped.resolve())]
    return latest(own or list(filter(has_samples, runs)) or runs)


@dataclass(frozen=True)
class Logs:
    """What a run logged.

    Attributes:
        scalars: columns part (`train`, `validation`, ...), tag, step and value.
        texts: columns tag, step and text.
        images: the latest picture of each tag: tag -> (step, uint8 (height, width, 3)).
    """

    scalars: pd.DataFrame
    texts: pd.DataFrame
    images: dict[str, tuple[int, np.ndarray]]


def read_logs(run: str | Path) -> Logs:
    """Everything in the TensorBoard logs of a run folder; empty tables if there is nothing.

    Example:
        >>> read_logs("runs/demo").scalars.query("tag == 'epoch_loss'").value.min()
        0.21
    """
    scalars, texts, images = [], [], {}
    for part, tag, plugin, step, values in _summaries(Path(run) / LOGS):
        if plugin == "scalars":
            scalars.append((part, tag, step, float(values[0])))
        elif plugin == "text":
            texts.append((tag, step, values[0].decode("utf-8", "replace")))
        elif plugin == "images":
            images[tag] = step, values
    return Logs(
        scalars=pd.DataFrame(scalars, columns=["part", "tag", "step", "value"]).astype({"value": float}),
        texts=pd.DataFrame(texts, columns=["tag", "step", "text"]),
        images={tag: (step, _picture(values)) for tag, (step, values) in images.items()},
    )


def sample_table(text: str) -> pd.DataFrame | None:
    """The two-column Markdown table that training logs as samples; None for any other text.

    Example:
        >>> sample_table("| is | model says |\\n| --- | --- |\\n| a cat | a dog |")
              is model says
        0  a cat      a dog
    """
    rows = [
        line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ") and line.endswith(" |")
    ]
    if len(rows) < 2 or any(len(row) != 2 for row in rows):
        return None
    header, _, *body = rows
    return pd.DataFrame(body, columns=header)


def logs_version(run: str | Path) -> tuple[int, int]:
    """Changes whenever a run writes to its logs: the number of event files and the bytes in them."""
    sizes = [file.stat().st_size for file in (Path(run) / LOGS).rglob(_EVENTS)]
    return len(sizes), sum(sizes)


def _summaries(folder: Path) -> Iterator[tuple[str, str, str, int, np.ndarray]]:
    """(part, tag, plugin, step, values) of everything below `folder`, in the order it was written."""
    plugins: dict[tuple[str, str], str] = {}  # told by the first summary of a tag only
    for file in sorted(folder.rglob(_EVENTS)):
        part = file.parent.relative_to(folder).as_posix()
        for event in _events(file):
            for value in event.summary.value:
                plugin = plugins.setdefault((part, value.tag), value.metadata.plugin_data.plugin_name)
                yield part, value.tag, plugin, event.step, tensor_util.make_ndarray(value.tensor).reshape(-1)


def _events(file: Path) -> Iterator[Event]:
    try:
        for record in read_records(file):
            yield Event.FromString(record)
    except (DamagedFile, DecodeError):
        return  # a run that goes on writes its last record at this moment; what stands before it is whole


def _picture(values: np.ndarray) -> np.ndarray:
    png = values[2]  # an image summary is [width, height, PNG, PNG, ...]
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
