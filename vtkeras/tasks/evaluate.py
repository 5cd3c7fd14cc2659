"""A table of a model beside baselines on the same examples."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.events import read_events, without_times
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import normalise
from vtkeras.metrics import DIVERSITY_METRICS, TEXT_METRICS, dense_scores, retrieval_scores, vqa_accuracy
from vtkeras.run_files import CLASSES, METRICS, METRICS_TABLE, write_text
from vtkeras.tasks.baselines import BASELINES, Chances, Examples, Predictions, thumbnail
from vtkeras.tasks.understanding import AVERAGED, SEPARATORS, class_details, class_scores, closed_heads
from vtkeras.tasks.understanding import to_markdown as details_to_markdown

BATCH = 32
COLUMNS = {
    "caption_exact": "caption exact %",
    "bleu4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "cider": "CIDEr",
    "repetition_rate": "repetition %",
    "unended_rate": "unended %",
    "event_precision": "event precision %",
    "event_recall": "event recall %",
    "event_exact": "events exact %",
    "soda": "SODA",
    "answer_accuracy": "answer %",
    "answer_macro_f1": "answer F1",
    "answer_calibration_error": "answer ECE",
    "written_answer_accuracy": "written answer %",
    "vqa_accuracy": "VQA accuracy %",
    "label_accuracy": "label %",
    "label_macro_f1": "label F1",
    "label_micro_f1": "label micro F1",
    "label_calibration_error": "label ECE",
    "recall_at_1": "R@1 %",
    "recall_at_5": "R@5 %",
}
PERCENT = {name for name, title in COLUMNS.items() if title.endswith("%")}
ANNOTATORS = 4  # answers that a question needs for VQA accuracy to reach 1
MOST_KINDS = 8  # of questions in a table; the others count together
# What a system's row holds; the table shows `COLUMNS` of it.
CAPTION_SCORES = tuple(name for name in TEXT_METRICS if name not in ("exact_match", "vqa_accuracy"))
EVENT_SCORES = {"event_precision": "precision", "event_recall": "recall", "event_exact": "exact", "soda": "soda"}
CLASS_SCORES = ("accuracy", *AVERAGED, "calibration_error")
ROW = (
    "caption_exact",
    *CAPTION_SCORES,
    *DIVERSITY_METRICS,
    "unended_rate",
    *EVENT_SCORES,
    *(f"{head}_{name}" for head in SEPARATORS for name in CLASS_SCORES),
    "written_answer_accuracy",
    "vqa_accuracy",
    "recall_at_1",
    "recall_at_5",
)


def evaluate(
    systems: dict[str, object],
    source,
    preprocessor: Preprocessor,
    splits: list[str],
    train_clips: int = 2000,
    limit: int | None = None,
    report: Callable[[str], None] = print,
    meteor: bool = False,
    keep: Callable[[str, str, Examples, Predictions], None] = lambda *_: None,
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
        meteor: score captions by METEOR too, which takes Java some seconds.
        keep: called with (split, system, examples, predictions) of each model.

    Returns:
        {split: {"examples": int, "systems": {name: {metric: float or None}}, "kinds": {kind of question:
        {"questions": int, "systems": {name: accuracy}}}, "details": {model: what `class_details` gives}}};
        shares lie in 0 to 1.
    """
    report("reading training examples for the baselines")
    train = read_examples(source, keys.TRAIN, preprocessor, train_clips)
    results = {}
    for split in splits:
        test = read_examples(source, split, preprocessor, limit)
        scores, details, answers = {}, {}, {}
        for name, decoder in systems.items():
            found = predict(decoder, source, split, preprocessor, test, limit)
            scores[name], details[name] = score(found, test, meteor), class_details(found, test)
            answers[name] = found.answers
            keep(split, name, test, found)
            report(f"{split}: {name}: {_headline(scores[name])}")
        for name, baseline in BASELINES.items():
            found = baseline(train, test)
            scores[name], answers[name] = score(found, test, meteor), found.answers
        results[split] = {
            "examples": len(test.questions),
            "systems": scores,
            "kinds": by_kind(answers, test),
            "details": details,
        }
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
        examples.ids.append(example[keys.VIDEO_ID].numpy().decode())
    examples.thumbnails = np.stack(thumbnails)
    return examples


def predict(
    decoder, source, split: str, preprocessor: Preprocessor, test: Examples, limit: int | None
) -> Predictions:
    """What a model says of a split's examples, with the heads that were trained."""
    heads, known = decoder.heads, preprocessor.vocabulary
    clips = source.load(split).map(
        lambda example: (*preprocessor.clip(example[keys.FRAMES]), example[keys.QUESTION])
    )

    @tf.function(reduce_retracing=True)
    def run(frames, mask, questions):
        outputs = {}
        if keys.HEAD_CAPTION in heads:
            written = decoder.caption(frames, mask)
            outputs["captions"], outputs["ended"] = written["caption"], written["ended"]
        if keys.HEAD_CONTRASTIVE in heads:
            outputs["videos"] = decoder.embed_video(frames, mask)
        if keys.HEAD_ANSWER in heads:
            outputs["answers"] = decoder.answer(frames, mask, questions)["probabilities"]
        if keys.HEAD_WRITTEN_ANSWER in heads:
            outputs["written_answers"] = decoder.write_answer(frames, mask, questions)["answer"]
        if keys.HEAD_LABEL in heads:
            outputs["labels"] = decoder.classify(frames, mask, questions)["probabilities"]
        return outputs

    batches = [
        {name: value.numpy() for name, value in run(*batch).items()}
        for batch in _take(clips, limit).batch(BATCH)
    ]
    outputs = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    found = Predictions()
    if "captions" in outputs:
        found.captions = [text.decode() for text in outputs["captions"]]
        found.ended = outputs["ended"].tolist()
    if "videos" in outputs:
        found.similarity = decoder.embed_text(tf.constant(_unique_captions(test))).numpy() @ outputs["videos"].T
    if "answers" in outputs:
        found.answers = [known.answers[place] for place in outputs["answers"].argmax(axis=1)]
        found.answer_chances = Chances(known.answers, outputs["answers"])
    if "written_answers" in outputs:
        found.written_answers = [text.decode() for text in outputs["written_answers"]]
        found.answers = found.answers or found.written_answers
    if "labels" in outputs:
        # Labels that are never two in an example are one choice, whatever the model was trained for.
        several = not decoder.model.single_label and any(keys.LABEL_SEPARATOR in label for label in test.labels)
        found.labels = [_label_text(row, known.labels, several) for row in outputs["labels"]]
        found.label_chances = Chances(known.labels, outputs["labels"], several)
    return found


