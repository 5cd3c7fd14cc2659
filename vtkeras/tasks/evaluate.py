"""A table of a model beside baselines on the same examples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import normalise
from vtkeras.metrics import TEXT_METRICS, classification_report, repetition_rate, retrieval_scores, vqa_accuracy
from vtkeras.tasks.baselines import BASELINES, Examples, Predictions, thumbnail

BATCH = 32
COLUMNS = {
    "caption_exact": "caption exact %",
    "bleu4": "BLEU-4",
    "cider": "CIDEr",
    "repetition_rate": "repetition %",
    "answer_accuracy": "answer %",
    "answer_macro_f1": "answer F1",
    "written_answer_accuracy": "written answer %",
    "vqa_accuracy": "VQA accuracy %",
    "label_accuracy": "label %",
    "label_macro_f1": "label F1",
    "recall_at_1": "R@1 %",
    "recall_at_5": "R@5 %",
}
PERCENT = {name for name, title in COLUMNS.items() if title.endswith("%")}
ANNOTATORS = 4  # answers that a question needs for VQA accuracy to reach 1
MOST_KINDS = 8  # of questions in a table; the others count together


def evaluate(
    systems: dict[str, object],
    source,
    preprocessor: Preprocessor,
    splits: list[str],
    train_clips: int = 2000,
    limit: int | None = None,
    report: Callable[[str], None] = print,
) -> dict:
    """Scores models and baselines on the same examples.

    Args:
        systems: name -> a task's decoder, as `Task.decode` makes it.
        source: gives the examples.
        preprocessor: brings clips to the models' shape.
        splits: splits to evaluate on.
        train_clips: training examples that the baselines may look at.
        limit: examples of each split at most; None takes all.
        report: called with lines of progress.

    Returns:
        {split: {"examples": int, "systems": {name: {metric: float or None}}, "kinds": {kind of question:
        {"questions": int, "systems": {name: accuracy}}}}}; shares lie in 0 to 1.
    """
    report("reading training examples for the baselines")
    train = read_examples(source, keys.TRAIN, preprocessor, train_clips)
    results = {}
    for split in splits:
        test = read_examples(source, split, preprocessor, limit)
        scores, answers = {}, {}
        for name, decoder in systems.items():
            found = predict(decoder, source, split, preprocessor, test, limit)
            scores[name], answers[name] = score(found, test), found.answers
            report(f"{split}: {name}: {_headline(scores[name])}")
        for name, baseline in BASELINES.items():
            found = baseline(train, test)
            scores[name], answers[name] = score(found, test), found.answers
        results[split] = {"examples": len(test.questions), "systems": scores, "kinds": by_kind(answers, test)}
    return results


def read_examples(source, split: str, preprocessor: Preprocessor, limit: int | None) -> Examples:
    """The texts and thumbnails of a split's first `limit` examples."""
    examples, thumbnails = Examples(), []
    kind_of = getattr(source, "question_kind", first_word)
    for example in _take(source.load(split), limit):
        frames, _ = preprocessor.clip(example[keys.FRAMES])
        thumbnails.append(thumbnail(frames.numpy()))
        examples.captions.append([text.decode() for text in example[keys.CAPTIONS].numpy()])
        question, answer = (example[key].numpy().decode() for key in (keys.QUESTION, keys.ANSWER))
        examples.questions.append(question)
        examples.kinds.append(kind_of(question) if question.strip() else "")
        examples.references.append([normalise(one) for one in answer.split(keys.LABEL_SEPARATOR)])
        examples.answers.append(examples.references[-1][0])
        examples.labels.append(example[keys.LABEL].numpy().decode())
    examples.thumbnails = np.stack(thumbnails)
    return examples


