"""Results as JSON and CSV: `--json` of the commands and the downloads of the pages are made here.

Every JSON object begins with where the result comes from:

    "video"        what the user called the file
    "model"        name, task, model_hash (12 hex digits of the SHA-256 of the weights, and of what a generator draws
                   by beside them) and data

A description (`vtkeras predict`, page Playground) goes on with:

    "novelty"      null for a model that cannot tell, or score, threshold and foreign; of a foreign clip, one unlike
                   the model's training videos, "caption" is null, "labels" and "answers" are empty, unless asked for
                   anyway
    "complete"     false if a part of the file does not decode; "note" then says what is missing
    "caption"      null, or text, score (probability of the whole), decoding (how it was written),
                   beams [{text, score}], and words [{word, probability, frames}]
    "answers"      [{question, answer, score, written, unread_word_pieces, alternatives [{answer, probability}],
                   frames}]; `written` is true for one written word by word, which is none of the alternatives
    "labels"       [{label, probability}], best first

`frames` are [{seconds, attention}], the share of the attention that each frame got; they sum to 1.

The events of a video (`vtkeras predict --dense`, page Dense captions) are "events" [{start, end, text, score,
foreign}], times in seconds. An explanation (`vtkeras explain --out`, page Attention) has kind (caption or answer),
text, method, linear_part (0 to 1, how much of the say a linear model beside the network had), frame_times, and words
[{word, probability, attention_by_frame, map, faithfulness}].

What a search finds (`vtkeras search`) has model, query (text or like, the other is null) and matches [{video, cosine,
chance}], best first; chance is null where the captioner did not look.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from vtkeras.explain.attention_tables import by_time, frame_sums, of_head, question_shares
from vtkeras.explain.faithfulness import Faithfulness
from vtkeras.serving.explanation import Explanation
from vtkeras.serving.results import Answer, Caption, Match, Novelty, TimedCaption, readable
from vtkeras.spreadsheets import harmless


@dataclass(frozen=True)
class Description:
    """What a model says of a clip.

    Attributes:
        video: what the user called the file.
        times: float (time,), seconds of the frames that the model was given.
        caption: what the model wrote; None for a model that was trained without captions.
        answers: pairs of a question and its answer.
        labels: labels with their probability, best first; empty for a model without labels.
        single_label: whether exactly one of them is right: their probabilities then sum to 1.
        note: what is amiss with the file; "" if nothing is.
        novelty: how unlike the model's training videos it is; None for a model that cannot tell.
    """

    video: str
    times: np.ndarray
    caption: Caption | None = None
    answers: Sequence[tuple[str, Answer]] = ()
    labels: Sequence[tuple[str, float]] = ()
    single_label: bool = False
    note: str = ""
    novelty: Novelty | None = None


def matches(found: Sequence[Match], text: str | None, like: str | None, info: dict) -> dict:
    """What a search found as plain values, best first; `info` is where it comes from, `RunCard.info`."""
    return {"model": info, "query": {"text": text, "like": like}, "matches": [asdict(one) for one in found]}


def description(found: Description, info: dict) -> dict:
    """A description as plain values.

    Args:
        found: the description.
        info: where it comes from, `RunCard.info`.
    """
    return {
        **_origin(found.video, info),
        "novelty": found.novelty and {**asdict(found.novelty), "foreign": found.novelty.foreign},
        "complete": not found.note,
        "note": found.note,
        "caption": found.caption and _caption(found.caption, found.times),
        "answers": [_answer(question, answer, found.times) for question, answer in found.answers],
        "labels": [{"label": label, "probability": probability} for label, probability in found.labels],
    }


def events(found: Sequence[TimedCaption], video: str, info: dict) -> dict:
    """The events of a video as plain values; arguments as in `description`."""
    rows = [
        {name: round(value, 4) if type(value) is float else value for name, value in asdict(one).items()}
        for one in found
    ]
    return {**_origin(video, info), "events": rows}


def explanation(
    found: Explanation, method: str, maps: np.ndarray, judged: dict[int, Faithfulness], video: str, info: dict
) -> dict:
    """An explanation as plain values.

    Args:
        found: the explanation.
        method: what the maps are, in words.
        maps: float (words, time, rows, columns).
        judged: findings by the place of the word.
        video, info: as in `description`.
    """
    shares = frame_sums(maps)
    return {
        **_origin(video, info),
        "kind": found.kind,
        "text": found.text,
        "method": method,
        "linear_part": round(found.linear_part, 4),
        "frame_times": [round(float(second), 3) for second in found.times],
        "words": [
            {
                "word": word,
                "probability": found.probabilities[place],
                "attention_by_frame": shares[place].round(4).tolist(),
                "map": maps[place].round(5).tolist(),
                "faithfulness": judged[place].to_json() if place in judged else None,
            }
            for place, word in enumerate(found.words)
        ],
    }


def to_json(values: dict | list) -> str:
    """Plain values as the text of a JSON file, which has no infinity: that is the text `inf`."""
    return json.dumps(_spelled(values), ensure_ascii=False, indent=1)


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return str(value) if value in (math.inf, -math.inf) else value


def to_csv(found: Description, info: dict) -> str:
    """A description as a table with columns video, model, model_hash, kind, asked, result and probability."""
    rows: list[tuple] = [("caption", "", found.caption.text, found.caption.score)] if found.caption else []
    if found.novelty and found.novelty.foreign:
        rows.insert(0, ("novelty", "", found.novelty.sentence, None))
    rows += [("answer", question, answer.text, answer.score) for question, answer in found.answers]
    rows += [("label", "", label, probability) for label, probability in found.labels]
    table = pd.DataFrame(rows, columns=["kind", "asked", "result", "probability"])
    table.insert(0, "video", readable(found.video))
    table.insert(1, "model", info["name"])
    table.insert(2, "model_hash", info["model_hash"])
    texts = ["video", "model", "asked", "result"]
    table[texts] = table[texts].map(harmless)
    return table.to_csv(index=False)


def _origin(video: str, info: dict) -> dict:
    return {"video": readable(video), "model": info}


def _caption(caption: Caption, times: np.ndarray) -> dict:
    shares = frame_sums(of_head(caption.attention))
    return {
        "text": caption.text,
        "score": caption.score,
        "decoding": caption.decoding.options(),
        "beams": [{"text": text, "score": score} for text, score in caption.beams],
        "words": [
            {"word": word, "probability": probability, "frames": by_time(row, caption.frame_indices, times)}
            for word, probability, row in zip(caption.words, caption.probabilities, shares)
        ],
    }


def _answer(question: str, answer: Answer, times: np.ndarray) -> dict:
    return {
        "question": question,
        "answer": answer.text,
        "score": answer.score,
        "written": answer.written,
        "unread_word_pieces": answer.unread,
        "alternatives": [{"answer": text, "probability": probability} for text, probability in answer.alternatives],
        "frames": by_time(question_shares(answer.attention), answer.frame_indices, times),
    }
