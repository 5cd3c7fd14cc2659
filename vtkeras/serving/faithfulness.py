"""Is attention faithful? Deletion and insertion over many clips, beside random orders and pixel change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vtkeras import keys
from vtkeras.data.sources.base import Source
from vtkeras.data.sources.datasets import clips_or_examples
from vtkeras.errors import UserError
from vtkeras.explain import faithfulness
from vtkeras.explain.faithfulness import Faithfulness
from vtkeras.interrupts import interrupt_between_steps
from vtkeras.serving import explanation
from vtkeras.serving.explanation import Explanation
from vtkeras.whole_files import disk_errors, write_json, write_text

if TYPE_CHECKING:
    from vtkeras.serving.predictor import Predictor

KINDS = explanation.CAPTION, explanation.ANSWER
JUDGED = "caption", "answer"  # endpoints
PIXELS = "pixel change"
RANDOM = "random"
RULE = "on the picture, if it makes them likelier"  # which words and answers are judged
RESULTS, TABLE, PARTIAL = "attention.json", "attention.md", "attention.partial.jsonl"
RESAMPLES = 2000


def evaluate(
    predictor: Predictor,
    clips: Iterable[tuple[np.ndarray, str]],
    settings: dict,
    folder: Path,
    orders: int = faithfulness.ORDERS,
    steps: int = faithfulness.STEPS,
    report: Callable[[str], None] = print,
) -> dict:
    """Judges attention, rollout and pixel change for every word of the captions, and for the answers.

    Finished clips are kept in `folder`; the same call goes on after an interruption. Of a model without captions,
    answers alone are judged.

    Args:
        predictor: the model.
        clips: pairs of frames uint8 (time, height, width, 3) and a question, "" for none.
        settings: what the clips are; results that were kept are used only if it is the same.
        folder: where attention.json and attention.md go.
        orders: random orders.
        steps: points of the curves.
        report: called with lines of progress.

    Returns:
        dict as `summarize` gives it, the settings, and `linear_parts`: {kind: the part that a linear model has in it}.

    Raises:
        UserError: with a model that has neither captions nor a closed set of answers.
    """
    if predictor.can("write_answer") and not any(map(predictor.can, JUDGED)):
        raise UserError(
            f"Captions and chosen answers are judged, and the model in {predictor.folder} only writes answers: explain "
            "them one by one with `vtkeras explain CLIP --question`."
        )
    explanation.check_explainable(predictor, JUDGED)
    own = {"depends": RULE, "model_hash": predictor.info["model_hash"], "random_orders": orders, "steps": steps}
    settings = {**settings, **own}
    partial = folder / PARTIAL
    done = _read_partial(partial, settings)
    if done:
        report(f"{len(done)} clips were judged before: going on after them")
    with disk_errors(partial), interrupt_between_steps() as end_of_step:
        folder.mkdir(parents=True, exist_ok=True)
        kept = "".join(json.dumps(line) + "\n" for line in (settings, *done))
        write_text(partial, kept)  # anew: its last line may have been cut short
        with open(partial, "a", encoding="utf-8") as file:
            number = -1
            for number, (frames, question) in enumerate(clips):
                if number >= len(done):
                    rows = judge_clip(predictor, frames, question, orders, steps, seed=number, report=report)
                    file.write(json.dumps(rows) + "\n")
                    file.flush()
                    done.append(rows)
                    report(f"clip {number + 1}: {len(rows)} words and answers")
                    end_of_step()
        parts = {kind: explanation.linear_part(predictor, kind) for kind in KINDS}
        results = {"settings": settings, "linear_parts": parts, **summarize(done[: number + 1])}
        write_json(folder / RESULTS, results)
        write_text(folder / TABLE, to_markdown(results))
        partial.unlink()
    return results


def questioned_clips(source: Source, split: str, most: int) -> Iterator[tuple[np.ndarray, str]]:
    """Clips of a split for `evaluate`, each once, with one of its questions.

    The first clip has its first question, the second its second and so on: clips often have the same kinds of
    questions in the same order.

    Args:
        source: gives the clips.
        split: one of `source.splits()`.
        most: clips at most.
    """
    clips, _ = clips_or_examples(source, split)
    for number, clip in enumerate(clips.take(most).as_numpy_iterator()):
        questions = np.atleast_1d(clip[keys.QUESTION])
        question = questions[number % len(questions)] if len(questions) else b""
        yield clip[keys.FRAMES], question.decode()


def judge_clip(
    predictor: Predictor,
    frames: np.ndarray,
    question: str,
    orders: int,
    steps: int,
    seed: int,
    report: Callable[[str], None] = print,
) -> list[dict]:
    """A row for every word of the caption, and for the answer to the question, if the model gives these.

    Args:
        predictor: the model.
        frames: uint8 (time, height, width, 3), any size and length.
        question: what is asked; "" for nothing. It is passed over if its answer is none of a closed set, and with a
            line if the model cannot read it.
        orders: int, random orders to compare with.
        steps: int, points of the curves.
        seed: int, draws the orders.
        report: called with that line.

    Returns:
        dicts with kind, word, whether it depends on the picture, and if so `auc`: {map: [deletion,
        insertion]}, `random`: [[deletion, insertion], ...] and `better`: {map: [bool, bool]}.

    Raises:
        UserError: with a model that was exported without what tells how likely given words are.
    """
    times = np.arange(len(frames), dtype="float32")
    explained = [explanation.explain_caption(predictor, frames, times)] if predictor.can("caption") else []
    if question and predictor.can("answer"):
        try:
            explained.append(explanation.explain_answer(predictor, frames, times, question))
        except UserError as error:
            report(f"a question is passed over: {error}")
    rows = []
    for found in explained:
        words = range(len(found.words)) if found.kind == explanation.CAPTION else [0]
        if len(found.words) and explanation.can_judge(predictor, found):
            rows += _judge(predictor, found, list(words), orders, steps, seed)
    return rows


def _judge(
    predictor: Predictor, found: Explanation, words: list[int], orders: int, steps: int, seed: int
) -> list[dict]:
    whole, empty = _ends(predictor, found)
    rows: list[dict] = [{"kind": found.kind, "word": found.words[word]} for word in words]
    for row, word in zip(rows, words):
        row["depends"] = faithfulness.depends(whole[word], empty[word])
    judged = [place for place, row in enumerate(rows) if row["depends"]]
    if not judged:
        return rows
    maps = {method: found.maps(method) for method in found.methods}
    pixels = faithfulness.pixel_change(found.frames, found.attention.shape[3:])
    maps[PIXELS] = np.broadcast_to(pixels, (len(found.words), *pixels.shape))
    random: list = []
    for name, values in maps.items():
        chosen = [words[place] for place in judged]
        results = explanation.judge(predictor, found, values, chosen, 0 if random else orders, steps, seed)
        random = random or [one.random for one in results]
        for place, one, chance in zip(judged, results, random):
            beside = Faithfulness(one.sweep, chance)
            rows[place].setdefault("auc", {})[name] = _areas(one.sweep)
            rows[place].setdefault("better", {})[name] = beside.better
            rows[place]["random"] = [_areas(sweep) for sweep in chance]
    return rows


def summarize(clips: list[list[dict]]) -> dict:
    """Means over all words, or answers, that depend on the picture.

    Args:
        clips: `judge_clip`'s rows of each clip.

    Returns:
        {"clips": int, kind: {"judged": int, "independent": int, "orders": {map or "random": {"deletion_auc",
        "insertion_auc", and for a map "better_deletion", "better_insertion" (shares of words), and
        "deletion_gain", "insertion_gain": [mean, low, high], how much better than random, with the 95 %
        interval over clips; for "random" the standard deviation of the mean over its orders}}}}.
    """
    kinds = [kind for kind in KINDS if any(_of(rows, kind) for rows in clips)]
    return {"clips": len(clips), **{kind: _summary([_of(rows, kind) for rows in clips]) for kind in kinds}}


def to_markdown(results: dict) -> str:
    """The results as tables."""
    parts = [
        f"Deletion and insertion over {results['clips']} clips; gains over random orders with 95 % intervals.",
        "",
    ]
    kinds = [kind for kind in KINDS if kind in results]
    if not kinds:
        parts += ["No caption or answer could be judged: the model wrote none, or the clips ask nothing it reads.", ""]
    for kind in kinds:
        summary = results[kind]
        what = "words of captions" if kind == explanation.CAPTION else "answers"
        parts += [
            f"### {what}: {summary['judged']} that depend on the picture, {summary['independent']} that do not",
            "",
            *(f"{line}\n" for line in explanation.who_decided(kind, results["linear_parts"][kind])),
            "| order | deletion AUC ↓ | gain | insertion AUC ↑ | gain | better than random, both |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for name, row in summary["orders"].items():
            areas = f"{row['deletion_auc']:.3f}", f"{row['insertion_auc']:.3f}"
            if name == RANDOM:
                spread = f"± {row['deletion_std']:.3f}", f"± {row['insertion_std']:.3f}"
                parts.append(f"| {name} | {areas[0]} {spread[0]} | | {areas[1]} {spread[1]} | | |")
            else:
                gains = [_interval(row[f"{curve}_gain"]) for curve in ("deletion", "insertion")]
                parts.append(
                    f"| {name} | {areas[0]} | {gains[0]} | {areas[1]} | {gains[1]} | {row['better_both']:.0%} |"
                )
        parts.append("")
    return "\n".join(parts)


def _summary(clips: list[list[dict]]) -> dict:
    rows = [row for rows in clips for row in rows if row["depends"]]
    summary: dict = {"judged": len(rows), "independent": sum(map(len, clips)) - len(rows), "orders": {}}
    if not rows:
        return summary
    chance = np.array([row["random"] for row in rows])  # (words, orders, 2)
    for name in rows[0]["auc"]:
        areas = np.array([row["auc"][name] for row in rows])
        # Deletion is the better the lower, insertion the higher.
        gains = (areas - chance.mean(axis=1)) * [-1, 1]
        better = np.array([row["better"][name] for row in rows])
        owner = [number for number, clip in enumerate(clips) for row in clip if row["depends"]]
        summary["orders"][name] = {
            "deletion_auc": float(areas[:, 0].mean()),
            "insertion_auc": float(areas[:, 1].mean()),
            "deletion_gain": _bootstrap(gains[:, 0], owner),
            "insertion_gain": _bootstrap(gains[:, 1], owner),
            "better_deletion": float(better[:, 0].mean()),
            "better_insertion": float(better[:, 1].mean()),
            "better_both": float(better.all(axis=1).mean()),
        }
    over_orders = chance.mean(axis=0)
    summary["orders"][RANDOM] = {
        "deletion_auc": float(over_orders[:, 0].mean()),
        "insertion_auc": float(over_orders[:, 1].mean()),
        "deletion_std": float(over_orders[:, 0].std()),
        "insertion_std": float(over_orders[:, 1].std()),
    }
    return summary


def _bootstrap(values: np.ndarray, owner: list[int]) -> list[float]:
    """Mean, and the 2.5th and 97.5th percentile of it when whole clips are drawn again."""
    clips, place = np.unique(owner, return_inverse=True)
    totals, counts = np.bincount(place, values), np.bincount(place)
    drawn = np.random.default_rng(0).integers(0, len(clips), (RESAMPLES, len(clips)))
    means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return [float(values.mean()), *(float(edge) for edge in np.percentile(means, [2.5, 97.5]))]


def _ends(predictor: Predictor, found: Explanation) -> np.ndarray:
    """Probabilities (2, words) over the whole clip, and over an empty one."""
    blank = np.broadcast_to(faithfulness.empty_colour(found.frames), found.frames.shape)
    return explanation.probability_of(predictor, found)(np.stack([found.frames, blank]))


def _areas(sweep) -> list[float]:
    return [float(sweep.deletion_auc), float(sweep.insertion_auc)]


def _of(rows: list[dict], kind: str) -> list[dict]:
    return [row for row in rows if row["kind"] == kind]


def _interval(gain: list[float]) -> str:
    mean, low, high = gain
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def _read_partial(path: Path, settings: dict) -> list[list[dict]]:
    """Rows of the clips that an interrupted call with the same settings has judged."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if not lines or not lines[0].endswith("\n") or json.loads(lines[0]) != settings:
        return []
    whole = [line for line in lines[1:] if line.endswith("\n")]
    return [json.loads(line) for line in whole]
