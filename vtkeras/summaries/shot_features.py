"""What a model computes of every shot, stored as it goes, so that a long video can be interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from vtkeras.data.readers import VideoInfo
from vtkeras.data.video import FrameStream
from vtkeras.errors import UserError
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.serving.batches import in_batches
from vtkeras.summaries.color_histogram import color_histogram
from vtkeras.summaries.shots import Shot, find_shots
from vtkeras.whole_files import disk_errors, locked

if TYPE_CHECKING:  # pages read summaries, and import no TensorFlow
    from vtkeras.serving.predictor import Predictor
    from vtkeras.serving.results import Caption

SHOTS = "shots.jsonl"
PICTURES = "pictures"
FILE_HASH = "video"  # in the key of `SHOTS`
VERSION = 3
TOGETHER = 8  # shots that go through the model at once, at most
OLD_NAMES = {"look": "color_histogram"}  # in files that were written before the rename


@dataclass(frozen=True)
class ShotFeatures:
    """A shot with its caption and features.

    Attributes:
        start, end: seconds.
        caption: what the model wrote; "" for a foreign shot.
        confidence: the model's probability of the caption.
        embedding: float32 (dim,), unit vector in the space that videos and texts share.
        color_histogram: float32 (colours,), unit vector, see `color_histogram`.
        picture: file of a frame near its middle, below the output folder.
        foreign: whether it is unlike the model's training videos.
    """

    start: float
    end: float
    caption: str
    confidence: float
    embedding: np.ndarray
    color_histogram: np.ndarray
    picture: str
    foreign: bool = False

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True)
class VideoFeatures:
    """The shots of a whole video.

    Attributes:
        info: what the file says of itself.
        shots: all of them, in order.
        missing: one sentence on what the file lacks; "" for a whole one.
    """

    info: VideoInfo
    shots: list[ShotFeatures]
    missing: str


def shot_features(
    video: str | Path,
    predictor: Predictor,
    folder: str | Path,
    longest: float,
    threshold: float,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> VideoFeatures:
    """Captions and embeds each shot of a video; goes on where an earlier call was interrupted.

    Args:
        video: video or image file.
        predictor: an exported model.
        folder: where `shots.jsonl` and the pictures are kept; one of another model or setting is begun anew, one of
            another video refused.
        longest, threshold: as `find_shots`.
        progress: called with the seconds done and in all.

    Raises:
        UserError: for a file that does not decode, a full disk, or a model without captions or embeddings.

    Example:
        >>> shot_features("film.mp4", predictor, "out", 10.0, 27.0).shots[0].caption
        'digit 3 is moving up and down'
    """
    if not (predictor.can("caption") and predictor.can("embed_video")):
        raise UserError(
            f"The model '{predictor.info['name']}' cannot summarise: it has no captions or no joint "
            "embedding of videos and texts: choose one of the task 'multitask'."
        )
    with (
        FrameStream(video) as stream,
        disk_errors(folder),
        locked(Path(folder), "Another summary"),
        interrupt_between_steps() as end_of_step,
    ):
        key = {
            "version": VERSION,
            FILE_HASH: file_hash(video),
            "model": predictor.info["model_hash"],
            "longest": longest,
            "threshold": threshold,
            "reading": predictor.reading,
        }
        log = _ShotLog(Path(folder), key)
        total, size = stream.info.duration, predictor.clip_size
        if not log.complete:
            start, before = (log.shots[-1].end, log.shots[-1].length) if log.shots else (0.0, 0.0)
            progress(start, total)
            found = find_shots(stream, size["num_frames"], size["max_side"], start, before, longest, threshold)
            for shots in in_batches(found, TOGETHER, lambda shot: shot.frames.nbytes):
                log.add(shots, predictor)
                progress(shots[-1].end, total)
                end_of_step()
            log.finish(stream.missing())
        progress(total, total)
        return VideoFeatures(stream.info, log.shots, log.missing)


def file_hash(path: str | Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


class _ShotLog:
    """`shots.jsonl`: the key, a line for each shot, and a last line once the video was read to its end."""

    def __init__(self, folder: Path, key: dict):
        self.shots: list[ShotFeatures] = []
        self.missing, self.complete = "", False
        self._folder, self._path = folder, folder / SHOTS
        (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        if not self._read(key):
            self._refuse_other_video(key)
            shutil.rmtree(folder / PICTURES)
            (folder / PICTURES).mkdir()
            self._path.write_text(json.dumps(key) + "\n", encoding="utf-8")

    def _refuse_other_video(self, key: dict) -> None:
        try:
            before = json.loads(self._path.read_text(encoding="utf-8").split("\n")[0])[FILE_HASH]
        except (OSError, ValueError, KeyError, TypeError):
            return  # nothing that could be read
        if before != key[FILE_HASH]:
            raise UserError(f"{self._folder} holds the summary of another video: choose another --out, or delete it.")

    def add(self, shots: Sequence[Shot], predictor: Predictor) -> None:
        clips = [shot.frames for shot in shots]
        foreign = [novelty is not None and novelty.foreign for novelty in predictor.novelties(clips)]
        known = [place for place, unlike in enumerate(foreign) if not unlike]
        captions = dict(zip(known, predictor.captions([clips[place] for place in known]) if known else ()))
        for place, (shot, embedding) in enumerate(zip(shots, predictor.embed_videos(clips))):
            self._add(shot, foreign[place], captions.get(place), embedding)

    def _add(self, shot: Shot, foreign: bool, caption: Caption | None, embedding: np.ndarray) -> None:
        picture = f"{PICTURES}/{len(self.shots):05d}.jpg"
        Image.fromarray(shot.picture).save(self._folder / picture, quality=88)
        values = {
            "start": shot.start,
            "end": shot.end,
            "caption": caption.text if caption else "",
            "confidence": round(caption.score, 6) if caption else 0.0,
            "foreign": foreign,
            "embedding": _rounded(embedding),
            "color_histogram": _rounded(color_histogram(shot.frames)),
            "picture": picture,
        }
        self._append(values)
        self.shots.append(_to_shot(values))

    def finish(self, missing: str) -> None:
        self.missing, self.complete = missing, True
        self._append({"complete": True, "missing": missing})

    def _append(self, values: dict) -> None:
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(values, ensure_ascii=False) + "\n")

    def _read(self, key: dict) -> bool:
        """Reads what an earlier call wrote; False if there is nothing of the same key."""
        if not self._path.is_file():
            return False
        lines = self._path.read_bytes().split(b"\n")
        sound = len(lines[0]) + 1
        try:
            if json.loads(lines[0]) != key:
                return False
            for line in lines[1:-1]:  # a line that was cut short has no end and comes last
                values = json.loads(line)
                if values.get("complete"):
                    self.missing, self.complete = values["missing"], True
                else:
                    self.shots.append(_to_shot(values))
                sound += len(line) + 1
        except (ValueError, KeyError, TypeError, AttributeError):
            if not self.shots:
                return False
        os.truncate(self._path, sound)
        return True


def _to_shot(values: dict) -> ShotFeatures:
    values = {OLD_NAMES.get(name, name): value for name, value in values.items()}
    vectors = {name: np.array(values[name], np.float32) for name in ("embedding", "color_histogram")}
    return ShotFeatures(**{**values, **vectors})


def _rounded(vector: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in vector]
