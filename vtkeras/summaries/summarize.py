"""From a long video to its key shots and a text: what `vtkeras summarize` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vtkeras.data.cut import cut
from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.data.subtitles import Transcript, read_transcript, write_subtitles
from vtkeras.data.video import probe
from vtkeras.errors import UserError
from vtkeras.metrics.summary import choose_key_shots
from vtkeras.metrics.tokenize import tokenize
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import readable
from vtkeras.summaries.align_transcript import pick_sentences
from vtkeras.summaries.rewrite_with_transcript import rewrite_with_transcript
from vtkeras.summaries.scorers import DIVERSE, make_scorer
from vtkeras.summaries.shot_features import ShotFeatures, file_hash, shot_features
from vtkeras.summaries.shots import CUT_THRESHOLD, MAX_SHOT, MIN_SHOT
from vtkeras.summaries.storyboard import storyboard
from vtkeras.summaries.summary import (
    CAPTIONS,
    CLIP,
    CLIP_CAPTIONS,
    JSON,
    STORYBOARD,
    TEXT,
    Summary,
    captions,
    clip_captions,
    to_text,
)
from vtkeras.summaries.write import choose_quotes, divide, merge_captions, write
from vtkeras.whole_files import replacing, write_json, write_text

BUDGET = 0.15
LONGEST_SHARE = 0.05  # of the video: a longer take is cut into parts, so that three fit into the usual budget
FINEST_TICK = 0.05  # seconds; lengths are counted in these, or in frames where those are longer
KNOWN_THRESHOLD = 0.5  # of a sentence's words; with fewer known ones, what the model makes of it means nothing
FLICKER_THRESHOLD = 0.25  # seconds; shorter shots, as the rest of a divided take, are too short to be seen

Progress = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Options:
    """What a summary depends on beside the video, the model and the transcript.

    Attributes:
        budget: the summary's greatest share of the video, above 0 and at most 1.
        scorer: a name in `SCORERS`, or a folder that `vtkeras train-scorer` made.
        longest: seconds; longer takes are cut into parts. None is a twentieth of the
            video, from 0.5 to 10 s.
        threshold: of a cut, as `find_shots`.
        seed: of the random scorer.
        clip: write the mp4.
    """

    budget: float = BUDGET
    scorer: str = DIVERSE
    longest: float | None = None
    threshold: float = CUT_THRESHOLD
    seed: int = 0
    clip: bool = True

    def __post_init__(self):
        if not 0 < self.budget <= 1:
            raise UserError(
                f"The budget {self.budget} is no share of the video: give one above 0 and at most 1."
            )
        if self.longest is not None and not self.longest >= MIN_SHOT:
            raise UserError(f"The longest shot {self.longest} s is too short: give {MIN_SHOT} s or more.")
        if not 0 < self.threshold <= 255:
            raise UserError(f"The threshold {self.threshold} of a cut must lie above 0 and at most at 255.")


def summarize(
    video: str | Path,
    model: str | Path | Predictor,
    out: str | Path,
    transcript: str | Path | None = None,
    options: Options | None = None,
    progress: Progress = lambda stage, done, total: None,
    name: str = "",
) -> Summary:
    """Makes every output of a summary; a call after an interruption goes on where the first one stopped.

    Args:
        video: video or image file.
        model: run folder with an exported model, or the opened one.
        out: output folder: summary.txt, summary.json, captions.vtt (over the whole video),
            storyboard.png, summary.mp4 with summary.vtt, and what later calls can reuse.
        transcript: a file that `read_transcript` reads.
        options: see `Options`.
        progress: called with the stage, seconds done and seconds in all.
        name: what to call the video; "" calls it as the file.

    Raises:
        UserError: for bad options, files that cannot be read, or a full disk.

    Example:
        >>> summarize("film.mp4", "saved_models/multitask/moving_digits", "out").text.splitlines()[0]
        '1:20 long, 40 shots. Mostly digit 3 is moving up and down (40% of the time, in 12 places).'
    """
    options, out = options or Options(), Path(out)
    duration = probe(video).duration
    spoken = read_transcript(transcript, duration) if transcript else Transcript()
    predictor = Predictor(model) if isinstance(model, (str, Path)) else model
    scorer = make_scorer(options.scorer, predictor.info["model_hash"])
    longest = options.longest or float(np.clip(LONGEST_SHARE * duration, MIN_SHOT, MAX_SHOT))

    def report(stage: str) -> Callable[[float, float], None]:
        return lambda done, total: progress(stage, done, total)

    features = shot_features(video, predictor, out, longest, options.threshold, report("describing shots"))
    sequence = read_sequence(features.shots, spoken, predictor)
    scores = scorer(sequence, options.seed)
    key, notes = select_key_shots(features.shots, scores, options.budget, features.info.fps)
    sentences = pick_sentences(sequence, spoken, by_time=predictor.tells) if spoken.sentences else {}
    parts = divide(features.shots)
    quotes = choose_quotes(parts, key, scores, sentences)
    rewritten = rewrite_with_transcript(
        video, features.shots, quotes, predictor, report("rewriting with the transcript")
    )
    text, parts = write(parts, features.shots, quotes, rewritten)
    summary = Summary(
        video=readable(name or Path(video).name),
        video_hash=file_hash(video),
        duration=features.shots[-1].end,
        seconds=float(sum(shot.length for shot, is_key in zip(features.shots, key) if is_key)),
        budget=options.budget,
        scorer=options.scorer,
        model={name: predictor.info[name] for name in ("name", "model_hash", "data")},
        text=text,
        parts=[{"start": part.start, "end": part.end, "text": part.text} for part in parts],
        shots=[
            _shot_entry(shot, score, is_key, sentences.get(place, ""), rewritten.get(place, ""))
            for place, (shot, score, is_key) in enumerate(zip(features.shots, scores, key))
        ],
        notes=[*spoken.notes, *([features.missing] if features.missing else []), *notes],
    )
    save(summary, video, out, options.clip, progress)
    return summary


def read_sequence(shots: list[ShotFeatures], transcript: Transcript, predictor: Predictor) -> ShotSequence:
    """What a scorer reads of a video.

    Args:
        shots: all of them.
        transcript: its sentences are embedded by the model.
        predictor: the model that made the features of the shots.
    """
    sentences = times = known = None
    if transcript.sentences:
        known = np.array([_knows(predictor.word_pieces, sentence.text) for sentence in transcript.sentences])
        sentences = np.stack([predictor.embed_text(sentence.text) for sentence in transcript.sentences])
        if transcript.timed:
            times = np.array([sentence.middle for sentence in transcript.sentences], np.float32)
    return ShotSequence(
        shots=np.stack([shot.embedding for shot in shots]),
        appearance=np.stack([shot.color_histogram for shot in shots]),
        times=np.array([(shot.start, shot.end) for shot in shots], np.float32),
        sentences=sentences,
        sentence_times=times,
        known_shots=np.array([not shot.foreign for shot in shots]),
        known_sentences=known,
    )


def _knows(pieces: frozenset[str], text: str) -> bool:
    """Whether most words of a text are among a model's word pieces as a whole."""
    words = tokenize(text)
    known = sum(word in pieces or f"##{word}" in pieces for word in words)
    return bool(words) and known >= KNOWN_THRESHOLD * len(words)


