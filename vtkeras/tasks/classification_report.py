"""How well answers and labels are understood: class by class, what is taken for what, and calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from vtkeras.metrics import ExpectedCalibrationError
from vtkeras.tasks.base import LOWER, Column, Head
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted

NOTHING = "(nothing)"
SCORES = ("precision", "recall", "f1")
AVERAGED = tuple(f"{kind}_{score}" for kind in ("macro", "micro") for score in SCORES)
BLOCK = 256  # examples whose probabilities are looked at together
Pairs = list[tuple[frozenset, frozenset]]  # (right labels, predicted labels) of each example


def class_columns(name: str, *unlisted: str) -> dict[str, Column]:
    """The columns of a head that chooses among classes.

    Args:
        name: of the head; every column's name begins with it.
        unlisted: scores that tables leave out.

    Example:
        >>> class_columns("label")["label_accuracy"].title
        'label %'
    """
    titles = {"macro_f1": f"{name} F1", "micro_f1": f"{name} micro F1"}
    averaged = {
        score: Column(titles.get(score, f"{name} {score.replace('_', ' ')}"), listed=score in titles.keys() - unlisted)
        for score in AVERAGED
    }
    scores = {
        "accuracy": Column(f"{name} %", "%"),
        **averaged,
        "calibration_error": Column(f"{name} ECE", better=LOWER),
    }
    return {f"{name}_{score}": column for score, column in scores.items()}


def split_labels(text: str, separator: str | None) -> frozenset[str]:
    """The labels that a text names.

    Example:
        >>> sorted(split_labels("dog | pet", "|"))
        ['dog', 'pet']
    """
    parts = text.split(separator) if separator else [text]
    return frozenset(part.strip() for part in parts if part.strip())


def class_scores(
    truth: list[str], predicted: list[str], separator: str | None, probabilities: ClassProbabilities | None = None
) -> dict[str, float | None]:
    """Accuracy and averaged precision, recall and F1, over the examples whose truth is known.

    Args:
        truth, predicted: one text an example; an empty truth leaves the example out.
        separator: what joins several labels; None for one label an example.
        probabilities: the probabilities behind `predicted`, for the calibration error.

    Returns:
        dict of `accuracy` (the whole set of labels is right), `macro_f1` and the like, and
        `calibration_error`, None without `probabilities`; empty if no truth is known.

    Example:
        >>> class_scores(["cat", "dog"], ["cat", "cat"], None)["macro_f1"]  # cat 2/3, dog 0
        0.333...
    """
    pairs = _pairs(truth, predicted, separator)
    if not pairs:
        return {}
    support, predicted_to, hits = _counts(pairs)
    each = [_rates(hits[label], support[label], predicted_to[label]) for label in support | predicted_to]
    pooled = _rates(hits.total(), support.total(), predicted_to.total())
    calibration = reliability(truth, separator, probabilities)
    return {
        "accuracy": float(np.mean([one == other for one, other in pairs])),
        **{f"macro_{name}": float(np.mean([one[name] for one in each])) for name in SCORES},
        **{f"micro_{name}": pooled[name] for name in SCORES},
        "calibration_error": None if calibration is None else calibration["error"],
    }


def class_details(heads: Sequence[Head], predictions: dict[str, Predicted], test: Examples) -> dict[str, dict]:
    """What lies behind the averages, for every head that chooses among classes.

    Args:
        heads: of the model.
        predictions: {head: what the model says}.
        test: the examples.

    Returns:
        {head: {"classes": rows of `per_class`, "confusions": rows of `confusions`,
        "reliability": rows of `reliability` or None}}.
    """
    details = {}
    for head in (head for head in heads if head.from_classes and head.name in predictions):
        truth = [head.as_text(one) for one in test.truths[head.name]]
        predicted = predictions[head.name]
        pairs = _pairs(truth, predicted.texts or [], head.separator)
        if pairs:
            calibration = reliability(truth, head.separator, predicted.classes)
            details[head.name] = {
                "classes": per_class(pairs),
                "confusions": confusions(pairs),
                "reliability": calibration and calibration["bins"],
            }
    return details


def per_class(pairs: Pairs) -> list[dict]:
    """Precision, recall and F1 of each class, the most frequent class first.

    Args:
        pairs: (right labels, predicted labels) of each example.

    Returns:
        Rows of class, support (examples that have it), predicted (examples predicted to), precision,
        recall and f1; a division by zero gives 0.

    Example:
        >>> pairs = [(frozenset({"cat"}), frozenset({"cat"})), (frozenset({"dog"}), frozenset({"cat"}))]
        >>> per_class(pairs)[0]["precision"]
        0.5
    """
    support, predicted, hits = _counts(pairs)
    return [
        {
            "class": label,
            "support": support[label],
            "predicted": predicted[label],
            **_rates(hits[label], support[label], predicted[label]),
        }
        for label in sorted(support | predicted, key=lambda label: (-support[label], label))
    ]


def confusions(pairs: Pairs) -> list[dict]:
    """The confusion matrix as rows of `actual`, `predicted` and `count`; cells of 0 are left out.

    A right label that was predicted counts on the diagonal. One that was missed counts against each label that
    was predicted wrongly in its place, or against "(nothing)"; a wrong one in no label's place was taken for
    "(nothing)". With one label an example this is the ordinary confusion matrix.

    Example:
        >>> confusions([(frozenset({"cat"}), frozenset({"dog"}))])
        [{'actual': 'cat', 'predicted': 'dog', 'count': 1}]
    """
    cells: Counter = Counter()
    for right, given in pairs:
        cells.update((label, label) for label in right & given)
        missed, wrong = right - given or {NOTHING}, given - right or {NOTHING}
        cells.update((one, other) for one in missed for other in wrong if (one, other) != (NOTHING, NOTHING))
    return [{"actual": one, "predicted": other, "count": count} for (one, other), count in sorted(cells.items())]


def reliability(truth: list[str], separator: str | None, probabilities: ClassProbabilities | None) -> dict | None:
    """Confidence against accuracy. Of one class an example, a truth that the model does not know is one of which it is
    wrong; of several labels, only examples count whose labels it knows.

    Args:
        truth: one text an example.
        separator: what joins several labels.
        probabilities: the model's probabilities.

    Returns:
        dict of `error`, the expected calibration error, and `bins`, rows of confidence, accuracy and
        count; None without `probabilities` or any example that counts.
    """
    if probabilities is None:
        return None
    places = {name: place for place, name in enumerate(probabilities.classes)}
    named = [split_labels(text, separator) for text in truth]
    known = [
        row for row, labels in enumerate(named) if labels and (not probabilities.several or labels <= places.keys())
    ]
    if not known:
        return None
    metric = ExpectedCalibrationError(len(places), multi_label=probabilities.several)
    for start in range(0, len(known), BLOCK):
        rows = known[start : start + BLOCK]
        right: np.ndarray = np.array([min(places.get(label, -1) for label in named[row]) for row in rows])
        if probabilities.several:
            right = np.zeros((len(rows), len(places)), np.float32)
            for one, row in zip(right, rows):
                one[[places[label] for label in named[row]]] = 1.0
        metric.update_state(right, probabilities.probabilities[rows])
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
            parts.append(f"| {in_cell(row['class'])} | {row['support']} | {scores} |")
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
    found = {cell[side] for cell in cells for side in ("actual", "predicted")}
    names = sorted(found, key=lambda name: (name == NOTHING, name))
    if len(names) <= most_columns:
        counts = {(cell["actual"], cell["predicted"]): cell["count"] for cell in cells}
        titles = " | ".join(map(in_cell, names))
        lines = [f"#### {head}: confusion matrix", "", f"| actual \\ predicted | {titles} |"]
        lines.append("| --- |" + " ---: |" * len(names))
        return lines + [
            f"| {in_cell(one)} | " + " | ".join(str(counts.get((one, other), 0)) for other in names) + " |"
            for one in names
        ]
    wrong = sorted((cell for cell in cells if cell["actual"] != cell["predicted"]), key=lambda cell: -cell["count"])
    lines = [f"#### {head}: commonest confusions", "", "| actual | predicted | times |", "| --- | --- | ---: |"]
    for cell in wrong[:most_columns]:
        lines.append(f"| {in_cell(cell['actual'])} | {in_cell(cell['predicted'])} | {cell['count']} |")
    return lines


def in_cell(name: str) -> str:
    """A name as a cell of a Markdown table holds it."""
    return name.replace("|", r"\|")


def _pairs(truth: list[str], predicted: list[str], separator: str | None) -> Pairs:
    sets = [[split_labels(text, separator) for text in texts] for texts in (truth, predicted)]
    return [(right, given) for right, given in zip(*sets) if right]


def _counts(pairs: Pairs) -> tuple[Counter, Counter, Counter]:
    """For each class: examples that have it, examples predicted to, and examples that are both."""
    support = Counter(label for right, _ in pairs for label in right)
    predicted = Counter(label for _, given in pairs for label in given)
    return support, predicted, Counter(label for right, given in pairs for label in right & given)


def _rates(hits: int, support: int, predicted: int) -> dict[str, float]:
    """`SCORES` of counts; a division by zero gives 0."""
    return {
        "precision": hits / max(predicted, 1),
        "recall": hits / max(support, 1),
        "f1": 2 * hits / max(support + predicted, 1),
    }
