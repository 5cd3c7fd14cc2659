"""Everything a model has to say about one video file; what `vtkeras predict` prints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras.data.video import Clip, read_frames
from vtkeras.explain.overlay import caption_picture
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.serving.predictor import Answer, Caption, Predictor

LABEL_THRESHOLD = 0.5


@dataclass(frozen=True)
class Description:
    """A video with its caption, answers and labels.

    Attributes:
        video: the file.
        clip: the frames that were read, and their times in seconds.
        caption: what the model wrote.
        answers: pairs of a question and its answer.
        labels: labels with their probability, best first; empty for a model without labels.
        info: the model's `Predictor.info`.
    """

    video: Path
    clip: Clip
    caption: Caption
    answers: list[tuple[str, Answer]]
    labels: list[tuple[str, float]]
    info: dict


def describe(
    model: str | Path,
    video: str | Path,
    questions: list[str] = (),
    start: float | None = None,
    end: float | None = None,
    decoding: Decoding = GREEDY,
) -> Description:
    """Reads a video and lets an exported model describe it.

    Args:
        model: run folder with an exported model.
        video: video or image file.
        questions: questions to answer.
        start, end: seconds; None for the whole video.
        decoding: how the caption is written.

    Raises:
        UserError: for a file that does not decode, an empty question, a folder without a model, or
            decoding options that the model cannot follow.
    """
    predictor = Predictor(model)
    data = predictor.config.data
    clip = read_frames(video, data.num_frames, start, end, max_side=4 * data.image_size)
    return Description(
        video=Path(video),
        clip=clip,
        caption=predictor.caption(clip.frames, decoding),
        answers=[(question, predictor.answer(clip.frames, question)) for question in questions],
        labels=predictor.classify(clip.frames) if predictor.labels else [],
        info=predictor.info,
    )


def to_lines(found: Description) -> list[str]:
    """The description as lines for a terminal."""
    lines = [f"caption: {found.caption.text}  ({found.caption.score:.0%})"]
    lines += [f"also: {text}  ({score:.3f})" for text, score in found.caption.beams[1:]]
    lines += [f"{question}  {answer.text}  ({answer.score:.0%})" for question, answer in found.answers]
    likely = [f"{label} ({p:.0%})" for label, p in found.labels if p >= LABEL_THRESHOLD]
    if found.labels:
        lines.append(f"labels: {', '.join(likely) or 'none above 50%'}")
    if not found.clip.complete:
        lines.append(f"note: {found.clip.reason}")
    return lines


def to_json(found: Description) -> str:
    """The description as JSON, with the times of the frames that were looked at."""
    values = {
        "video": str(found.video),
        "model": {key: found.info[key] for key in ("name", "model_hash", "data")},
        "caption": found.caption.text,
        "score": found.caption.score,
        "decoding": found.caption.decoding.options(),
        "beams": [{"text": text, "score": score} for text, score in found.caption.beams],
        "words": found.caption.words,
        "probabilities": found.caption.probabilities,
        "frame_times": [float(found.clip.times[index]) for index in found.caption.frame_indices],
        "attention_by_frame": [
            [round(float(share), 4) for share in row] for row in frame_shares(found.caption.attention)
        ],
        "answers": [
            {"question": question, "answer": answer.text, "score": answer.score} for question, answer in found.answers
        ],
        "labels": dict(found.labels),
        "complete": found.clip.complete,
    }
    return json.dumps(values, ensure_ascii=False, indent=1)


def frame_shares(attention: np.ndarray) -> np.ndarray:
    """How much of each word's attention each frame got, the mean over heads.

    Args:
        attention: float (words, heads, time, rows, columns).

    Returns:
        float (words, time); each row sums to 1.
    """
    return attention.mean(axis=1).sum(axis=(2, 3))


def save_picture(found: Description, path: str | Path) -> None:
    """Writes where each word of the caption looked as a PNG."""
    attention = found.caption.attention.mean(axis=1)
    scale = max(1, 128 // max(found.caption.frames.shape[1:3]))
    Image.fromarray(caption_picture(found.caption.frames, found.caption.words, attention, scale)).save(path)