def select_key_shots(
    shots: list[ShotFeatures], scores: np.ndarray, budget: float, fps: float
) -> tuple[np.ndarray, list[str]]:
    """Key shots by exact knapsack under a share of the time.

    Args:
        shots: all shots.
        scores: float (shots,).
        budget: share of the video.
        fps: frames a second, the unit of lengths.

    Returns:
        bool (shots,), and notes. Where not even one shot fits, the best of the shortest is chosen. Shots of
        less than a quarter of a second are chosen only where there are no others.
    """
    tick = max(1 / fps, FINEST_TICK)
    seconds = np.array([shot.length for shot in shots])
    lengths = np.maximum(np.ceil(seconds / tick - 1e-3), 1).astype(int)
    visible = seconds >= min(FLICKER_THRESHOLD, seconds.max())
    key = choose_key_shots(np.where(visible, scores, 0), lengths, int(budget * seconds.sum() / tick + 1e-6))
    if key.any():
        return key, []
    shortest = np.flatnonzero(visible & (lengths == lengths[visible].min()))
    best = shortest[np.argmax(np.asarray(scores)[shortest])]
    key[best] = True
    return key, [
        f"No shot fits into {budget * seconds.sum():.2f} s ({budget:.0%} of the video): "
        f"the best of the shortest, {seconds[best]:.2f} s long, was taken."
    ]


def save(summary: Summary, video: str | Path, out: Path, clip: bool, progress: Progress) -> None:
    """Writes every output; the mp4 only if it is not there for the same shots already.

    Args:
        summary: what is written.
        video: the file that it is of.
        out: output folder.
        clip: whether to write the mp4.
        progress: called with the stage, seconds done and in all.

    Raises:
        UserError: if a file cannot be written.
    """
    write_text(out / TEXT, to_text(summary))
    write_subtitles(out / CAPTIONS, captions(summary))
    write_subtitles(out / CLIP_CAPTIONS, clip_captions(summary))
    title = f"{summary.video}: {summary.seconds:.0f} s of {summary.duration:.0f} s"
    with replacing(out / STORYBOARD) as temporary:
        storyboard(summary.shots, out, title).save(temporary)
    spans = [(shot["start"], shot["end"]) for shot in summary.key_shots]
    before = _spans_of(out) if (out / CLIP).is_file() else None
    if before != (summary.video_hash, spans):
        (out / CLIP).unlink(missing_ok=True)  # of other shots
        if clip:
            cut(video, spans, out / CLIP, progress=lambda *done: progress("cutting the summary", *done))
    write_json(out / JSON, asdict(summary))


def _shot_entry(shot: ShotFeatures, score: float, key: bool, sentence: str, rewritten: str) -> dict:
    [(start, end, caption)] = merge_captions([shot])
    return {
        "start": start,
        "end": end,
        "score": round(float(score), 4),
        "key": bool(key),
        "caption": caption,
        "confidence": shot.confidence,
        "foreign": shot.foreign,
        "sentence": sentence,
        "told": rewritten,
        "picture": shot.picture,
    }


def _spans_of(out: Path) -> tuple[str, list[tuple[float, float]]] | None:
    try:
        before = Summary.load(out)
    except UserError:
        return None
    return before.video_hash, [(shot["start"], shot["end"]) for shot in before.key_shots]
