"""Models beside baselines on the same examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from vtkeras import keys
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source
from vtkeras.evaluation.baselines import BASELINES
from vtkeras.evaluation.reading import read_split
from vtkeras.evaluation.tables import format_cell
from vtkeras.tasks import HEADS, Head, Reader
from vtkeras.tasks.classification_report import class_details
from vtkeras.tasks.predicted import Examples, Predicted

MOST_KINDS = 8  # of questions in a table; the others count together


def evaluate(
    systems: dict[str, Reader],
    source: Source,
    preprocessor: Preprocessor,
    splits: Sequence[str],
    train_clips: int = 2000,
    limit: int | None = None,
    report: Callable[[str], None] = print,
    meteor: bool = False,
    keep: Callable[[str, str, Sequence[Head], Examples, dict[str, Predicted]], None] = lambda *_: None,
) -> dict:
    """Scores models and baselines on the same examples.

    Args:
        systems: {name: reader}, as `Run.reader` makes it.
        source: gives the examples.
        preprocessor: brings clips to the shape that baselines compare.
        splits: splits to evaluate on.
        train_clips: training examples that the baselines may look at.
        limit: examples of each split at most; None takes all.
        report: called with lines of progress.
        meteor: score captions by METEOR too, which takes Java some seconds.
        keep: called with (split, system, heads, examples, predictions by head) of each model.

    Returns:
        {"columns": {name: {"title", "unit", "better", "listed"}}, "splits": {split: {"examples": int,
        "systems": {name: {column: float or None}}, "kinds": {kind of question: {"questions": int, "systems":
        {name: accuracy}}}, "details": {model: what `class_details` gives}}}}; shares lie in 0 to 1.
    """
    heads = heads_of(systems)
    texts = [head for head in heads if head.field]
    report("reading training examples for the baselines")
    train, _ = read_split(source, keys.TRAIN, texts, preprocessor, limit=train_clips)
    columns = {name: column for head in heads for name, column in head.columns.items()}
    results = {}
    for split in splits:
        test, said = read_split(source, split, heads, preprocessor, systems, limit)
        for name, found in said.items():
            keep(split, name, systems[name].heads, test, found)
        details = {name: class_details(heads, found, test) for name, found in said.items()}
        for name, baseline in BASELINES.items():
            answers = ((head.name, baseline(head, train, test)) for head in texts)
            said[name] = {head: one for head, one in answers if one is not None}
        scores = {name: score(heads, found, test, meteor) for name, found in said.items()}
        for name in systems:
            told = (f"{columns[one.headline].title} {format_cell(columns[one.headline], scores[name][one.headline])}"
                    for one in heads if scores[name].get(one.headline) is not None)  # fmt: skip
            report(f"{split}: {name}: {', '.join(told)}")
        results[split] = {
            "examples": len(test.ids),
            "systems": scores,
            "kinds": by_kind(heads, said, test),
            "details": details,
        }
    described = {
        name: {"title": one.title, "unit": one.unit, "better": one.better, "listed": one.listed}
        for name, one in columns.items()
    }
    return {"columns": described, "splits": results}


def heads_of(systems: dict[str, Reader]) -> list[Head]:
    """Every head that one of the systems has, in the order of tables; those of other tasks last."""
    found = {head.name: head for reader in systems.values() for head in reader.heads}
    return [found.pop(name) for name in HEADS if name in found] + list(found.values())


def score(
    heads: Sequence[Head], predictions: dict[str, Predicted], test: Examples, meteor: bool = False
) -> dict[str, float | None]:
    """The row of one system: every column of the heads, None where the data or the system leave it empty."""
    row: dict[str, float | None] = {column: None for head in heads for column in head.columns}
    for head in reversed(heads):  # what two heads can tell, the first one tells
        if head.name in predictions:
            row.update(head.score(predictions[head.name], test, meteor))
    return row


def by_kind(heads: Sequence[Head], said: dict[str, dict[str, Predicted]], test: Examples) -> dict:
    """Accuracy of every system that answers, for each kind of question, the most frequent first.

    Args:
        heads: of the systems.
        said: {system: {head: what it says}}.
        test: the examples; those without an answer do not count.

    Returns:
        {kind: {"questions": int, "systems": {name: share of right answers}}}.
    """
    asked = [head for head in heads if head.field == keys.ANSWER]
    if not asked:
        return {}
    truths = [asked[0].as_text(truth) for truth in test.truths[asked[0].name]]
    counts = Counter(kind for kind, truth in zip(test.kinds, truths) if truth)
    named = [kind for kind, _ in counts.most_common(MOST_KINDS)]
    answers = {
        name: next(found[head.name].texts or [] for head in asked if head.name in found)
        for name, found in said.items()
        if any(head.name in found for head in asked)
    }
    kinds = {}
    for kind in [*named, *(["other"] if len(counts) > len(named) else [])]:
        rows = [
            row
            for row, own in enumerate(test.kinds)
            if truths[row] and (own if own in named else "other") == kind
        ]
        shares = {
            name: float(np.mean([texts[row] == truths[row] for row in rows])) for name, texts in answers.items()
        }
        kinds[kind] = {"questions": len(rows), "systems": shares}
    return kinds
