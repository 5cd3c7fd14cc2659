"""What a run wrote for TensorBoard, read back as tables, texts and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
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


def read_scalars(run: str | Path) -> pd.DataFrame:
    """Every scalar that a run logged.

    Args:
        run: run folder with `logs/`.

    Returns:
        Columns part (`train`, `validation`, ...), tag, step and value; no rows if nothing was logged.

    Example:
        >>> read_scalars("runs/demo").query("tag == 'epoch_loss'").value.min()
        0.21
    """
    rows = [
        (part, tag, event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
        for part, tag, events in _events(run, "scalars")
        for event in events
    ]
    return pd.DataFrame(rows, columns=["part", "tag", "step", "value"]).astype({"step": int, "value": float})


def read_texts(run: str | Path) -> pd.DataFrame:
    """Every text that a run logged: columns tag, step and text."""
    rows = [
        (tag, event.step, _first(event).decode("utf-8", "replace"))
        for _, tag, events in _events(run, "text")
        for event in events
    ]
    return pd.DataFrame(rows, columns=["tag", "step", "text"])


def read_images(run: str | Path) -> dict[str, tuple[int, np.ndarray]]:
    """The latest picture of each tag: tag -> (step, uint8 (height, width, 3))."""
    found = {}
    for _, tag, events in _events(run, "images"):
        # An image summary is [width, height, PNG, PNG, ...].
        png = tensor_util.make_ndarray(events[-1].tensor_proto).reshape(-1)[2]
        found[tag] = (events[-1].step, np.asarray(Image.open(io.BytesIO(png)).convert("RGB")))
    return found


def sample_table(text: str) -> pd.DataFrame | None:
    """The two-column Markdown table that training logs as samples; None for any other text.

    Example:
        >>> sample_table("| is | model says |\\n| --- | --- |\\n| a cat | a dog |")
              is model says
        0  a cat      a dog
    """
    rows = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ") and line.endswith(" |")]
    if len(rows) < 2 or any(len(row) != 2 for row in rows):
        return None
    header, _, *body = rows
    return pd.DataFrame(body, columns=header)


def _events(run: str | Path, plugin: str) -> Iterator[tuple[str, str, list]]:
    """(part, tag, events) of everything that was logged for a TensorBoard plugin."""
    folder = Path(run) / LOGS
    for part in sorted({file.parent for file in folder.rglob(_EVENTS)}):
        accumulator = EventAccumulator(str(part), size_guidance={"tensors": 0}).Reload()
        for tag in accumulator.Tags()["tensors"]:
            if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == plugin:
                yield part.relative_to(folder).as_posix(), tag, accumulator.Tensors(tag)


def _first(event) -> bytes:
    return tensor_util.make_ndarray(event.tensor_proto).reshape(-1)[0]
