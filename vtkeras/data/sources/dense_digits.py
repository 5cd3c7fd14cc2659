"""`dense_digits`: longer videos in which digits come and go, with dense captions.

Each video is a black screen on which clips of `moving_digits` are shown one after another; the caption
tells what is there from when to when, in the form of `vtkeras.data.events`.
"""

from __future__ import annotations

import zlib

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.events import Event, write_events
from vtkeras.data.sources.drawn import drawn_clips
from vtkeras.data.sources.moving_digits import CLIP_FRAMES, FRAME_SIZE, MovingDigits
from vtkeras.errors import UserError

SHORTEST = 8  # frames of an event
PAUSE = 2  # black frames between two events, at least


class DenseDigits:
    """Videos of one to `max_events` clips of `moving_digits` with black frames around them.

    Args:
        seed: int; another seed gives other videos, the handwriting splits stay.
        max_events: events in a video, at most.
        max_digits: digits in an event, at most: 1 or 2.
        video_frames: frames of every video.
        train_clips: videos in one training epoch; every epoch draws fresh ones.
        eval_clips: videos in validation and in test.
        augment: rotate, scale, shear and bend the training handwriting.

    Example:
        >>> example = next(iter(DenseDigits().load("test")))
        >>> example["frames"].shape
        TensorShape([48, 64, 64, 3])
        >>> example["captions"][0]
        '<t=5> <t=13> digit 3 is moving up and down <t=18> <t=24> digit 0 is moving left and right'

    Raises:
        UserError: for events that do not fit into the video.
    """

    def __init__(
        self, seed=0, max_events=4, max_digits=1, video_frames=48,
        train_clips=4096, eval_clips=200, augment=True,
    ):
        self.digits = MovingDigits(seed=seed, max_digits=max_digits, augment=augment)
        if max_events < 1 or max_events * (SHORTEST + PAUSE) > video_frames:
            raise UserError(
                f"dense_digits: {max_events} events do not fit into {video_frames} frames: max_events must be "
                f"at least 1, and video_frames at least {SHORTEST + PAUSE} for each."
            )
        self.seed = seed
        self.max_events = max_events
        self.video_frames = video_frames
        self.train_clips = train_clips
        self.eval_clips = eval_clips

    def splits(self) -> list[str]:
        return list(keys.SPLITS)

    def size(self, split: str) -> int:
        return self.train_clips if split == keys.TRAIN else self.eval_clips

    def load(self, split: str, epoch: int = 0) -> tf.data.Dataset:
        """Yields the split's examples; training examples differ from epoch to epoch.

        Raises:
            UserError: for an unknown split.
        """
        if split not in keys.SPLITS:
            raise UserError(f"dense_digits has no split '{split}': use one of {', '.join(keys.SPLITS)}.")
        return drawn_clips(self, split, epoch, FRAME_SIZE)

    def example(self, split: str, epoch: int, index: int) -> dict:
        """One example as numpy arrays and strings; the same for the same arguments, on every machine."""
        rng = np.random.default_rng([self.seed, zlib.crc32(f"dense {split}".encode()), epoch, index])
        frames = np.zeros((self.video_frames, FRAME_SIZE, FRAME_SIZE, 3), "uint8")
        events = []
        for number, (start, end) in enumerate(self._times(rng)):
            clip = self.digits.example(split, epoch, index * self.max_events + number)
            frames[start:end] = clip[keys.FRAMES][: end - start]
            events.append(Event(start / self.video_frames, end / self.video_frames, clip[keys.CAPTIONS][0]))
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
        count = int(rng.integers(1, self.max_events + 1))
        pauses = PAUSE * (count - 1)
        longest = min(CLIP_FRAMES, (self.video_frames - pauses) // count)
        lengths = rng.integers(SHORTEST, longest + 1, size=count)
        left = self.video_frames - pauses - lengths.sum()
        gaps = rng.multinomial(left, rng.dirichlet(np.ones(count + 1)))[:-1]
        gaps[1:] += PAUSE
        ends = np.cumsum(gaps + lengths)
        return list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