def predict(decoder, source, split: str, preprocessor: Preprocessor, test: Examples, limit: int | None) -> Predictions:
    """What a model says of a split's examples."""
    heads, known = decoder.heads, preprocessor.vocabulary
    clips = source.load(split).map(
        lambda example: (*preprocessor.clip(example[keys.FRAMES]), example[keys.QUESTION])
    )

    @tf.function(reduce_retracing=True)
    def run(frames, mask, questions):
        outputs = {}
        if keys.HEAD_CAPTION in heads:
            outputs["captions"] = decoder.caption(frames, mask)["caption"]
        if keys.HEAD_CONTRASTIVE in heads:
            outputs["videos"] = decoder.embed_video(frames, mask)
        if keys.HEAD_ANSWER in heads:
            outputs["answers"] = decoder.answer(frames, mask, questions)["answer"]
        if keys.HEAD_WRITTEN_ANSWER in heads:
            outputs["written_answers"] = decoder.write_answer(frames, mask, questions)["answer"]
        if keys.HEAD_LABEL in heads:
            outputs["labels"] = decoder.classify(frames, mask, questions)["probabilities"]
        return outputs

    several = any(keys.LABEL_SEPARATOR in label for label in test.labels)
    batches = [
        {name: value.numpy() for name, value in run(*batch).items()}
        for batch in _take(clips, limit).batch(BATCH)
    ]
    found = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    strings = {name: values for name, values in found.items() if values.dtype == object}
    texts = {name: [text.decode() for text in values] for name, values in strings.items()}
    if "labels" in found:
        texts["labels"] = [_label_text(row, known.labels, several) for row in found["labels"]]
    if "videos" in found:
        captions = decoder.embed_text(tf.constant(_unique_captions(test))).numpy()
        texts["similarity"] = captions @ found["videos"].T
    if "answers" not in texts and "written_answers" in texts:
        texts["answers"] = texts["written_answers"]
    return Predictions(**texts)


def score(predictions: Predictions, test: Examples) -> dict[str, float | None]:
    """The table's row of one system; None where the data or the system leave a column empty."""
    row = dict.fromkeys(COLUMNS)
    row.update(_caption_scores(predictions.captions, test))
    row.update(_class_scores("answer", predictions.answers, test.answers, separator=None))
    written = _class_scores("written_answer", predictions.written_answers, test.answers, separator=None)
    row["written_answer_accuracy"] = written.get("written_answer_accuracy")
    row.update(_vqa_scores(predictions.answers, test))
    row.update(_class_scores("label", predictions.labels, test.labels, separator=keys.LABEL_SEPARATOR))
    if predictions.similarity is not None and any(test.captions):
        relevant = np.array([[text in captions[:1] for captions in test.captions] for text in _unique_captions(test)])
        found = retrieval_scores(predictions.similarity, relevant)
        row["recall_at_1"], row["recall_at_5"] = found["r@1"], found["r@5"]
    return row


def by_kind(answers: dict[str, list[str] | None], test: Examples) -> dict:
    """Accuracy of every system that answers, for each kind of question, the most frequent first.

    Args:
        answers: name of a system -> its answer to each example.
        test: the examples; those without an answer do not count.

    Returns:
        {kind: {"questions": int, "systems": {name: share of right answers}}}.
    """
    counts = Counter(kind for kind, right in zip(test.kinds, test.answers) if right)
    named = [kind for kind, _ in counts.most_common(MOST_KINDS)]
    found = {}
    for kind in [*named, *(["other"] if len(counts) > len(named) else [])]:
        rows = [
            row for row, own in enumerate(test.kinds)
            if test.answers[row] and (own if own in named else "other") == kind
        ]
        shares = {
            name: float(np.mean([said[row] == test.answers[row] for row in rows]))
            for name, said in answers.items() if said
        }  # fmt: skip
        found[kind] = {"questions": len(rows), "systems": shares}
    return found


def first_word(question: str) -> str:
    """The kind of a question, for sources that do not tell: its first word, and the next one after "how".

    Example:
        >>> first_word("How many cats are there?")
        'how many'
    """
    words = normalise(question).split()
    return " ".join(words[: 2 if words[0] == "how" else 1])


