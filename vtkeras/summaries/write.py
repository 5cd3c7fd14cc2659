"""A text that covers the whole video, made of the captions of its shots and of its transcript.

It is assembled by rules: captions are the model's, and sentences of the transcript are quoted, unless the
model wrote one sentence from both (`vtkeras.summaries.rewrite_with_transcript`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vtkeras.summaries.shot_features import ShotFeatures

CONFIDENCE_THRESHOLD = 0.5  # captions of which the model is less sure are left out
MOST_PARTS = 8
MOST_NAMED = 3  # captions of one part
THEME_THRESHOLD = 0.25  # share of the time from which a caption that recurs is the theme of the video
LONGEST_QUOTE = 300  # characters


@dataclass(frozen=True)
class Part:
    """Neighbouring shots that share a line of the text.

    Attributes:
        start, end: seconds.
        shots: their indices.
        captions: each caption that the model is sure of with its seconds, longest first.
        text: its line.
    """

    start: float
    end: float
    shots: tuple[int, ...]
    captions: tuple[tuple[str, float], ...]
    text: str = ""


def merge_captions(shots: list[ShotFeatures]) -> list[tuple[float, float, str]]:
    """Start, end and caption of each run of neighbouring shots with one caption; "" where the model is unsure.

    Example:
        Three shots of 2 s, "a cat", "a cat" and "a dog":

        >>> merge_captions(shots)
        [(0.0, 4.0, 'a cat'), (4.0, 6.0, 'a dog')]
    """
    return merge_runs((shot.start, shot.end, sure_caption(shot)) for shot in shots)


def merge_runs(captions: Iterable[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Joins neighbours of (start, end, caption) that have one caption."""
    runs: list[tuple[float, float, str]] = []
    for start, end, caption in captions:
        if runs and runs[-1][2] == caption:
            runs[-1] = (runs[-1][0], end, caption)
        else:
            runs.append((start, end, caption))
    return runs


def sure_caption(shot: ShotFeatures) -> str:
    """The shot's caption if the model is sure of it, else ""."""
    return shot.caption if shot.confidence >= CONFIDENCE_THRESHOLD else ""


def divide(shots: list[ShotFeatures], most: int = MOST_PARTS) -> list[Part]:
    """Divides a video into at most `most` parts, so that shots of one part are as similar as possible.

    Neighbours are joined by Ward's rule (1963): the pair whose joining adds least to the squared
    distance, weighted by time, of embeddings and colour histograms from their part's mean.

    Args:
        shots: all of them.
        most: parts.
    """
    vectors = [np.concatenate([shot.embedding, shot.color_histogram]) for shot in shots]
    groups = [([place], shots[place].length, vector) for place, vector in enumerate(vectors)]
    costs = [_ward(left, right) for left, right in zip(groups, groups[1:])]
    while len(groups) > most:
        place = int(np.argmin(costs))
        groups[place : place + 2] = [_join(*groups[place : place + 2])]
        near = groups[max(place - 1, 0) : place + 2]
        costs[max(place - 1, 0) : place + 2] = [_ward(left, right) for left, right in zip(near, near[1:])]
    return [_part(shots, members) for members, _, _ in groups]


def choose_quotes(
    parts: list[Part], key: np.ndarray, scores: np.ndarray, sentences: dict[int, str]
) -> dict[int, str]:
    """The quoted sentences: those of key shots, and where a part has none, those of its best shot that has some.

    Args:
        parts: from `divide`.
        key: bool (shots,).
        scores: float (shots,).
        sentences: of the transcript, by shot.

    Example:
        >>> choose_quotes([Part(0, 4, (0, 1), ())], np.zeros(2, bool), np.array([1, 2]), {0: "a", 1: "b"})
        {1: 'b'}
    """
    quoted = {shot: text for shot, text in sentences.items() if key[shot]}
    for part in parts:
        candidates = [shot for shot in part.shots if shot in sentences]
        if candidates and not any(key[shot] for shot in candidates):
            best = max(candidates, key=lambda shot: scores[shot])
            quoted[best] = sentences[best]
    return quoted


def write(
    parts: list[Part], shots: list[ShotFeatures], quotes: dict[int, str], rewritten: dict[int, str] | None = None
) -> tuple[str, list[Part]]:
    """Writes the summary.

    Args:
        parts: from `divide`.
        shots: all shots.
        quotes: a sentence of the transcript for some shots.
        rewritten: for some of those, one sentence in place of the caption and the quote.

    Returns:
        The text: what the video is mostly about, then a line for each part with what is new in it;
        and the parts, each with its line.
    """
    theme = _theme(shots)
    lines = [_overview(shots, theme)]
    fine = shots[-1].end < 60
    before, finished = set(theme[:1]), []
    for part in _join_empty(parts, quotes):
        text = _line(part, shots, before, quotes, rewritten or {})
        before |= {caption for caption, _ in part.captions}
        finished.append(Part(part.start, part.end, part.shots, part.captions, text))
        lines.append(f"{clock(part.start, fine)}–{clock(part.end, fine)}  {text}")
    return "\n".join(lines), finished


