"""Attention as numbers for the dashboard: which frames a word looked at, and how much of it is there."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vtkeras.serving.predictor import Answer, Caption

CONTINUES = "##"  # how WordPiece marks a piece that goes on with the word before


def of_head(attention: np.ndarray, head: int | None = None) -> np.ndarray:
    """One head's attention, or the mean over heads.

    Args:
        attention: float (words, heads, time, rows, columns).
        head: which; None is the mean.

    Returns:
        float (words, time, rows, columns).
    """
    return attention.mean(axis=1) if head is None else attention[:, head]


def join_pieces(
    words: list[str], attention: np.ndarray, probabilities: Sequence[float] | None = None
) -> tuple[list[str], np.ndarray, list[float]]:
    """Puts word pieces together to words.

    Args:
        words: word pieces; one that begins with `##` goes on with the word before.
        attention: float (words, heads, time, rows, columns).
        probabilities: of each piece; None counts as certain.

    Returns:
        The words, their attention (the mean over their pieces, so that it still sums to 1), and their
        probabilities (the product over their pieces).

    Example:
        >>> join_pieces(["digit", "##s"], attention, [0.9, 0.5])[0]
        ['digits']
    """
    spans = word_spans(words)
    certain = np.ones(len(words)) if probabilities is None else np.asarray(probabilities)
    return (
        ["".join(word.removeprefix(CONTINUES) for word in words[span]) for span in spans],
        np.stack([attention[span].mean(axis=0) for span in spans]) if spans else attention,
        [float(certain[span].prod()) for span in spans],
    )


def word_spans(words: list[str]) -> list[slice]:
    """Where each word's pieces are.

    Example:
        >>> word_spans(["digit", "##s", "move"])
        [slice(0, 2), slice(2, 3)]
    """
    starts = [place for place, word in enumerate(words) if not place or not word.startswith(CONTINUES)]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(words)])]


def real_frames(frame_indices: Sequence[int]) -> list[int]:
    """Positions of the frames that are not a repeat of the last one, with which short clips are filled up.

    Example:
        >>> real_frames([0, 1, 2, 2])
        [0, 1, 2]
    """
    return [place for place, index in enumerate(frame_indices) if index not in frame_indices[:place]]


def frame_sums(attention: np.ndarray) -> np.ndarray:
    """The share that each frame got: float (words, time, rows, columns) to (words, time)."""
    return attention.sum(axis=(-2, -1))


def most_looked_at(shares: np.ndarray, times: np.ndarray, count: int = 3) -> pd.DataFrame:
    """The frames with the most attention.

    Args:
        shares: float (time,), attention of each frame.
        times: float (time,), seconds.
        count: rows at most.

    Returns:
        Columns frame (from 1), seconds and attention, most attention first.
    """
    order = np.argsort(-shares, kind="stable")[:count]
    return pd.DataFrame({"frame": order + 1, "seconds": times[order], "attention": shares[order]})


def to_json(
    info: dict, video: str, times: np.ndarray, caption: Caption | None, answers: list[tuple[str, Answer]], labels: list
) -> str:
    """Results and where they come from, as JSON.

    Args:
        info: `Predictor.info`.
        video: what the clip is called.
        times: seconds of every frame given to the model.
        caption: of the clip; None from a model that writes none.
        answers: (question, answer) pairs.
        labels: (label, probability) pairs.
    """
    values = {
        "video": video,
        "model": {name: info[name] for name in ("name", "task", "model_hash", "data", "metrics")},
        "caption": caption and {
            "text": caption.text,
            "score": caption.score,
            "decoding": caption.decoding.options(),
            "words": [
                {
                    "word": word,
                    "probability": probability,
                    "frames": by_time(shares, caption.frame_indices, times),
                }
                for word, probability, shares in zip(
                    caption.words, caption.probabilities, frame_sums(of_head(caption.attention))
                )
            ],
        },
        "answers": [
            {
                "question": question,
                "answer": answer.text,
                "score": answer.score,
                "frames": by_time(question_shares(answer), answer.frame_indices, times),
            }
            for question, answer in answers
        ],
        "labels": dict(labels),
    }
    return json.dumps(values, ensure_ascii=False, indent=1)


def to_csv(info: dict, video: str, caption: Caption | None, answers: list[tuple[str, Answer]], labels: list) -> str:
    """Results as a table with columns video, model, model_hash, kind, asked, result and probability."""
    rows = [("caption", "", caption.text, caption.score)] if caption else []
    rows += [("answer", question, answer.text, answer.score) for question, answer in answers]
    rows += [("label", "", label, probability) for label, probability in labels]
    table = pd.DataFrame(rows, columns=["kind", "asked", "result", "probability"])
    table.insert(0, "video", video)
    table.insert(1, "model", info["name"])
    table.insert(2, "model_hash", info["model_hash"])
    texts = ["video", "model", "asked", "result"]
    table[texts] = table[texts].map(_harmless)
    return table.to_csv(index=False)


def question_shares(answer: Answer) -> np.ndarray:
    """How much each frame got while the question was read, the mean over its words and heads: (time,)."""
    return frame_sums(of_head(answer.attention)).mean(axis=0)


def by_time(shares: np.ndarray, frame_indices: list[int], times: np.ndarray) -> list[dict]:
    """Each frame's seconds and share, repeats of the last frame left out."""
    return [
        {"seconds": round(float(times[frame_indices[place]]), 3), "attention": round(float(shares[place]), 4)}
        for place in real_frames(frame_indices)
    ]


def _harmless(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text
