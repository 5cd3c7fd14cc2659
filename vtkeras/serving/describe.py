"""Everything a model has to say about one video file; what `vtkeras predict` prints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vtkeras.data.video import Clip, read_frames
from vtkeras.errors import UserError
from vtkeras.explain.attention_tables import by_time, question_shares
from vtkeras.explain.overlay import caption_picture
from vtkeras.run_files import replacing
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import Answer, Caption, readable

LABEL_THRESHOLD = 0.5
FAR_APART = 5.0  # seconds between frames, above which much may happen unseen


@dataclass(frozen=True)
class Description:
    """A video with its caption, answers and labels.

    Attributes:
        video: the file.
        clip: the frames that were read, and their times in seconds.
        caption: what the model wrote; None for a model that was trained without captions.
        answers: pairs of a question and its answer.
        written: pairs of a question and its answer written word by word; empty for a model that does not.
        labels: labels with their probability, best first; empty for a model without labels.
        info: the model's `Predictor.info`.
    """

    video: Path
    clip: Clip
    caption: Caption | None
    answers: list[tuple[str, Answer]]
    written: list[tuple[str, Answer]]
    labels: list[tuple[str, float]]
    info: dict


def describe(
    model: str | Path,
    video: str | Path,
    questions: list[str] = (),
    start: float | None = None,
    end: float | None = None,
    decoding: Decoding = GREEDY,
    choices: list[str] = (),
) -> Description:
    """Reads a video and lets an exported model describe it.

    Args:
        model: run folder with an exported model.
        video: video or image file.
        questions: questions to answer.
        start, end: seconds; None for the whole video.
        decoding: how the caption is written.
        choices: candidates that every question is to be answered with; none for the model's own answers.

    Raises:
        UserError: for a file that does not decode, an empty question, choices without a question, a
            folder without a model, or decoding options that the model cannot follow.
    """
    if choices and not questions:
        raise UserError("--choice gives answers to choose from: ask with --question.")
    questions, choices = [readable(text) for text in questions], [readable(text) for text in choices]
    predictor = Predictor(model)
    if decoding != GREEDY and not predictor.can("caption"):
        raise UserError(f"The model in {model} writes no captions: leave the decoding options out.")
    writes = predictor.can("write_answer") and predictor.can("answer") and not choices

    def answer(question: str) -> Answer:
        if choices:
            return predictor.choose(clip.frames, question, choices)
        return predictor.answer(clip.frames, question)

    clip = read_frames(video, start=start, end=end, **predictor.clip_size)
    return Description(
        video=Path(video),
        clip=clip,
        caption=predictor.caption(clip.frames, decoding) if predictor.can("caption") else None,
        answers=[(question, answer(question)) for question in questions],
        written=[(question, predictor.write_answer(clip.frames, question)) for question in questions if writes],
        labels=predictor.classify(clip.frames) if predictor.can("classify") else [],
        info=predictor.info,
    )


def to_lines(found: Description) -> list[str]:
    """The description as lines for a terminal."""
    lines = []
    if found.caption:
        lines.append(f"caption: {found.caption.text}  ({found.caption.score:.0%})")
        lines += [f"also: {text}  ({score:.3f})" for text, score in found.caption.beams[1:]]
    for question, answer in found.answers:
        lines.append(f"{question}  {answer.text}  ({answer.score:.0%})")
        lines.append(f"  looked most at: {_most_looked_at(answer, found.clip.times)}")
        if answer.unread:
            lost = f"its last {answer.unread} word pieces were not read"
            lines.append(f"  the question is too long for the model: {lost}")
    for question, answer in found.written:
        lines.append(f"{question}  {answer.text}  ({answer.score:.0%}, written word by word)")
    likely = [f"{label} ({p:.0%})" for label, p in found.labels if p >= LABEL_THRESHOLD]
    if not lines and not found.labels:
        lines.append("the model answers questions: ask one with --question")
    if found.labels:
        lines.append(f"labels: {', '.join(likely) or 'none above 50%'}")
    apart = np.diff(found.clip.times).max(initial=0)
    if apart > FAR_APART:
        lines.append(
            f"note: it saw a frame every {apart:.0f} s only: give a part with --start and --end, "
            "or let `vtkeras summarize` see all of it"
        )
    if not found.clip.complete:
        lines.append(f"note: {found.clip.reason}")
    return lines


def to_json(found: Description) -> str:
    """The description as JSON, with the times of the frames that were looked at."""
    values = {
        "video": readable(str(found.video)),
        "model": {key: found.info[key] for key in ("name", "model_hash", "data")},
        **(_caption_values(found.caption, found.clip.times) if found.caption else {}),
        "answers": [_answer_values(question, answer, found.clip.times) for question, answer in found.answers],
        "written_answers": [
            {"question": question, "answer": answer.text, "score": answer.score}
            for question, answer in found.written
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
    """Writes where each word of the caption looked as a PNG; of the first question, where there is no caption.

    Raises:
        UserError: if there is neither.
    """
    shown = found.caption or next((answer for _, answer in found.answers), None)
    if shown is None:
        raise UserError("There is no caption and no question to picture: ask with --question.")
    scale = max(1, 128 // max(shown.frames.shape[1:3]))
    picture = caption_picture(shown.frames, shown.words, shown.attention.mean(axis=1), scale)
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, "PNG")


def _caption_values(caption: Caption, times: np.ndarray) -> dict:
    return {
        "caption": caption.text,
        "score": caption.score,
        "decoding": caption.decoding.options(),
        "beams": [{"text": text, "score": score} for text, score in caption.beams],
        "words": caption.words,
        "probabilities": caption.probabilities,
        "frame_times": [float(times[index]) for index in caption.frame_indices],
        "attention_by_frame": [
            [round(float(share), 4) for share in row] for row in frame_shares(caption.attention)
        ],
    }


def _answer_values(question: str, answer: Answer, times: np.ndarray) -> dict:
    return {
        "question": question,
        "answer": answer.text,
        "score": answer.score,
        "unread_word_pieces": answer.unread,
        "alternatives": dict(answer.alternatives),
        "frames": by_time(question_shares(answer.attention), answer.frame_indices, times),
    }


def _most_looked_at(answer: Answer, times: np.ndarray, count: int = 3) -> str:
    """The frames an answer rests on, most attention first."""
    frames = by_time(question_shares(answer.attention), answer.frame_indices, times)
    frames.sort(key=lambda frame: -frame["attention"])
    return ", ".join(f"{frame['seconds']:.2f} s ({frame['attention']:.0%})" for frame in frames[:count])
