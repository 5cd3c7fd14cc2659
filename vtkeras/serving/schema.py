"""Results as JSON and CSV."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from vtkeras.explain.attention_tables import by_time, frame_sums, of_head, question_shares
from vtkeras.serving.results import Answer, Caption


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
                "frames": by_time(question_shares(answer.attention), answer.frame_indices, times),
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


def _harmless(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text
