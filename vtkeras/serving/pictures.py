"""An explanation as files: a table of pictures, an animation, and numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras.data.fonts import lacking
from vtkeras.data.mp4 import write_video
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError
from vtkeras.explain.animation import FONT, animate, as_gif, as_png, fit, pace
from vtkeras.explain.faithfulness import Faithfulness
from vtkeras.explain.overlay import MOST_WORDS, caption_picture
from vtkeras.serving import explanation
from vtkeras.serving.explanation import Explanation
from vtkeras.serving.results import readable
from vtkeras.whole_files import write_bytes, write_text

if TYPE_CHECKING:  # pages import this file, and no TensorFlow
    from vtkeras.serving.predictor import Predictor

TILE, SIDE = 128, 256  # pixels


def explain_video(
    predictor: Predictor,
    video: str | Path,
    question: str | None = None,
    caption: str | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Explanation:
    """Explains the caption of a video file, a caption of one's own, or the answer to a question.

    Args:
        predictor: the model.
        video: video or image file.
        question: whose answer to explain; None explains a caption.
        caption: a caption of one's own; None takes the one that the model writes.
        start, end: seconds of the part of the video to look at; None is its beginning, or its end.

    Raises:
        UserError: for a file that does not decode, an empty text, both texts at once, a model without captions and
            answers, or one without captions that is not asked anything.
    """
    if question is not None and caption is not None:
        raise UserError("Give --question or --caption, not both.")
    explanation.check_explainable(predictor, ("caption", "answer", "write_answer"))
    if question is None and not predictor.can("caption"):
        raise UserError(f"The model in {predictor.folder} knows no captions: ask something with --question.")
    clip = read_frames(video, start=start, end=end, **predictor.clip_size)
    if question is not None:
        return explanation.explain_answer(predictor, clip.frames, clip.times, readable(question))
    given = None if caption is None else readable(caption)
    return explanation.explain_caption(predictor, clip.frames, clip.times, given)


def find_words(found: Explanation, word: str | None) -> list[int]:
    """Places of the words that `word` means: its number from 1, or the word itself; all for None.

    Raises:
        UserError: if there is no such word.
    """
    places = range(len(found.words))
    if word is None:
        return list(places)
    named = [place for place in places if found.words[place].lower() == word.strip().lower()]
    if not named and word.strip().isdecimal():
        named = [place for place in places if place + 1 == int(word)]
    if not named:
        listed = ", ".join(f"{place} {name}" for place, name in enumerate(found.words, start=1)) or "none"
        raise UserError(f"There is no word '{word}'; the words are: {listed}.")
    return named


def to_png(found: Explanation, maps: np.ndarray, words: list[int]) -> bytes:
    """A row a word, a column a frame.

    Args:
        found: what was explained.
        maps: float (words, time, rows, columns), as `Explanation.maps` gives them.
        words: places of the words to show, of which the first `MOST_WORDS` are.

    Returns:
        The picture, frames tinted where each word looked, as a PNG file's bytes.
    """
    names = [name if place in words else "" for place, name in enumerate(found.words)]
    return as_png(caption_picture(fit(found.frames, TILE), names, maps))


def to_frames(found: Explanation, maps: np.ndarray, words: list[int]) -> tuple[np.ndarray, float]:
    """The animation's frames, word after word, and their number a second.

    Args:
        found: what was explained.
        maps: float (words, time, rows, columns), as `Explanation.maps` gives them.
        words: places of the words to show, of which the first `MOST_WORDS` are.

    Returns:
        uint8 (words shown * time, height, width, 3), RGB, and frames a second.
    """
    return animate(found.frames, found.words, words, maps, found.times, SIDE), pace(found.times)


def to_lines(found: Explanation, judged: dict[int, Faithfulness]) -> list[str]:
    """The findings for a terminal, and notes on who decided and what was not read."""
    score = f"  ({found.probabilities[0]:.0%})" if found.kind == explanation.ANSWER else ""
    lines = [f"{found.text}  {found.words[0]}{score}" if score else f"caption: {found.text}"]
    for place, one in judged.items():
        areas = f"{_beside_random(one, 'deletion')}, {_beside_random(one, 'insertion')}"
        lines.append(f"{found.words[place]}: {areas}. {one.verdict}")
    return lines + [f"note: {line}" for line in explanation.notes(found)]


def save(
    out: Path,
    found: Explanation,
    maps: np.ndarray,
    words: list[int],
    numbers: str,
    report: Callable[[str], None],
) -> None:
    """Writes words.png, look.gif, look.mp4 and explanation.json.

    Args:
        out: the folder.
        found: what was explained.
        maps: float (words, time, rows, columns), as `Explanation.maps` gives them.
        words: places of the words to show; without any, only explanation.json is written.
        numbers: the JSON text of explanation.json.
        report: called with a line that names the files, and one on each thing that the pictures do not show.

    Raises:
        UserError: if the folder cannot be written.
    """
    write_text(out / "explanation.json", numbers)
    if words:
        pictures, fps = to_frames(found, maps, words)
        write_bytes(out / "words.png", to_png(found, maps, words))
        write_bytes(out / "look.gif", as_gif(pictures, fps))
        write_video(out / "look.mp4", pictures, fps)
        for line in not_shown(found.words, len(words)):
            report(line)
    report(f"written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")


def not_shown(words: list[str], chosen: int) -> list[str]:
    """Sentences on what pictures do not show: words beyond the first `MOST_WORDS`, and those that no font has.

    Args:
        words: all words.
        chosen: how many of them were to be shown.
    """
    beyond = f"The pictures show the first {MOST_WORDS} of {chosen} words; `vtkeras explain --word` shows another one."
    return [line for line in (beyond if chosen > MOST_WORDS else "", lacking(words, FONT)) if line]


def _beside_random(one: Faithfulness, curve: str) -> str:
    value, chance = getattr(one.sweep, f"{curve}_auc"), one.against_random()
    mean, spread = (chance[f"random_{curve}_{part}"] for part in ("auc", "std"))
    return f"{curve} {value:.3f} (random {mean:.3f} ± {spread:.3f})"
