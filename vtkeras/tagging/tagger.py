"""ImageNet names of a video's frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras.data.video import probe, read_frames
from vtkeras.encoders.efficientnet_lite import VARIANTS, efficientnet_lite_classifier
from vtkeras.pretrained.imagenet import class_names

MOST_SQUARES = 4  # that a frame is cut into
BATCH = 32  # squares at once


@dataclass(frozen=True)
class Tagged:
    """What a classifier says of the frames of a video.

    Attributes:
        video: what the user called the file.
        times: float32 (frames,), seconds.
        probabilities: float32 (frames, classes), rows that sum to 1.
        names: the classes.
        note: what is amiss with the file; "" if nothing is.
    """

    video: str
    times: np.ndarray
    probabilities: np.ndarray
    names: list[str]
    note: str = ""


@dataclass(frozen=True)
class Tag:
    """A name, how sure it is, and where.

    Attributes:
        name: of a class, or a text of the user.
        score: the highest of any frame.
        seconds: when that is.
        mean: over all frames.
    """

    name: str
    score: float
    seconds: float
    mean: float


class Tagger:
    """Names what is on a video's frames.

    Args:
        encoder: a name in `vtkeras.encoders.efficientnet_lite.VARIANTS`.
        classify: callable, uint8 (batch, size, size, 3) to float (batch, classes); None loads the encoder's.
        names: of the classes; None takes ImageNet's.

    Raises:
        UserError: for an unknown encoder, or packages that are missing.

    Example:
        >>> tagged = Tagger()("holiday.mp4")
        >>> best_tags(tagged.probabilities, tagged.names, tagged.times)[0]
        Tag(name='sports car', score=0.61, seconds=3.2, mean=0.2)
    """

    def __init__(
        self,
        encoder: str = "efficientnet_lite0",
        classify: Callable[[np.ndarray], np.ndarray] | None = None,
        names: list[str] | None = None,
    ):
        self.names = class_names() if names is None else names
        self.classify = classify or efficientnet_lite_classifier(encoder).predict_on_batch
        self.size = VARIANTS[encoder][2]

    def __call__(
        self, path: str | Path, frames: int = 16, start: float | None = None, end: float | None = None
    ) -> Tagged:
        """Names what is on evenly spaced frames.

        Args:
            path: a video or image file.
            frames: most frames to look at.
            start, end: seconds where to begin and to end.

        Raises:
            UserError: for a file that does not decode.
        """
        info = probe(path)
        longer = max(info.width, info.height) / min(info.width, info.height)
        clip = read_frames(path, frames, start, end, max_side=math.ceil(self.size * longer))
        return Tagged(str(path), clip.times, self.probabilities(clip.frames), self.names, clip.reason)

    def probabilities(self, frames: Iterable[np.ndarray]) -> np.ndarray:
        """What the classifier says of frames, uint8 (height, width, 3) of any size: float (frames, classes)."""
        squares = [squares_of(frame, self.size) for frame in frames]
        flat = np.concatenate(squares)
        said = np.concatenate([self.classify(flat[at : at + BATCH]) for at in range(0, len(flat), BATCH)])
        ends = np.cumsum([len(of_one) for of_one in squares])
        return np.stack([of_one.mean(axis=0) for of_one in np.split(said, ends[:-1])])


def squares_of(frame: np.ndarray, size: int) -> np.ndarray:
    """Squares that together show the whole of a frame, or nearly.

    A frame nearly square gives its middle; a longer one gives as many as the ratio of its sides, rounded.

    Args:
        frame: uint8 (height, width, 3).
        size: pixels a side.

    Returns:
        uint8 (squares, size, size, 3).

    Example:
        >>> squares_of(np.zeros((90, 160, 3), np.uint8), 224).shape  # 0 to 90 and 70 to 160
        (2, 224, 224, 3)
    """
    height, width, _ = frame.shape
    side = min(height, width)
    count = min(MOST_SQUARES, max(1, round(max(height, width) / side)))
    spare = max(height, width) - side
    places = [spare / 2] if count == 1 else np.linspace(0, spare, count)
    picture = Image.fromarray(frame)
    boxes = [(place, 0, place + side, side) if width > height else (0, place, side, place + side) for place in places]
    return np.stack([np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC, box)) for box in boxes])


def best_tags(scores: np.ndarray, names: list[str], times: np.ndarray, most: int = 5, least: float = -1.0) -> list[Tag]:
    """The names with the highest score of any frame, best first.

    Classes of the same name count as one.

    Args:
        scores: float (frames, names).
        names: of the columns.
        times: float (frames,), seconds.
        most: names at most.
        least: score at least.

    Example:
        >>> best_tags(np.array([[0.1, 0.7], [0.6, 0.3]]), ["cat", "dog"], np.array([0.5, 1.5]), most=1)
        [Tag(name='dog', score=0.7, seconds=0.5, mean=0.5)]
    """
    tags: dict[str, Tag] = {}
    for column in np.argsort(-scores.max(axis=0), kind="stable"):
        if len(tags) == most or scores[:, column].max() < least:
            break
        at = int(scores[:, column].argmax())
        tag = Tag(names[column], float(scores[at, column]), float(times[at]), float(scores[:, column].mean()))
        tags.setdefault(tag.name, tag)
    return list(tags.values())
