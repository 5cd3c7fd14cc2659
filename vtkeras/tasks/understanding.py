"""How well answers and labels are understood: class by class, what is taken for what, and calibration."""

from __future__ import annotations

from collections import Counter

import numpy as np

from vtkeras import keys
from vtkeras.metrics import ExpectedCalibrationError, classification_report
from vtkeras.tasks.baselines import Chances, Examples, Predictions

NOTHING = "(nothing)"
SEPARATORS = {keys.HEAD_ANSWER: None, keys.HEAD_LABEL: keys.LABEL_SEPARATOR}
AVERAGED = tuple(f"{kind}_{score}" for kind in ("macro", "micro") for score in ("precision", "recall", "f1"))
Pairs = list[tuple[frozenset, frozenset]]  # (right labels, said labels) of each example


def split_labels(text: str, separator: str | None) -> frozenset[str]:
    """The labels that a text names.

    Example:
        >>> sorted(split_labels("dog | pet", "|"))
        ['dog', 'pet']
    """
    parts = text.split(separator) if separator else [text]
    return frozenset(part.strip() for part in parts if part.strip())


def class_scores(
    truth: list[str], said: list[str], separator: str | None, chances: Chances | None = None
) -> dict[str, float | None]:
    """Accuracy and averaged precision, recall and F1, over the examples whose truth is known.

    Args:
        truth, said: one text an example; an empty truth leaves the example out.
        separator: what joins several labels; None for one label an example.
        chances: the probabilities behind `said`, for the calibration error.

    Returns:
        dict of `accuracy` (the whole set of labels is right), `macro_f1` and the like, and
        `calibration_error`, None without `chances`; empty if no truth is known.

    Example:
        >>> class_scores(["cat", "dog"], ["cat", "cat"], None)["macro_f1"]  # cat 2/3, dog 0
        0.333...
    """
    pairs = _pairs(truth, said, separator)
    if not pairs:
        return {}
    classes = _classes(pairs)
    right, given = (
        np.array([[float(label in pair[side]) for label in classes] for pair in pairs]) for side in (0, 1)
    )
    report = classification_report(right, given, multi_label=True)
    scores = {"_".join(reversed(name.split("_"))): value for name, value in report.items()}
    calibration = reliability(truth, separator, chances)
    return {
        "accuracy": float(np.mean([one == other for one, other in pairs])),
        **{name: scores[name] for name in AVERAGED},
        "calibration_error": None if calibration is None else calibration["error"],
    }


def closed_heads(predictions: Predictions, test: Examples) -> tuple[tuple, ...]:
    """(head, truth, what was said, chances) of answers and of labels."""
    return (
        (keys.HEAD_ANSWER, test.answers, predictions.answers, predictions.answer_chances),
        (keys.HEAD_LABEL, test.labels, predictions.labels, predictions.label_chances),
    )


def class_details(predictions: Predictions, test: Examples) -> dict[str, dict]:
    """What lies behind the averages, for answers and for labels where there are any.

    Returns:
        {"answer" or "label": {"classes": rows of `per_class`, "confusions": rows of `confusions`,
        "reliability": rows of `reliability` or None}}.
    """
    details = {}
    for head, truth, said, chances in closed_heads(predictions, test):
        pairs = _pairs(truth, said or [], SEPARATORS[head])
        if pairs:
            calibration = reliability(truth, SEPARATORS[head], chances)
            details[head] = {
                "classes": per_class(pairs),
                "confusions": confusions(pairs),
                "reliability": calibration and calibration["bins"],
            }
    return details


def per_class(pairs: Pairs) -> list[dict]:
    """Precision, recall and F1 of each class, the most frequent class first.

    Args:
        pairs: (right labels, said labels) of each example.

    Returns:
        Rows of class, support (examples that have it), predicted (examples said to), precision,
        recall and f1; a division by zero gives 0.

    Example:
        >>> pairs = [(frozenset({"cat"}), frozenset({"cat"})), (frozenset({"dog"}), frozenset({"cat"}))]
        >>> per_class(pairs)[0]["precision"]
        0.5
    """
    support = Counter(label for right, _ in pairs for label in right)
    predicted = Counter(label for _, said in pairs for label in said)
    hits = Counter(label for right, said in pairs for label in right & said)
    return [
        {
            "class": label,
            "support": support[label],
            "predicted": predicted[label],
            "precision": hits[label] / max(predicted[label], 1),
            "recall": hits[label] / max(support[label], 1),
            "f1": 2 * hits[label] / max(support[label] + predicted[label], 1),
        }
        for label in sorted(_classes(pairs), key=lambda label: (-support[label], label))
    ]


