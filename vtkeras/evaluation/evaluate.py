"""Models beside baselines on the same examples."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from vtkeras import keys
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.base import Source
from vtkeras.evaluation.baselines import BASELINES, Baseline
from vtkeras.evaluation.reading import count_examples, once_a_clip, read_split
from vtkeras.evaluation.tables import format_cell
from vtkeras.tasks import HEADS, Column, Head, Reader
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
    train_source: Source | None = None,
    by: str | None = None,
    more: dict[str, Baseline] | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict:
    """Scores models and baselines on the same examples.

    Args:
        systems: {name: reader}, as `Run.reader` makes it.
        source: gives the examples.
        preprocessor: brings clips to the shape that baselines compare.
        splits: splits to evaluate on.
        train_clips: training clips that the baselines may look at.
        limit: examples of each split at most, which are clips where no head depends on what is asked; None takes all.
        report: called with lines of progress.
        meteor: score captions by METEOR too, which takes Java some seconds.
        keep: called with (split, system, heads, examples, predictions by head) of each model.
        train_source: whose training clips the baselines look at; None takes those of `source`, and leaves the
            baselines out if it has none.
        by: a column of the source's table; figures are also given for each of its values.
        more: {name: baseline} beside `BASELINES`; these may answer for heads that say no text, too.
        progress: called with (what is done, examples done, of how many).

    Returns:
        {"columns" and "heads": as `described` gives them, "baselines": {"examples" and "of": training examples that
        they looked at, and how many there are}, where these differ, "splits": {split: {"examples": int, "of": how
        many there are, where `limit` leaves some out, "systems": {name: {column: float or None}}, "kinds": {kind of
        question: {"questions": int, "systems": {name: accuracy}}}, "by": what `by_column` gives, if `by` is given,
        "details": {model: what `class_details` gives}}}}; shares lie in 0 to 1.

    Raises:
        UserError: for a column that the data do not have.
    """
    heads = heads_of(systems)
    texts = [head for head in heads if head.field]
    values = {split: source.column(split, by) for split in splits} if by else {}
    train, train_source = None, train_source or source
    seen: dict[str, dict] = {}
    if keys.TRAIN in train_source.splits():
        report("reading training examples for the baselines")
        compared = [head for head in heads if more or head.field or head.baselines]
        train, _ = read_split(train_source, keys.TRAIN, compared, preprocessor, clips=train_clips)
        if len(train.ids) < (whole := count_examples(train_source, keys.TRAIN, once_a_clip(compared))):
            seen = {"baselines": {"examples": len(train.ids), "of": whole}}
    columns = _columns(heads)
    results = {}
    for split in splits:
        count = count_examples(source, split, once_a_clip(heads))
        asking = functools.partial(progress, f"{split}: asking")
        test, said = read_split(source, split, heads, preprocessor, systems, limit, progress=asking)
        for name, found in said.items():
            keep(split, name, systems[name].heads, test, found)
        details = {name: class_details(heads, found, test) for name, found in said.items()}
        if train:
            test.known = train
            said |= baseline_answers(texts, train, test) | baseline_answers(heads, train, test, more or {})
            for head in heads:
                said |= baseline_answers([head], train, test, head.baselines)
        scores = {name: score(heads, found, test, meteor) for name, found in said.items()}
        for name in systems:
            told = (f"{columns[one.headline].title} {format_cell(columns[one.headline], scores[name][one.headline])}"
                    for one in heads if scores[name].get(one.headline) is not None)  # fmt: skip
            report(f"{split}: {name}: {', '.join(told)}")
        results[split] = {
            "examples": len(test.ids),
            **({"of": count} if limit is not None and limit < count else {}),
            "systems": scores,
            "kinds": by_kind(heads, said, test),
            **({"by": {by: by_column(heads, said, test, values[split])}} if by else {}),
            "details": details,
        }
    return {**described(heads), **seen, "splits": results}


def described(heads: Sequence[Head]) -> dict[str, dict]:
    """What tables and pages say of heads and their figures.

    Returns:
        {"columns": {name: {"title", "unit", "better", "listed"}}, "heads": {name: {"title", "field"}}}.
    """
    columns = {
        name: {"title": one.title, "unit": one.unit, "better": one.better, "listed": one.listed}
        for name, one in _columns(heads).items()
    }
    return {"columns": columns, "heads": {head.name: {"title": head.title, "field": head.field} for head in heads}}


def _columns(heads: Sequence[Head]) -> dict[str, Column]:
    return {name: column for head in heads for name, column in head.columns.items()}


def baseline_answers(
    heads: Sequence[Head], train: Examples, test: Examples, baselines: dict[str, Baseline] = BASELINES
) -> dict[str, dict[str, Predicted]]:
    """What each baseline says of a split through each head that it can answer for: {baseline: {head: ...}}.

    Args:
        heads: those to answer for.
        train: training examples, with the truths of the heads.
        test: examples of the split.
        baselines: {name: function of a head, `train` and `test` to what it says, None where it cannot answer}.

    Returns:
        {baseline: {head: what it says of each example}}, without baselines that can answer for no head.
    """
    said = {}
    for name, baseline in baselines.items():
        answers = ((head.name, baseline(head, train, test)) for head in heads)
        said[name] = {head: one for head, one in answers if one is not None}
    return {name: found for name, found in said.items() if found}


def heads_of(systems: dict[str, Reader]) -> list[Head]:
    """Every head that one of the systems has, in the order of tables; those of other tasks last."""
    found = {head.name: head for reader in systems.values() for head in reader.heads}
    return [found.pop(name) for name in HEADS if name in found] + list(found.values())


def score(
    heads: Sequence[Head], predictions: dict[str, Predicted], test: Examples, meteor: bool = False
) -> dict[str, float | None]:
    """The row of one system: every column of the heads, None where the data or the system leave it empty.

    Args:
        heads: those whose columns the row has; of two that tell a column, the first one counts.
        predictions: {head: what the system says of each example}; heads that it does not have are missing.
        test: the examples, with the truths of the heads.
        meteor: score texts by METEOR too, which takes Java some seconds.

    Returns:
        {column: figure or None}.
    """
    row: dict[str, float | None] = {column: None for head in heads for column in head.columns}
    for head in reversed(heads):  # what two heads can tell, the first one tells
        if head.name in predictions:
            row.update(head.score(*_counted(head, predictions[head.name], test), meteor))
    return row


def goal_row(head: Head, said: Predicted, test: Examples) -> dict[str, float | None]:
    """The figures of `score` that a head's `goals` names: those by which is chosen, again and again."""
    return head.goal_scores(*_counted(head, said, test))


