"""A clip of a captions file while the texts that its rows give are gathered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vtkeras.data.caption_entries import Entry

CAPTION, QUESTION, ANSWER, LABEL = COLUMNS = ("caption", "question", "answer", "label")


@dataclass
class Draft:
    """A clip and its texts so far; `where` names its first row in messages.

    `film` is what its file was cut out of, "" where the table does not tell. Questions and answers stand in pairs, of
    which either may be empty, in the order of the file.
    """

    where: str
    clip_id: str
    path: str
    start: float | None
    end: float | None
    film: str = ""
    split: str = ""
    # Dicts without values are sets that keep their order.
    captions: dict[str, None] = field(default_factory=dict)
    questions: dict[tuple[str, str], None] = field(default_factory=dict)
    columns: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    labels: dict[str, None] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Takes in the texts of a row."""
        if entry.caption:
            self.captions[entry.caption] = None
        if entry.question or entry.answer:
            self.questions[entry.question, entry.answer] = None
        if entry.columns:
            self.columns.setdefault((entry.question, entry.answer), entry.columns)
        self.labels.update(dict.fromkeys(entry.labels))

    def cells(self, column: str) -> list[str]:
        """Its texts in one of `COLUMNS`, "" for each that is missing.

        Example:
            >>> Draft("row 2", "a", "a.mp4", None, None, questions={("what?", ""): None}).cells("answer")
            ['']
        """
        if column in (QUESTION, ANSWER):
            return [pair[column == ANSWER] for pair in self.questions]
        return list(self.captions if column == CAPTION else self.labels) or [""]

    def fill(self, column: str, text: str) -> None:
        """Puts a text where the column is empty."""

        def filled(pair: tuple[str, str]) -> tuple[str, str]:
            question, answer = pair
            return (question or text, answer) if column == QUESTION else (question, answer or text)

        if column in (QUESTION, ANSWER):
            self.columns = {filled(pair) if any(pair) else pair: own for pair, own in self.columns.items()}
            self.questions = dict.fromkeys(map(filled, self.questions))
        elif column == CAPTION:
            self.captions = self.captions or {text: None}
        else:
            self.labels = self.labels or {text: None}

    def has_text(self, filled: Iterable[str] = ()) -> bool:
        """Whether it has a caption, a label, or a question with its answer, once the columns `filled` are."""
        whole = ((pair[0] or QUESTION in filled) and (pair[1] or ANSWER in filled) for pair in self.questions)
        return bool(self.captions or self.labels or any(whole))
