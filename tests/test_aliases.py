"""Columns of old files are called what they are called today."""

from vtkeras.aliases import COLUMNS, UNLISTED_COLUMNS, current_results
from vtkeras.tasks import HEADS

# Video from words is younger than the files that did not describe their columns.
OLDER = [head for name, head in HEADS.items() if name != "video"]
TODAY = {name: column for head in OLDER for name, column in head.columns.items()}


def test_columns_are_described_as_the_heads_describe_them():
    for listed, columns in ((True, COLUMNS), (False, UNLISTED_COLUMNS)):
        for name, described in columns.items():
            column = TODAY[name]
            assert (column.title, column.unit, column.better, column.listed) == (*described, listed), name


def test_every_figure_of_an_old_file_has_the_title_of_today():
    row = dict.fromkeys(TODAY, 0.5)
    old = current_results({"test": {"examples": 1, "systems": {"model": row}}})
    assert {name: one["title"] for name, one in old["columns"].items()} == {
        name: column.title for name, column in TODAY.items()
    }
    # A file that an older `migrate` rewrote calls some columns by their keys.
    rewritten = {"columns": {"bleu1": {**old["columns"]["bleu1"], "title": "bleu1"}}, "splits": {}}
    assert current_results(rewritten)["columns"]["bleu1"]["title"] == "BLEU-1"
    own = {"columns": {"mine": {"title": "My own"}}, "splits": {}}
    assert current_results(own) == own
