"""What happens in a long video, and when: events with seconds, from an exported model of dense captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.data.events import read_events
from vtkeras.data.video import probe, read_frames
from vtkeras.errors import UserError
from vtkeras.serving.results import TimedCaption
from vtkeras.workspace import media

if TYPE_CHECKING:  # pages import this file, and no TensorFlow
    from vtkeras.serving.predictor import Predictor

SHORTEST = 0.1  # seconds of a window
CONFIDENCE_THRESHOLD = 0.5  # an event whose words are less likely is not told unless asked for
NO_WORDS = "no words: unlike the model's training videos"
BORDER_THRESHOLD = 0.1  # of a window: events this near to its border may be one that the border cut


def find_events(
    predictor: Predictor,
    video: str | Path,
    window: float | None = None,
    duration: float | None = None,
    first: float = 0.0,
    apart: bool = False,
    progress: Callable[[float, float], None] = lambda done, duration: None,
) -> list[TimedCaption]:
    """Reads a video window by window and writes down its events; memory stays flat however long it is.

    An event that the border of two windows cuts, and that both tell in the same words, is put together. A window
    that is unlike the model's training videos is one event, which says so.

    Args:
        predictor: a model that was trained on captions with times.
        video: video or image file.
        window: seconds read at once; None takes what the model's config says, or else the whole video.
        duration: seconds of the video where they are known, and
        first: with them, seconds at which its first frame appears.
        apart: decode in a process of its own, for a file that might crash or stall the decoder.
        progress: called with the seconds done and the seconds there are.

    Raises:
        UserError: for a model without times, a file that does not decode, or a window that is too short.

    Example:
        >>> find_events(Predictor("runs/dense_digits"), "long.mp4")[0]
        TimedCaption(start=1.2, end=2.7, text='digit 3 is moving up and down', score=0.93)
    """
    window = predictor.config.data.window_seconds if window is None else window
    if window is not None and not window >= SHORTEST:
        raise UserError(
            f"A window of {window} s is too short: give the seconds to read at once, at least {SHORTEST}, "
            "e.g. --window 6."
        )
    if duration is None:
        info = probe(video)
        first, duration = info.start, info.duration
    read = media.read_apart if apart else read_frames
    found: list[TimedCaption] = []
    for start, end in _windows(first, duration, window):
        clip = read(video, start=start, end=end, **predictor.clip_size)
        novelty = predictor.novelty(clip.frames)
        if novelty and novelty.foreign:
            new = [TimedCaption(start, end, NO_WORDS, 0.0, foreign=True)]
        else:
            new = predictor.events(clip.frames, start, end)
        found = join_at_border(found, new, border=start, reach=BORDER_THRESHOLD * (end - start))
        progress(end, duration)
    return found


def only_sure(events: list[TimedCaption], least: float = CONFIDENCE_THRESHOLD) -> list[TimedCaption]:
    """The events whose words have at least this probability: of unfamiliar videos a model is sure of few."""
    return [event for event in events if event.foreign or event.score >= least]


def join_at_border(
    before: list[TimedCaption], after: list[TimedCaption], border: float, reach: float
) -> list[TimedCaption]:
    """Both lists as one; the last event before and the first after a border become one if they say the same.

    Args:
        before, after: events of two windows that meet.
        border: seconds where they meet.
        reach: seconds; both events must come this near to the border.

    Example:
        >>> a, b = TimedCaption(4.0, 6.0, "a dog barks", 0.9), TimedCaption(6.0, 7.0, "a dog barks", 0.8)
        >>> join_at_border([a], [b], border=6.0, reach=0.6)
        [TimedCaption(start=4.0, end=7.0, text='a dog barks', score=0.8)]
    """
    if not before or not after:
        return before + after
    last, first = before[-1], after[0]
    if last.text != first.text or border - last.end > reach or first.start - border > reach:
        return before + after
    whole = TimedCaption(last.start, first.end, last.text, min(last.score, first.score), last.foreign)
    return [*before[:-1], whole, *after[1:]]


def to_lines(events: list[TimedCaption]) -> list[str]:
    """The events as lines for a terminal."""
    sure = [f"  ({one.score:.0%})" if not one.foreign else "" for one in events]
    rows = [f"{one.start:8.2f} s - {one.end:8.2f} s  {one.text}{how}" for one, how in zip(events, sure)]
    return rows or ["no event found"]


def spell_written(caption: str, end: float, start: float = 0.0) -> str:
    """A dense caption with seconds in place of time tokens; any other caption as it is.

    Args:
        caption: its time tokens count from the start of the clip to its end.
        end, start: seconds in the video file at which the clip ends and begins.

    Example:
        >>> spell_written("<t=0> <t=31> a cat jumps", end=20.0, start=10.0)
        '10.0–20.0 s a cat jumps'
    """
    events = [(start + one.start * (end - start), start + one.end * (end - start), one.text)
              for one in read_events(caption)]  # fmt: skip
    spelt = (f"{first:.1f}–{last:.1f} s {text}" for first, last, text in events)
    return "; ".join(spelt) if events else caption


def _windows(first: float, last: float, window: float | None) -> list[tuple[float, float]]:
    """Equal stretches of a video, none longer than `window`, unless by a tenth."""
    count = 1 if window is None else max(1, int(np.ceil((last - first) / window - 0.1)))
    edges = np.linspace(first, last, count + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
