"""A finished summary, as its output folder holds it. No TensorFlow here: pages read it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from vtkeras.data.subtitles import Sentence
from vtkeras.errors import UserError
from vtkeras.summaries.write import clock, merge_runs

JSON, TEXT, CAPTIONS, STORYBOARD, CLIP = (
    "summary.json",
    "summary.txt",
    "captions.vtt",
    "storyboard.png",
    "summary.mp4",
)
CLIP_CAPTIONS = "summary.vtt"


@dataclass(frozen=True)
class Summary:
    """A summary, as `summary.json` holds it.

    Attributes:
        video: name of the file; `video_hash` the first digits of its SHA-256.
        duration: seconds of the video.
        seconds: of the key shots together.
        text: the written summary.
        parts: dicts of start, end, text; the lines of the text.
        shots: dicts of start, end, score, key, caption, confidence, foreign, sentence, told, picture; `told` is
            one sentence that the model wrote from picture and transcript, "" for most.
        notes: what a reader should know, e.g. that the transcript was corrected.
        model: name, model_hash and data of the model; `scorer` and `budget` as in `Options`.
    """

    video: str
    video_hash: str
    duration: float
    seconds: float
    budget: float
    scorer: str
    model: dict
    text: str
    parts: list[dict]
    shots: list[dict]
    notes: list[str] = field(default_factory=list)

    @property
    def key_shots(self) -> list[dict]:
        """The entries of `shots` that are in the summary."""
        return [shot for shot in self.shots if shot["key"]]

    @classmethod
    def load(cls, folder: str | Path) -> Summary:
        """Reads the summary in an output folder.

        Raises:
            UserError: if there is none, or it is damaged.
        """
        path = Path(folder) / JSON
        if not path.is_file():
            raise UserError(f"{folder} holds no {JSON}: make one with `vtkeras summarize`.")
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise UserError(f"{path} is damaged: run `vtkeras summarize` again.") from None


def to_text(summary: Summary) -> str:
    """The summary as a text file: the written summary, the key shots, notes and where it comes from."""
    lines = [summary.text, "", f"Key shots ({summary.seconds:.1f} s of {summary.duration:.1f} s):"]
    for shot in summary.key_shots:
        words = shot.get("told") or " ".join(
            filter(None, [shot["caption"], f"“{shot['sentence']}”" if shot["sentence"] else ""])
        )
        start, end = (clock(shot[name], fine=True) for name in ("start", "end"))
        lines.append(f"  {start}–{end}  {words or '(no words)'}")
    lines += [f"Note: {note}" for note in summary.notes]
    source = f"model {summary.model['name']} {summary.model['model_hash']}, scorer {summary.scorer}"
    return "\n".join([*lines, f"({source})"]) + "\n"


def captions(summary: Summary) -> list[Sentence]:
    """Captions over the whole video as subtitles; equal neighbours are joined."""
    runs = merge_runs((shot["start"], shot["end"], shot["caption"]) for shot in summary.shots)
    return [Sentence(caption, start, end) for start, end, caption in runs if caption]


def clip_captions(summary: Summary) -> list[Sentence]:
    """Subtitles of the summary clip."""
    found, now = [], 0.0
    for shot in summary.key_shots:
        length = shot["end"] - shot["start"]
        found.append(Sentence(shot.get("told") or shot["sentence"] or shot["caption"], now, now + length))
        now += length
    return found
