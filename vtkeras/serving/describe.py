"""Everything a model has to say about video files; what `vtkeras predict` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from vtkeras.data.spelling import normalise
from vtkeras.data.video import Clip, read_frames
from vtkeras.errors import UserError
from vtkeras.explain.animation import as_png, fit
from vtkeras.explain.attention_tables import by_time, question_shares
from vtkeras.explain.overlay import caption_picture
from vtkeras.serving.batches import in_batches
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.serving.pictures import not_shown
from vtkeras.serving.results import Answer, readable
from vtkeras.serving.schema import Description
from vtkeras.whole_files import write_bytes
from vtkeras.workspace.runs import RunCard

LABEL_THRESHOLD = 0.5
GAP_THRESHOLD = 5.0  # seconds between frames, above which much may happen unseen
TOGETHER = 16  # videos that are read before the model is asked, at most
TILE = 128  # pixels
SAYING = ("caption", "answer", "write_answer", "classify")  # endpoints that have words for a video


def describe(
    card: RunCard,
    ask: Callable[..., list],
    videos: Sequence[str | Path],
    questions: Sequence[str] = (),
    start: float | None = None,
    end: float | None = None,
    decoding: Decoding = GREEDY,
    choices: Sequence[str] = (),
    set_aside: Callable[[], AbstractContextManager] = nullcontext,
    anyway: bool = False,
) -> Iterator[Description]:
    """Reads videos and lets an exported model describe them, several at a time.

    Args:
        card: of the model's run.
        ask: from the name of a method of `Predictor` and its arguments to what it gives.
        videos: video or image files.
        questions: questions to answer about each.
        start, end: seconds; None for the whole video.
        decoding: how captions are written.
        choices: candidates that every question is to be answered with; none for the model's own answers.
        set_aside: a context in which each file is read; if it swallows a `UserError`, that file is left out.
        anyway: caption, label and answer clips that are unlike the model's training videos, too.

    Raises:
        UserError: for a file that does not decode, an empty question, choices without a question, decoding options
            that the model cannot follow, or a model that has no words for a video.

    Example:
        >>> card = read_card("saved_models/multitask/moving_digits")
        >>> [found.caption.text for found in describe(card, partial(worker.ask, card.folder), ["a.mp4"])]
        ['digit 3 is moving up and down']
    """
    if not any(map(card.can, SAYING)):
        raise UserError(
            f"The model in {card.folder} is of the task '{card.task}', which has no words for a video: choose another "
            f"with --model, or let a program ask its saved_model/ for {', '.join(card.endpoints)}."
        )
    if choices and not questions:
        raise UserError("--choice gives answers to choose from: ask with --question.")
    if decoding != GREEDY and not card.can("caption"):
        raise UserError(f"The model in {card.folder} writes no captions: leave the decoding options out.")
    questions, choices = [readable(text) for text in questions], [readable(text) for text in choices]

    def read() -> Iterator[tuple[str | Path, Clip]]:
        for video in videos:
            clip = None
            with set_aside():
                clip = read_frames(video, start=start, end=end, **card.clip_size)
            if clip:
                yield video, clip

    for found in in_batches(read(), TOGETHER, lambda one: one[1].frames.nbytes):
        yield from _describe(card, ask, found, questions, decoding, choices, anyway)


def answer_all(
    card: RunCard, ask: Callable[..., list], clips: Sequence[np.ndarray], question: str, choices: Sequence[str] = ()
) -> list[list[tuple[str, Answer]]]:
    """Pairs of the question and each answer that the model can give, for every clip.

    Args:
        card, ask: as in `describe`.
        clips: uint8 (time, height, width, 3) each.
        question: asked of every clip.
        choices: candidates; none for the model's own answer, and beside one of a closed set what it writes word by
            word where that is another.

    Raises:
        UserError: as the methods of `Predictor`.
    """
    asked = clips, [question] * len(clips)
    if choices:
        ways = [ask("chosen_answers", *asked, choices)]
    else:
        methods = {"answer": "answers", "write_answer": "written_answers"}
        can = [method for endpoint, method in methods.items() if card.can(endpoint)]
        ways = [ask(method, *asked) for method in can or ["answers"]]  # which says that the model cannot
    return [[(question, answer) for answer in _different(of_clip)] for of_clip in zip(*ways)]


def _different(answers: Sequence[Answer]) -> list[Answer]:
    """The answers whose texts differ, each the first time."""
    found: dict[str, Answer] = {}
    for answer in answers:
        found.setdefault(normalise(answer.text), answer)
    return list(found.values())


def to_lines(found: Description) -> list[str]:
    """A description as lines for a terminal."""
    lines = []
    if found.novelty and found.novelty.foreign:
        said = found.caption or found.answers or found.labels
        lines.append(found.novelty.guess if said else f"{found.novelty.sentence}; --anyway lets it guess")
    if found.caption:
        lines.append(f"caption: {found.caption.text}  ({found.caption.word_score:.0%} a word)")
        lines += [f"also: {text}  ({score:.3f})" for text, score in found.caption.beams[1:]]
    for question, answer in found.answers:
        lines.append(f"{question}  {answer.text}  ({answer.score:.0%}, {answer.how})")
        if answer.alternatives:
            lines.append(f"  looked most at: {_most_looked_at(answer, found.times)}")
        if answer.unread:
            lost = f"its last {answer.unread} word pieces were not read"
            lines.append(f"  the question is too long for the model: {lost}")
    count = 1 if found.single_label else sum(p >= LABEL_THRESHOLD for _, p in found.labels)
    likely = [f"{label} ({p:.0%})" for label, p in found.labels[:count]]
    if not lines and not found.labels:
        lines.append("the model answers questions: ask one with --question")
    if found.labels:
        lines.append(f"labels: {', '.join(likely) or f'none above {LABEL_THRESHOLD:.0%}'}")
    apart = np.diff(found.times).max(initial=0)
    if apart > GAP_THRESHOLD:
        lines.append(
            f"note: it saw a frame every {apart:.0f} s only: give a part with --start and --end, "
            "or let `vtkeras summarize` see all of it"
        )
    return lines + ([f"note: {found.note}"] if found.note else [])


def save_picture(found: Description, path: str | Path, report: Callable[[str], None] = print) -> None:
    """Writes where each word of the caption looked as a PNG; of the first question, where there is no caption.

    Args:
        found: what a model says of a clip.
        path: of the file.
        report: called with a line that names the file, and one on each thing that the picture does not show.

    Raises:
        UserError: if there is neither, or the file cannot be written.
    """
    shown = found.caption or next((answer for _, answer in found.answers), None)
    if shown is None and found.novelty and found.novelty.foreign:
        raise UserError("There is nothing to picture of a clip that the model has no words for: give --anyway.")
    if shown is None:
        raise UserError("There is no caption and no question to picture: ask with --question.")
    write_bytes(path, as_png(caption_picture(fit(shown.frames, TILE), shown.words, shown.attention.mean(axis=1))))
    for line in (*not_shown(shown.words, len(shown.words)), f"picture: {path}"):
        report(line)


def _describe(
    card: RunCard,
    ask: Callable[..., list],
    found: list[tuple[str | Path, Clip]],
    questions: list[str],
    decoding: Decoding,
    choices: list[str],
    anyway: bool,
) -> Iterator[Description]:
    clips = [clip.frames for _, clip in found]
    novelties = ask("novelties", clips) if card.novelty else [None] * len(clips)
    known = [place for place, novelty in enumerate(novelties) if anyway or not (novelty and novelty.foreign)]
    headlines = [clips[place] for place in known]
    captions = dict(zip(known, ask("captions", headlines, decoding) if known and card.can("caption") else ()))
    labels = dict(zip(known, ask("labels", headlines) if known and card.can("classify") else ()))
    answers = [
        dict(zip(known, answer_all(card, ask, headlines, question, choices) if known else ())) for question in questions
    ]
    for place, (video, clip) in enumerate(found):
        yield Description(
            video=str(video),
            times=clip.times,
            caption=captions.get(place),
            answers=[pair for of_question in answers for pair in of_question.get(place, ())],
            labels=labels.get(place, ()),
            single_label=card.config.model.single_label,
            note="" if clip.complete else clip.reason,
            novelty=novelties[place],
        )


def _most_looked_at(answer: Answer, times: np.ndarray, count: int = 3) -> str:
    """The frames an answer rests on, most attention first."""
    frames = by_time(question_shares(answer.attention), answer.frame_indices, times)
    frames.sort(key=lambda frame: -frame["attention"])
    return ", ".join(f"{frame['seconds']:.2f} s ({frame['attention']:.0%})" for frame in frames[:count])
