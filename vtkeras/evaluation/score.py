"""`vtkeras score`: two files of texts, all text metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from vtkeras.data.text_files import Note, ignore, read_table, read_text
from vtkeras.errors import UserError
from vtkeras.metrics import DIVERSITY_METRICS, TEXT_METRICS

IDS = ("id", "video_id", "image_id", "question_id", "path")
COCO_IDS = ("question_id", "image_id", "video_id", "id")  # of annotations, whose own `id` comes last
REFERENCE = ("reference", "references", "caption", "captions", "answer", "answers", "text")
PREDICTION = ("prediction", "caption", "answer", "text")


def score_files(
    references: str | Path, predictions: str | Path, meteor: bool = True, note: Note = ignore
) -> dict[str, float | int]:
    """Every text metric of the predictions in one file against the references in another.

    CSV: a column `id` (or `video_id`, `image_id`, `question_id`, `path`) and one with the text: `reference`,
    in as many rows of an id as there are right texts, and `prediction` in one row for each id (or
    `caption`, `answer`, `text`). JSON: `{id: text}`, `{id: [texts]}`, a list of objects with these names, or
    COCO's `{"annotations": [...]}`; `.jsonl` has an object on each line.

    Args:
        references, predictions: the files.
        meteor: whether to ask Java for METEOR.
        note: called with a sentence for what had to be assumed of a file.

    Returns:
        `examples`, and each metric by its name in `TEXT_METRICS` and `DIVERSITY_METRICS`.

    Raises:
        UserError: for a file that cannot be read, a row that lacks its id or text, an id predicted twice
            or missing on either side; the row is named.

    Example:
        >>> score_files("references.csv", "predictions.csv")["bleu4"]
        0.312
    """
    accepted: dict[str, list[str]] = {}
    for _, name, texts in _entries(Path(references), REFERENCE, note):
        accepted.setdefault(name, []).extend(texts)
    said = _predictions(Path(predictions), accepted, references, note)
    missing = [name for name in accepted if name not in said]
    if missing:
        raise UserError(
            f"{predictions} has no prediction for the id '{missing[0]}' "
            f"({len(missing)} of {len(accepted)} lack one)."
        )
    rights, texts = list(accepted.values()), [said[name] for name in accepted]
    scores: dict[str, float | int] = {"examples": len(texts)}
    for name, metric in TEXT_METRICS.items():
        if meteor or name != "meteor":
            scores[name] = metric(rights, texts)
    return scores | {name: metric(texts) for name, metric in DIVERSITY_METRICS.items()}


def to_lines(scores: dict[str, float | int]) -> list[str]:
    """The scores as lines for a terminal."""
    return [
        f"{name:16} {value:.4f}" if isinstance(value, float) else f"{name:16} {value}"
        for name, value in scores.items()
    ]


def to_json(scores: dict[str, float | int]) -> str:
    """The scores as JSON, unrounded."""
    return json.dumps(scores, indent=1)


def _predictions(path: Path, accepted: dict, references, note: Note) -> dict[str, str]:
    said: dict[str, tuple[str, str]] = {}
    for where, name, texts in _entries(path, PREDICTION, note):
        if name in said:
            raise UserError(f"{where} predicts the id '{name}' again, after {said[name][0]}.")
        if name not in accepted:
            raise UserError(f"{where} is about the id '{name}', for which {references} has no reference.")
        if len(texts) != 1:
            raise UserError(f"{where} holds {len(texts)} texts; a prediction is one.")
        said[name] = where, texts[0]
    return {name: text for name, (_, text) in said.items()}


def _entries(path: Path, names: tuple[str, ...], note: Note) -> Iterator[tuple[str, str, list[str]]]:
    """(where, id, texts) of every entry of a file."""
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    text = read_text(path, note)
    is_json = path.suffix.lower() in (".json", ".jsonl") or text.lstrip()[:1] in ("{", "[")
    found = _json_entries(path, text, names) if is_json else _csv_entries(path, text, names, note)
    entries = list(found)
    if not entries:
        raise UserError(f"{path} holds no text: it needs an id and a {names[0]} in each row.")
    yield from entries


def _csv_entries(path: Path, text: str, names: tuple[str, ...], note: Note) -> Iterator[tuple[str, str, list[str]]]:
    table = read_table(path, text, (*IDS, *names), lambda found: all({*one} & {*found} for one in (IDS, names)), note)
    id_column, text_column = (_first(table.header, wanted) for wanted in (IDS, names))
    if id_column is None or text_column is None:
        lacking = "id" if id_column is None else names[0]
        raise UserError(
            f"{path} row {table.header_row} names no column '{lacking}': the header must hold id and {names[0]}."
        )
    for number, cells in table.records(path):
        name = cells[id_column].strip()
        if not name:
            raise UserError(f"{path} row {number} has no {id_column}.")
        yield f"{path} row {number}", name, [cells[text_column]]


def _json_entries(path: Path, text: str, names: tuple[str, ...]) -> Iterator[tuple[str, str, list[str]]]:
    try:
        lines = path.suffix.lower() == ".jsonl"
        document = [json.loads(line) for line in text.split("\n") if line.strip()] if lines else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}.") from None
    ids: tuple[str, ...] = IDS
    if isinstance(document, dict) and isinstance(document.get("annotations"), list):
        document, ids = document["annotations"], COCO_IDS
    if isinstance(document, dict):
        for number, (name, value) in enumerate(document.items(), start=1):
            where = f"{path} entry {number}"
            yield where, name, _texts(where, value)
        return
    if not isinstance(document, list):
        raise UserError(f"{path} must hold a JSON object of ids, or a list of objects.")
    for number, entry in enumerate(document, start=1):
        where = f"{path} entry {number}"
        fields = entry if isinstance(entry, dict) else {}
        id_field, text_field = (_first(fields, wanted) for wanted in (ids, names))
        if id_field is None or text_field is None:
            raise UserError(f"{where} lacks its {'id' if id_field is None else names[0]}.")
        yield where, str(fields[id_field]), _texts(where, fields[text_field])


def _texts(where: str, value) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise UserError(f"{where} must hold a text or a list of texts.")
    return texts


def _first(present, wanted: tuple[str, ...]) -> str | None:
    return next((name for name in wanted if name in present), None)
