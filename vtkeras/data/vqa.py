"""Questions and answers in the form of VQA (Antol et al., 2015), as a captions file for `vtkeras data ingest`.

VQA keeps questions and annotations in two JSON files:
`{"questions": [{"question_id", "image_id", "question"}]}` and
`{"annotations": [{"question_id", "answers": [{"answer"}]}]}`, with the answers of ten people each.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

from vtkeras import keys
from vtkeras.data.containers import EXTENSIONS
from vtkeras.data.paths import files_below
from vtkeras.errors import UserError
from vtkeras.whole_files import replacing


def convert(questions: str | Path, annotations: str | Path, folder: str | Path, out: str | Path) -> int:
    """Writes the questions with their answers as CSV: path, caption (empty), question, answer.

    All answers of a question stand in one cell, joined by `|`, the most frequent first: that one is
    learned, and VQA accuracy counts them all.

    Args:
        questions, annotations: VQA's two files.
        folder: images or videos; a file belongs to an image if its name, less the extension, is the
            image's id or ends with it after other letters (`COCO_val2014_000000262148.jpg` is 262148).
        out: the CSV file.

    Returns:
        How many questions were written. Those whose image is not in `folder` are left out; hidden files are passed
        over.

    Raises:
        UserError: for files that are not VQA's, naming the entry at fault, if several files could be an image that is
            asked about, or if no question is left.

    Example:
        >>> convert("questions.json", "annotations.json", "val2014", "captions.csv")
        214354
    """
    asked = {_field(*found, "question_id", int): found for found in _entries(questions, "questions")}
    files = _files_by_id(Path(folder))
    rows: dict[tuple[str, ...], None] = {}  # a set that keeps its order
    for where, entry in _entries(annotations, "annotations"):
        number = _field(where, entry, "question_id", int)
        if number not in asked:
            raise UserError(f"{where} answers question {number}, which {questions} does not ask.")
        asked_where, question = asked[number]
        image = str(_field(asked_where, question, "image_id", (int, str)))
        found = files.get(image, [])
        if len(found) > 1:
            raise UserError(
                f"{asked_where}: both '{found[0]}' and '{found[1]}' could be image {image}: leave the one that is "
                f"meant in {folder}."
            )
        for path in found:
            text = _field(asked_where, question, "question", str)
            answers = keys.LABEL_SEPARATOR.join(_answers(where, entry))
            rows[path, "", " ".join(text.split()), answers] = None
    if not rows:
        raise UserError(f"None of the {len(asked)} questions in {questions} is about a file in {folder}.")
    with replacing(out) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "caption", "question", "answer"])
        table.writerows(rows)
    return len(rows)


def _entries(path: str | Path, name: str) -> list[tuple[str, dict]]:
    """The dicts in a file's list `name`, each with where it stands."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))[name]
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            return [(f"{path} {name}[{index}]", entry) for index, entry in enumerate(entries)]
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise UserError(f"{path} is not VQA's file of {name}: it must hold a list '{name}' of objects.")


def _field(where: str, entry: dict, name: str, kind):
    value = entry.get(name)
    if not isinstance(value, kind) or isinstance(value, bool) or value == "":
        raise UserError(f"{where}: {name} {json.dumps(value)[:80]} is not what VQA has there.")
    return value


def _answers(where: str, entry: dict) -> list[str]:
    """Every answer, the most frequent first and the same ones side by side."""
    found = entry.get("answers")
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise UserError(f"{where} has no list of answers.")
    given = (_field(where, one, "answer", str) for one in found)
    texts = [" ".join(text.replace(keys.LABEL_SEPARATOR, "/").split()) for text in given]
    return [text for text, count in Counter(texts).most_common() for _ in range(count)]


def _files_by_id(folder: Path) -> dict[str, list[str]]:
    """Paths below `folder` by image id, ids without leading zeros; a whole name goes before one that ends so."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    whole: dict[str, list[str]] = {}
    endings: dict[str, list[str]] = {}
    for file in sorted(files_below(folder, passed_over=lambda name: name.startswith("."))):
        if file.suffix.lower() in EXTENSIONS:
            whole.setdefault(file.stem, []).append(file.as_posix())
            endings.setdefault(file.stem.rpartition("_")[2].lstrip("0"), []).append(file.as_posix())
    return {**endings, **whole}