def to_markdown(results: dict) -> str:
    """The results as Markdown tables, one a split, and one more for its kinds of question."""
    parts = []
    for split, result in results.items():
        names = [name for name in COLUMNS if any(row[name] is not None for row in result["systems"].values())]
        parts += [f"### {split} ({result['examples']} examples)", ""]
        parts.append("| system | " + " | ".join(COLUMNS[name] for name in names) + " |")
        parts.append("| --- |" + " ---: |" * len(names))
        for system, row in result["systems"].items():
            parts.append(f"| {system} | " + " | ".join(_cell(name, row[name]) for name in names) + " |")
        parts.append("")
        kinds = result.get("kinds", {})
        if len(kinds) > 1:
            titles = (f"{kind} ({kinds[kind]['questions']})" for kind in kinds)
            parts.append("| answers right % | " + " | ".join(titles) + " |")
            parts.append("| --- |" + " ---: |" * len(kinds))
            for system in next(iter(kinds.values()))["systems"]:
                shares = (100 * kind["systems"][system] for kind in kinds.values())
                parts.append(f"| {system} | " + " | ".join(f"{share:.1f}" for share in shares) + " |")
            parts.append("")
    return "\n".join(parts)


def write_results(results: dict, folder: Path) -> None:
    """Writes `metrics.json` and `metrics.md`, each whole or not at all."""
    for name, text in (("metrics.json", json.dumps(results, indent=1)), ("metrics.md", to_markdown(results))):
        temporary = folder / f"{name}.partial"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / name)


def _take(dataset: tf.data.Dataset, limit: int | None) -> tf.data.Dataset:
    return dataset if limit is None else dataset.take(limit)


def _unique_captions(test: Examples) -> list[str]:
    return list(dict.fromkeys(captions[0] if captions else "" for captions in test.captions))


def _label_text(probabilities: np.ndarray, labels: tuple[str, ...], several: bool) -> str:
    if not several:
        return labels[int(probabilities.argmax())]
    return keys.LABEL_SEPARATOR.join(label for label, p in zip(labels, probabilities) if p > 0.5)


def _caption_scores(captions: list[str] | None, test: Examples) -> dict:
    pairs = [(references, text) for references, text in zip(test.captions, captions or []) if references]
    if not pairs:
        return {}
    references, texts = zip(*pairs)
    names = {"caption_exact": "exact_match", "bleu4": "bleu4", "cider": "cider"}
    scores = {column: float(TEXT_METRICS[name](list(references), list(texts))) for column, name in names.items()}
    return {**scores, "repetition_rate": float(repetition_rate(list(texts)))}


def _class_scores(name: str, predicted: list[str] | None, truth: list[str], separator: str | None) -> dict:
    pairs = [(right, said) for right, said in zip(truth, predicted or []) if right]
    if not pairs:
        return {}

    def parts(text: str) -> set[str]:
        return {part.strip() for part in (text.split(separator) if separator else [text])}

    classes = sorted(set().union(*(parts(right) for right, _ in pairs)))
    right, said = (
        np.array([[float(label in parts(pair[side])) for label in classes] for pair in pairs]) for side in (0, 1)
    )
    scores = classification_report(right, said, multi_label=True)
    exact = float(np.mean([parts(one) == parts(other) for one, other in pairs]))
    return {f"{name}_accuracy": exact, f"{name}_macro_f1": scores["f1_macro"]}


def _vqa_scores(answers: list[str] | None, test: Examples) -> dict:
    """Soft accuracy, where questions have answers of several people."""
    pairs = [(given, said) for given, said in zip(test.references, answers or []) if len(given) >= ANNOTATORS]
    return {"vqa_accuracy": vqa_accuracy(*zip(*pairs))} if pairs else {}


def _headline(row: dict) -> str:
    shown = ("caption_exact", "answer_accuracy", "label_accuracy", "recall_at_1")
    return ", ".join(f"{COLUMNS[name]} {_cell(name, row[name])}" for name in shown if row[name] is not None)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if name in PERCENT else f"{value:.3f}"