def clock(seconds: float, fine: bool = False) -> str:
    """A time as people write it.

    Args:
        seconds: the time.
        fine: with tenths of a second.

    Example:
        >>> clock(75), clock(3675), clock(7.25, fine=True)
        ('1:15', '1:01:15', '0:07.2')
    """
    tenths = round(10 * seconds) if fine else 10 * int(seconds + 0.5)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:" if hours else f"{minutes}:"
    return text + f"{rest // 10:02d}" + (f".{rest % 10}" if fine else "")


def _join_empty(parts: list[Part], quotes: dict[int, str]) -> list[Part]:
    """The parts, with neighbours that have neither caption nor quote joined."""
    joined: list[Part] = []
    for part in parts:
        if joined and _is_empty(part, quotes) and _is_empty(joined[-1], quotes):
            part = Part(joined[-1].start, part.end, joined.pop().shots + part.shots, ())
        joined.append(part)
    return joined


def _is_empty(part: Part, quotes: dict[int, str]) -> bool:
    return not part.captions and not any(shot in quotes for shot in part.shots)


def _overview(shots: list[ShotFeatures], theme: tuple[str, float, int] | tuple) -> str:
    duration = shots[-1].end
    foreign = sum(shot.length for shot in shots if shot.foreign) / duration
    unsure = sum(shot.length for shot in shots if not sure_caption(shot)) / duration - foreign
    line = f"{clock(duration, duration < 60)} long, {len(shots)} {'shot' if len(shots) == 1 else 'shots'}."
    if theme:
        caption, share, places = theme
        line += f" Mostly {caption} ({share:.0%} of the time, in {places} places)."
    if unsure + foreign > 0.995:
        return line + " The model has no words for what it sees: it was trained on other things."
    if foreign >= 0.005:
        line += f" For {foreign:.0%} of the time the model has no words: this is unlike most of its training videos."
    if unsure >= 0.05:
        line += f" For {unsure:.0%} of the time the model is not sure what it sees."
    return line


def _theme(shots: list[ShotFeatures]) -> tuple[str, float, int] | tuple:
    """The caption that recurs most, its share of the time, and in how many places; or ()."""
    runs = [(end - start, caption) for start, end, caption in merge_captions(shots) if caption]
    seconds: dict[str, float] = {}
    for length, caption in runs:
        seconds[caption] = seconds.get(caption, 0.0) + length
    if not seconds:
        return ()
    caption = max(seconds, key=seconds.__getitem__)
    share = seconds[caption] / shots[-1].end
    places = sum(caption == other for _, other in runs)
    return (caption, share, places) if share >= THEME_THRESHOLD and places > 1 else ()


def _line(
    part: Part, shots: list[ShotFeatures], before: set[str], quotes: dict[int, str], rewritten: dict[int, str]
) -> str:
    fused = {shot: rewritten[shot] for shot in part.shots if shot in rewritten}
    covered = {sure_caption(shots[shot]) for shot in fused}
    captions = [caption for caption, _ in part.captions if caption not in covered]
    new = [*dict.fromkeys(fused.values()), *(caption for caption in captions if caption not in before)]
    known = [caption for caption in captions if caption in before]
    if new:
        text = "; ".join(new[:MOST_NAMED])
        text += f"; and {len(new) - MOST_NAMED} more" if len(new) > MOST_NAMED else ""
        text += "; besides what was seen before" if known else ""
    elif known:
        text = "what was seen before" if len(known) > 1 else f"again {known[0]}"
    else:
        foreign = all(shots[shot].foreign for shot in part.shots)
        text = "no words: unlike the model's training videos" if foreign else "not recognised"
    quoted = [f"“{_shorten(quotes[shot])}”" for shot in part.shots if shot in quotes and shot not in fused]
    if quoted:
        text += ". Said: " + " ".join(quoted[:MOST_NAMED])
    return text if quoted else f"{text}."


def words_of(shot: dict) -> str:
    """The words under a shot of a summary: the rewritten sentence, the quote, or the caption."""
    return shot.get("told") or (f"“{shot['sentence']}”" if shot["sentence"] else shot["caption"])


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1].rstrip() + "…"


def _part(shots: list[ShotFeatures], members: list[int]) -> Part:
    seconds: dict[str, float] = {}
    for place in members:
        if sure_caption(shots[place]):
            seconds[shots[place].caption] = seconds.get(shots[place].caption, 0.0) + shots[place].length
    captions = sorted(seconds.items(), key=lambda item: -item[1])
    return Part(shots[members[0]].start, shots[members[-1]].end, tuple(members), tuple(captions))


def _ward(left: tuple, right: tuple) -> float:
    weight = left[1] * right[1] / (left[1] + right[1])
    return weight * float(np.sum((left[2] - right[2]) ** 2))


def _join(left: tuple, right: tuple) -> tuple:
    seconds = left[1] + right[1]
    mean = (left[1] * left[2] + right[1] * right[2]) / seconds
    return (left[0] + right[0], seconds, mean)
