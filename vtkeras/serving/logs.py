"""What a run wrote for TensorBoard, read back as tables, texts and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

LOGS = "logs"
_EVENTS = "*tfevents*"


def find_logs(roots: list[str | Path]) -> list[Path]:
    """Run folders below any of the roots that hold TensorBoard logs, in order of name."""
    logs = {path for root in roots for path in Path(root).glob(f"**/{LOGS}") if next(path.rglob(_EVENTS), None)}
    return sorted(path.parent for path in logs)


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
    for part, tag, plugin, events in _events(Path(run) / LOGS):
        if plugin == "scalars":
            scalars += [(part, tag, event.step, float(_array(event)[0])) for event in events]
        elif plugin == "text":
            texts += [(tag, event.step, _array(event)[0].decode("utf-8", "replace")) for event in events]
        elif plugin == "images":
            images[tag] = (events[-1].step, _picture(events[-1]))
    return Logs(
        scalars=pd.DataFrame(scalars, columns=["part", "tag", "step", "value"]).astype({"value": float}),
        texts=pd.DataFrame(texts, columns=["tag", "step", "text"]),
        images=images,
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


def _events(folder: Path) -> Iterator[tuple[str, str, str, list]]:
    """(part, tag, plugin, events) of everything below `folder`."""
    for part in sorted({file.parent for file in folder.rglob(_EVENTS)}):
        accumulator = EventAccumulator(str(part), size_guidance={"tensors": 0}).Reload()
        for tag in accumulator.Tags()["tensors"]:
            plugin = accumulator.SummaryMetadata(tag).plugin_data.plugin_name
            yield part.relative_to(folder).as_posix(), tag, plugin, accumulator.Tensors(tag)


def _array(event) -> np.ndarray:
    return tensor_util.make_ndarray(event.tensor_proto).reshape(-1)


def _picture(event) -> np.ndarray:
    png = _array(event)[2]  # an image summary is [width, height, PNG, PNG, ...]
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