def score(predictions: Predictions, test: Examples, meteor: bool = False) -> dict[str, float | None]:
    """The row of one system, with the names of `ROW`; None where the data or the system leave one empty."""
    row = dict.fromkeys(ROW)
    row.update(_caption_scores(predictions.captions, test, meteor))
    row.update(_event_scores(predictions.captions, test))
    if predictions.ended:
        row["unended_rate"] = float(1 - np.mean(predictions.ended))
    for head, truth, said, chances in closed_heads(predictions, test):
        scores = class_scores(truth, said or [], SEPARATORS[head], chances)
        row.update({f"{head}_{name}": value for name, value in scores.items()})
    written = class_scores(test.answers, predictions.written_answers or [], None)
    row["written_answer_accuracy"] = written.get("accuracy")
    row.update(_vqa_scores(predictions.answers, test))
    if predictions.similarity is not None and any(test.captions):
        queries = _unique_captions(test)
        relevant = np.array([[text in captions[:1] for captions in test.captions] for text in queries])
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
        rows = result["systems"].values()
        names = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
        parts += [f"### {split} ({result['examples']} examples)", ""]
        parts.append("| system | " + " | ".join(COLUMNS[name] for name in names) + " |")
        parts.append("| --- |" + " ---: |" * len(names))
        for system, row in result["systems"].items():
            parts.append(f"| {system} | " + " | ".join(_cell(name, row.get(name)) for name in names) + " |")
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


def classes_to_markdown(results: dict) -> str:
    """Each model's classes, confusions and calibration as Markdown."""
    return "\n".join(
        f"### {split}: {system}\n\n{details_to_markdown(details)}"
        for split, result in results.items()
        for system, details in result.get("details", {}).items()
        if details
    )


def write_results(results: dict, folder: Path) -> None:
    """Writes `metrics.json`, `metrics.md` and `classes.md`, each whole or not at all."""
    as_json = json.dumps(results, indent=1)
    as_json = re.sub(r"[{][^{}]*[}]", lambda row: re.sub(r"\n\s*", " ", row.group()), as_json)  # a row a line
    write_text(folder / METRICS, as_json)
    write_text(folder / METRICS_TABLE, to_markdown(results))
    write_text(folder / CLASSES, classes_to_markdown(results))


def _take(dataset: tf.data.Dataset, limit: int | None) -> tf.data.Dataset:
    return dataset if limit is None else dataset.take(limit)


def _unique_captions(test: Examples) -> list[str]:
    return list(dict.fromkeys(captions[0] if captions else "" for captions in test.captions))


def _label_text(probabilities: np.ndarray, labels: tuple[str, ...], several: bool) -> str:
    if not several:
        return labels[int(probabilities.argmax())]
    return keys.LABEL_SEPARATOR.join(label for label, p in zip(labels, probabilities) if p > 0.5)


def _caption_scores(captions: list[str] | None, test: Examples, meteor: bool) -> dict:
    pairs = [(references, text) for references, text in zip(test.captions, captions or []) if references]
    if not pairs:
        return {}
    references, texts = ([pair[side] for pair in pairs] for side in (0, 1))
    scores = {"caption_exact": TEXT_METRICS["exact_match"](references, texts)}  # of a dense caption, times as well
    references = [[without_times(text) for text in accepted] for accepted in references]
    texts = [without_times(text) for text in texts]
    scores |= {name: metric(texts) for name, metric in DIVERSITY_METRICS.items()}
    for name in CAPTION_SCORES:
        if meteor or name != "meteor":
            scores[name] = TEXT_METRICS[name](references, texts)
    return {name: float(score) for name, score in scores.items()}


def _event_scores(captions: list[str] | None, test: Examples) -> dict:
    """Scores of dense captions, for the videos whose first reference has times."""
    pairs = [(_timed(true[0]), _timed(said)) for true, said in zip(test.captions, captions or []) if true]
    pairs = [pair for pair in pairs if pair[0]]
    if not pairs:
        return {}
    scores = dense_scores(*zip(*pairs))
    return {column: scores[name] for column, name in EVENT_SCORES.items()}


def _timed(text: str) -> list[tuple[float, float, str]]:
    return [(event.start, event.end, event.text) for event in read_events(text)]


def _vqa_scores(answers: list[str] | None, test: Examples) -> dict:
    """Soft accuracy, where questions have answers of several people."""
    pairs = [(given, said) for given, said in zip(test.references, answers or []) if len(given) >= ANNOTATORS]
    return {"vqa_accuracy": vqa_accuracy(*zip(*pairs))} if pairs else {}


def _headline(row: dict) -> str:
    shown = ("caption_exact", "event_exact", "answer_accuracy", "label_accuracy", "recall_at_1")
    return ", ".join(f"{COLUMNS[name]} {_cell(name, row[name])}" for name in shown if row[name] is not None)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if name in PERCENT else f"{value:.3f}"