def confusions(pairs: Pairs) -> list[dict]:
    """The confusion matrix as rows of `is`, `said` and `count`; cells of 0 are left out.

    A right label that was said counts on the diagonal. One that was missed counts against each label that
    was said wrongly in its place, or against "(nothing)"; a wrong one in no label's place was taken for
    "(nothing)". With one label an example this is the ordinary confusion matrix.

    Example:
        >>> confusions([(frozenset({"cat"}), frozenset({"dog"}))])
        [{'is': 'cat', 'said': 'dog', 'count': 1}]
    """
    cells: Counter = Counter()
    for right, said in pairs:
        cells.update((label, label) for label in right & said)
        missed, wrong = right - said or {NOTHING}, said - right or {NOTHING}
        cells.update((one, other) for one in missed for other in wrong if (one, other) != (NOTHING, NOTHING))
    return [{"is": one, "said": other, "count": count} for (one, other), count in sorted(cells.items())]


def reliability(truth: list[str], separator: str | None, chances: Chances | None) -> dict | None:
    """Confidence against accuracy, over the examples whose truth the model knows.

    Args:
        truth: one text an example.
        separator: what joins several labels.
        chances: the model's probabilities.

    Returns:
        dict of `error`, the expected calibration error, and `bins`, rows of confidence, accuracy and
        count; None without `chances` or any such example.
    """
    if chances is None:
        return None
    places = {name: place for place, name in enumerate(chances.classes)}
    named = [split_labels(text, separator) for text in truth]
    known = [row for row, labels in enumerate(named) if labels and labels <= places.keys()]
    if not known:
        return None
    metric = ExpectedCalibrationError(len(places), multi_label=chances.several)
    if chances.several:
        right = np.array([[float(name in named[row]) for name in chances.classes] for row in known])
    else:
        right = np.array([min(places[label] for label in named[row]) for row in known])
    metric.update_state(right, chances.probabilities[known])
    return {"error": float(metric.result()), "bins": metric.reliability()}


def to_markdown(details: dict[str, dict], most_classes: int = 25, most_columns: int = 12) -> str:
    """One system's details as Markdown; a confusion matrix of many classes gives its largest cells instead."""
    parts = []
    for head, found in details.items():
        rows = found["classes"]
        parts += [f"#### {head}: class by class", "", "| class | examples | precision | recall | F1 |"]
        parts.append("| --- |" + " ---: |" * 4)
        for row in rows[:most_classes]:
            scores = " | ".join(f"{row[name]:.3f}" for name in ("precision", "recall", "f1"))
            parts.append(f"| {_cell(row['class'])} | {row['support']} | {scores} |")
        if len(rows) > most_classes:
            parts.append(f"| {len(rows) - most_classes} rarer classes: see metrics.json | | | | |")
        parts += ["", *_confusion_lines(head, found["confusions"], most_columns), ""]
        if found["reliability"]:
            parts += [f"#### {head}: confidence and accuracy", "", "| confidence | accuracy | predictions |"]
            parts.append("| ---: | ---: | ---: |")
            for row in found["reliability"]:
                parts.append(f"| {row['confidence']:.3f} | {row['accuracy']:.3f} | {row['count']} |")
            parts.append("")
    return "\n".join(parts)


def _confusion_lines(head: str, cells: list[dict], most_columns: int) -> list[str]:
    names = {cell[side] for cell in cells for side in ("is", "said")}
    names = sorted(names, key=lambda name: (name == NOTHING, name))
    if len(names) <= most_columns:
        counts = {(cell["is"], cell["said"]): cell["count"] for cell in cells}
        lines = [f"#### {head}: confusion matrix", "", "| is \\ said | " + " | ".join(map(_cell, names)) + " |"]
        lines.append("| --- |" + " ---: |" * len(names))
        return lines + [
            f"| {_cell(one)} | " + " | ".join(str(counts.get((one, other), 0)) for other in names) + " |"
            for one in names
        ]
    wrong = sorted((cell for cell in cells if cell["is"] != cell["said"]), key=lambda cell: -cell["count"])
    lines = [f"#### {head}: commonest confusions", "", "| is | said | times |", "| --- | --- | ---: |"]
    for cell in wrong[:most_columns]:
        lines.append(f"| {_cell(cell['is'])} | {_cell(cell['said'])} | {cell['count']} |")
    return lines


def _cell(name: str) -> str:
    return name.replace("|", r"\|")


def _pairs(truth: list[str], said: list[str], separator: str | None) -> Pairs:
    sets = [[split_labels(text, separator) for text in texts] for texts in (truth, said)]
    return [(right, given) for right, given in zip(*sets) if right]


def _classes(pairs: Pairs) -> list[str]:
    return sorted(set().union(*(right | said for right, said in pairs)))
