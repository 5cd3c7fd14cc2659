"""Empty cells of a captions file: left empty, filled, or left out with their clips; each is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from vtkeras import keys
from vtkeras.data.drafts import ANSWER, COLUMNS, QUESTION, Draft
from vtkeras.data.text_files import Note, ignore
from vtkeras.errors import UserError

LEAVE, DROP, COMMON, FILL = "leave", "drop", "common", "fill:"


def read_ways(settings: Iterable[str]) -> dict[str, str]:
    """What is to be done with the empty cells of each column.

    Args:
        settings: `COLUMN=WAY`; a column is caption, question, answer or label, a way `leave`, `drop` (the clip is left
            out), `common` (the commonest text of the training split is put there, in that split alone) or `fill:TEXT`.

    Raises:
        UserError: for one that is none of these.

    Example:
        >>> read_ways(["label=common", "caption=fill:a clip"])
        {'label': 'common', 'caption': 'fill:a clip'}
    """
    ways = {}
    for setting in settings:
        column, _, way = setting.partition("=")
        if column not in COLUMNS or not (way in (LEAVE, DROP, COMMON) or _constant(way)):
            raise UserError(
                f"--missing {setting} is not COLUMN=WAY: a column is one of {', '.join(COLUMNS)}, "
                f"and a way is {LEAVE}, {DROP}, {COMMON} or {FILL}TEXT."
            )
        ways[column] = way
    return ways


def settle(
    drafts: list[Draft],
    ways: Mapping[str, str],
    make_splits: Callable[[list[Draft]], dict[str, str]],
    note: Note = ignore,
) -> tuple[list[Draft], dict[str, str]]:
    """Does with empty cells what is asked; clips that no text is left of, and questions without an answer, go.

    What is evaluated on is never guessed: `common` changes the training split alone.

    Args:
        drafts: the clips; their texts are changed.
        ways: {column: way}, see `read_ways`; a column that is not named is left.
        make_splits: the split of each path, for the clips that stay.
        note: called with a sentence for each column with empty cells.

    Returns:
        The clips that stay, and the split of each path.

    Raises:
        UserError: if a column is to get its commonest text and the training split has none.
    """
    empty = {column: [draft for draft in drafts if "" in draft.cells(column)] for column in COLUMNS}
    told = {column: _counted(drafts, column, empty[column]) for column in COLUMNS}
    for column, way in ways.items():
        if text := _constant(way):
            _fill(drafts, column, text)
    dropped = {draft.clip_id for column, way in ways.items() if way == DROP for draft in empty[column]}
    common = [column for column, way in ways.items() if way == COMMON]
    kept = [draft for draft in drafts if draft.clip_id not in dropped and draft.has_text(common)]
    splits = make_splits(kept)
    training = [draft for draft in kept if splits[draft.path] == keys.TRAIN]
    texts = {column: _commonest(training, column) for column in common if empty[column]}
    filled = {column for column in texts if any("" in draft.cells(column) for draft in training)}
    for column, text in texts.items():
        _fill(training, column, text)
    for draft in kept:
        draft.questions = {pair: None for pair in draft.questions if all(pair)}
    for column, sentence in told.items():
        if sentence:
            note(f"{sentence}: {_done(column, ways.get(column, LEAVE), texts, filled)}.")
    stay = [draft for draft in kept if draft.has_text()]
    told_of = {draft.clip_id for draft in stay} | dropped
    silent = [draft for draft in drafts if draft.clip_id not in told_of]
    if silent:
        note(f"{silent[0].where} gives no caption, question with answer, or label{_more(silent)}: left out.")
    return stay, splits


def _constant(way: str) -> str:
    return way.removeprefix(FILL).strip() if way.startswith(FILL) else ""


def _fill(drafts: Iterable[Draft], column: str, text: str) -> None:
    for draft in drafts:
        draft.fill(column, text)


def _commonest(drafts: Iterable[Draft], column: str) -> str:
    counts = Counter(cell for draft in drafts for cell in draft.cells(column) if cell)
    if not counts:
        raise UserError(f"--missing {column}={COMMON}: no training clip has a text in that column.")
    return counts.most_common(1)[0][0]


def _counted(drafts: list[Draft], column: str, empty: list[Draft]) -> str:
    """Which cells of a column are empty; nothing where none is, or all are: then the column is not used."""
    cells = [cell for draft in drafts for cell in draft.cells(column)]
    count = cells.count("")
    if not 0 < count < len(cells):
        return ""
    of = "questions" if column in (QUESTION, ANSWER) else "clips"
    return f"{empty[0].where} is the first without {column} ({count} of {len(cells)} {of})"


def _done(column: str, way: str, common: Mapping[str, str], filled: Collection[str]) -> str:
    if way == COMMON and column not in filled:
        return f"none is filled, as no training clip that has another text lacks its {column}"
    if way == COMMON:
        return f"filled with '{common[column]}', the commonest, in the training split, and left elsewhere"
    if text := _constant(way):
        return f"filled with '{text}'"
    if way == DROP:
        return "these clips are left out"
    return "these questions are left out" if column in (QUESTION, ANSWER) else "left empty"


def _more(drafts: list[Draft]) -> str:
    return f", nor do {len(drafts) - 1} clips more" if len(drafts) > 1 else ""
