"""`dense_digits`: longer videos in which digits come and go, with dense captions.

Each video is a black screen on which clips of `moving_digits` are shown one after another; the caption
tells what is there from when to when, in the form of `vtkeras.data.events`.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator

from vtkeras import keys
from vtkeras.data.events import Event, write_events
from vtkeras.data.sources.base import DrawnOptions, Source, check_split
from vtkeras.data.sources.datasets import clip_spec, drawn_clips
from vtkeras.data.sources.moving_digits import CLIP_FRAMES, FRAME_SIZE, MovingDigits

if TYPE_CHECKING:
    import tensorflow as tf

SHORTEST = 8  # frames of an event
PAUSE = 2  # black frames between two events, at least


class DenseDigitsOptions(DrawnOptions):
    """Options of `dense_digits`; its clips are videos."""

    train_clips: int = Field(4096, ge=1)
    """Videos in one training epoch; every epoch draws fresh ones."""
    eval_clips: int = Field(200, ge=1)
    """Videos in validation and in test."""
    max_events: int = Field(4, ge=1)
    """Events in a video, at most."""
    max_digits: int = Field(1, ge=1, le=2)
    """Digits in an event, at most."""
    video_frames: int = Field(48, ge=SHORTEST + PAUSE, le=4096)
    """Frames of every video."""
    augment: bool = True
    """Rotate, scale, shear and bend the training handwriting."""

    @model_validator(mode="after")
    def _events_fit(self) -> Self:
        if self.max_events * (SHORTEST + PAUSE) > self.video_frames:
            raise ValueError(
                f"{self.max_events} events do not fit into {self.video_frames} frames: lower max_events, or set "
                f"video_frames to at least {SHORTEST + PAUSE} for each."
            )
        return self


class DenseDigits(Source):
    """Videos of one to `max_events` clips of `moving_digits` with black frames around them.

    Args:
        options: see `DenseDigitsOptions`. Another seed gives other videos, the handwriting splits stay.

    Raises:
        UserError: for an unknown option, one out of range, or events that do not fit into the video.

    Example:
        >>> example = next(iter(DenseDigits().load("test")))
        >>> example["frames"].shape
        TensorShape([48, 64, 64, 3])
        >>> example["captions"][0]
        '<t=5> <t=13> digit 3 is moving up and down <t=18> <t=24> digit 0 is moving left and right'
    """

    Options = DenseDigitsOptions
    options: DenseDigitsOptions

    def __init__(self, **options: Any):
        self.options = self.Options.read(options)
        self.digits = MovingDigits(
            seed=self.options.seed, max_digits=self.options.max_digits, augment=self.options.augment
        )

    @property
    def spec(self) -> dict[str, tf.TensorSpec]:
        return clip_spec(self.options.video_frames, FRAME_SIZE, FRAME_SIZE)

    def splits(self) -> list[str]:
        return list(keys.SPLITS)

    def size(self, split: str) -> int:
        return self.options.train_clips if split == keys.TRAIN else self.options.eval_clips

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """Yields the split's examples; training examples differ from epoch to epoch.

        Raises:
            UserError: for an unknown split.
        """
        check_split(self, split)
        return drawn_clips(lambda index: self.example(split, epoch, index), self.size(split), self.spec)

    def example(self, split: str, epoch: int, index: int) -> dict:
        """One example as numpy arrays and strings; the same for the same arguments, on every machine."""
        max_events, length = self.options.max_events, self.options.video_frames
        rng = np.random.default_rng([self.options.seed, zlib.crc32(f"dense {split}".encode()), epoch, index])
        frames = np.zeros((length, FRAME_SIZE, FRAME_SIZE, 3), "uint8")
        events = []
        for number, (start, end) in enumerate(self._times(rng)):
            clip = self.digits.example(split, epoch, index * max_events + number)
            frames[start:end] = clip[keys.FRAMES][: end - start]
            events.append(Event(start / length, end / length, clip[keys.CAPTIONS][0]))
        return {
            keys.FRAMES: frames,
            keys.VIDEO_ID: f"{split}-{epoch}-{index}",
            keys.CAPTIONS: [write_events(events)],
            keys.QUESTION: "",
            keys.ANSWER: "",
            keys.LABEL: "",
        }

    def texts(self) -> dict[str, list[str]]:
        """Every caption of one event that training can show, with times that stand for all times."""
        captions = [write_events([Event(0.0, 1.0, text)]) for text in self.digits.texts()["captions"]]
        return {"captions": captions, "questions": [], "answers": [], "labels": []}

    def _times(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """First frame, and frame after the last, of every event."""
        count = int(rng.integers(1, self.options.max_events + 1))
        pauses = PAUSE * (count - 1)
        longest = min(CLIP_FRAMES, (self.options.video_frames - pauses) // count)
        lengths = rng.integers(SHORTEST, longest + 1, size=count)
        left = self.options.video_frames - pauses - lengths.sum()
        gaps = rng.multinomial(left, rng.dirichlet(np.ones(count + 1)))[:-1]
        gaps[1:] += PAUSE
        ends = np.cumsum(gaps + lengths)
        return list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