def _counted(head: Head, said: Predicted, test: Examples) -> tuple[Predicted, Examples]:
    """What counts for a head: all examples, or the first of each clip where the others say the same."""
    clips = test.first_rows()
    one_each = head.by_clip(test) and len(clips) < len(test.ids)
    return (said.take(clips), test.take(clips)) if one_each else (said, test)


def figure(head: Head, row: dict) -> float | None:
    """The mean of a head's `goals` in a row of figures, each as a share of the best; None if the row has none."""
    found = [row[column] / best for column, best in head.goals.items() if row.get(column) is not None]
    return float(np.mean(found)) if found else None


def by_column(
    heads: Sequence[Head],
    said: dict[str, dict[str, Predicted]],
    test: Examples,
    values: dict[tuple[str, str], str],
) -> dict:
    """The heads' headlines for each value of a column, the most frequent first; the rare ones count together.

    Args:
        heads: of the systems; those that rank the whole split, as search does, are left out.
        said: {system: {head: what it says}}.
        test: the examples.
        values: {(clip, question): value}.

    Returns:
        {value: {"examples": int, "systems": {name: {headline: float or None}}}}.
    """
    told = [head for head in heads if head.field]
    own = [values.get((clip, question), "") for clip, question in zip(test.ids, test.questions)]
    named = [value for value, _ in Counter(own).most_common(MOST_KINDS)]
    own = [value if value in named else "other" for value in own]
    groups = {}
    for value in [*named, *(["other"] if "other" in own and "other" not in named else [])]:
        rows = [row for row, one in enumerate(own) if one == value]
        some = test.take(rows)
        scores = {
            name: score(told, {head: one.take(rows) for head, one in found.items()}, some)
            for name, found in said.items()
        }
        systems = {name: {head.headline: row[head.headline] for head in told} for name, row in scores.items()}
        groups[value or "(none)"] = {"examples": len(rows), "systems": systems}
    return groups


def by_kind(heads: Sequence[Head], said: dict[str, dict[str, Predicted]], test: Examples) -> dict:
    """Accuracy of every system that answers, for each kind of question, the most frequent first.

    Args:
        heads: of the systems.
        said: {system: {head: what it says}}.
        test: the examples; those without an answer do not count.

    Returns:
        {kind: {"questions": int, "systems": {name: share of right answers}}}.
    """
    asked = [head for head in heads if head.answers_questions]
    if not asked:
        return {}
    right = test.truths[asked[0].name]
    truths = [asked[0].as_text(truth) for truth in right]
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
            name: float(np.mean([asked[0].correct(right[row], texts[row]) for row in rows]))
            for name, texts in answers.items()
        }
        kinds[kind] = {"questions": len(rows), "systems": shares}
    return kinds
