"""Tables as spreadsheets save them: read alike, and what was assumed is told."""

import csv
import io
from pathlib import Path

import pytest

from vtkeras.data.text_files import read_table, read_text, trimmed
from vtkeras.errors import UserError

ROWS = [
    ["path", "caption", "label"],
    ["a.mp4", "ein Vogel fliegt, dann landet er", "Vogel"],
    ["b.mp4", "die Tür schließt sich; ein Hund bellt", "Tür"],
    ["c.mp4", 'sie sagt "hallo"\nund winkt', "Gruß"],
]
TABLE = Path("table.csv")


def text_of(rows=ROWS, separator=",", end="\r\n"):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


def read(text, path=TABLE):
    notes = []
    table = read_table(path, text, ("video_id",), lambda names: {"path", "caption"} <= {*names}, notes.append)
    return table, notes


@pytest.mark.parametrize(
    "encoding, told",
    [("utf-8", 0), ("utf-8-sig", 0), ("utf-16", 0), ("utf-16-le", 0), ("utf-16-be", 0), ("utf-32", 0), ("cp1252", 1)],
)
def test_encodings(tmp_path, encoding, told):
    (tmp_path / "a.csv").write_bytes(text_of().encode(encoding))
    notes = []
    assert read_text(tmp_path / "a.csv", notes.append).removeprefix("\ufeff") == text_of()
    assert len(notes) == told and all("line 3 is not UTF-8" in note and "Windows-1252" in note for note in notes)


FRENCH = "a.mp4;une fenêtre, là-bas;café\rb.mp4;le garçon pêche;été\r"
ENGLISH = "a.mp4,a dog’s “toy” — it’s red…\nb.mp4,3 €\n"


@pytest.mark.parametrize(
    "text, encoding, name",
    [
        (FRENCH, "mac_roman", "Mac OS Roman"),
        (FRENCH, "cp1252", "Windows-1252"),
        (FRENCH.replace("\r", "\n"), "mac_roman", "Mac OS Roman"),
        (ENGLISH, "mac_roman", "Mac OS Roman"),
        (ENGLISH, "cp1252", "Windows-1252"),
        ("die Tür schließt, schön", "mac_roman", "Mac OS Roman"),
        ("die Tür schließt, schön", "cp1252", "Windows-1252"),
        ("un niño come más", "mac_roman", "Mac OS Roman"),
        ("un niño come más", "cp1252", "Windows-1252"),
        ("un niño habló\rsí", "mac_roman", "Mac OS Roman"),
        ("o irmão não pôs açúcar", "mac_roman", "Mac OS Roman"),
        ("o irmão não pôs açúcar", "cp1252", "Windows-1252"),
        ("en blå fågel på sjön", "mac_roman", "Mac OS Roman"),
        ("en blå fågel på sjön", "cp1252", "Windows-1252"),
        ("un cœur, l’œuf; cat•dog, red–green, a™b", "cp1252", "Windows-1252"),
        ("Žena, Škoda, Œuvre, 5‰, Smith‡, m², L’Été", "cp1252", "Windows-1252"),
    ],
)
def test_tables_of_a_mac_and_of_windows(tmp_path, text, encoding, name):
    """In one the bytes of the other's small letters are capitals or marks, which do not stand inside words."""
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    notes = []
    assert read_text(tmp_path / "a.csv", notes.append) == text
    assert len(notes) == 1 and notes[0].endswith(f"line 1 is not UTF-8: the file was read as {name}.")


def test_lines_of_a_mac_are_counted(tmp_path):
    (tmp_path / "a.csv").write_bytes("one\rtwo\rth\x8ere".encode("latin-1"))
    with pytest.raises(UserError, match="line 3 is not UTF-8"):
        read_text(tmp_path / "a.csv", _refuse)


def _refuse(note):
    raise UserError(note)


@pytest.mark.parametrize(
    "data, told",
    [
        ("你好\n世界".encode("gbk"), "line 1 is not UTF-8; save the file in UTF-8"),  # letters in runs: not Western
        ("кот\n".encode("cp1251"), "line 1 is not UTF-8"),
        (b"a\n\x81b", "line 2 is not UTF-8"),  # no letter of Windows-1252
        (b"\xff\xfea", "is not UTF-16"),
        (b"PK\x03\x04rest", "spreadsheet's own format: save it as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "save it as CSV"),
    ],
)
def test_what_is_no_text(tmp_path, data, told):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(UserError, match=told):
        read_text(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "text, told",
    [
        (text_of(), []),
        (text_of(end="\n"), []),
        (text_of(end="\r"), []),
        (text_of(separator=";"), ["semicolons"]),
        (text_of(separator="\t"), ["tabs"]),
        (text_of(separator="|"), ["bars"]),
        ("sep=;\r\n" + text_of(separator=";"), []),
        ("SEP=|\n" + text_of(separator="|"), []),
        (text_of([["Captions of May"], [], *ROWS]), ["row 3 was taken for the header"]),
        (text_of([[*row, "", ""] for row in ROWS]) + ",,,,\r\n\r\n,,\r\n", []),
        (text_of([[" Path", "CAPTION ", "\ufeffLabel"], *ROWS[1:]]), []),
    ],
)
def test_forms_of_one_table(text, told):
    table, notes = read(text)
    assert table.header == ROWS[0]
    assert [list(cells.values()) for _, cells in table.records(TABLE)] == ROWS[1:]
    assert len(notes) == len(told) and all(words in note for words, note in zip(told, notes))


def test_tabs_of_a_tsv_are_not_assumed_and_rows_keep_their_numbers():
    table, notes = read(text_of([[], *ROWS[:2], [], ROWS[2]], "\t"), Path("a.tsv"))
    assert notes == [] and table.header_row == 2 and [number for number, _ in table.rows] == [3, 5]


def test_known_names_may_have_spaces():
    assert read("path,caption,Video  ID,my column\na.mp4,x,1,2\n")[0].header[2:] == ["video_id", "my column"]


@pytest.mark.parametrize("row, count", [("a.mp4,one", 2), ("a.mp4,one,x,,y", 4), ("a.mp4", 1)])
def test_ragged_rows_are_named(row, count):
    table, _ = read(f"path,caption,label\n\nb.mp4,one,two\n{row}\n")
    with pytest.raises(UserError, match=f"table.csv row 4 has {count} cells where the header has 3"):
        list(table.records(TABLE))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_stray_quote_swallows_no_rows(separator):
    lines = ("path caption", 'a.mp4 "Go', "b.mp4 stop", 'c.mp4 dog"', "d.mp4 x")
    text = "\n".join(line.replace(" ", separator, 1) for line in lines)
    with pytest.raises(UserError, match="row 2 has a cell of several lines, .* 'b.mp4.stop': take out the quote"):
        read(text)
    _, notes = read(text.replace(".mp4", ""))  # names that do not tell: it may be one text of several lines
    assert "row 2 has a cell of several lines" in notes[-1] and "see to its quotes" in notes[-1]


def test_a_text_of_several_lines_is_none():
    rows = [["path", "caption"], ["a.mp4", "he runs\nthen, at last, he sits\nand sleeps"]]
    assert read(text_of(rows))[1] == []


@pytest.mark.parametrize("last", ["and then, for 3.50", "It stops, then goes. Fast"])
def test_a_dot_in_a_text_of_several_lines_names_no_file(last):
    table, _ = read(f'path,caption\na.mp4,"He buys a box\n{last}"\n')
    assert table.rows[0][1] == ["a.mp4", f"He buys a box\n{last}"]


@pytest.mark.parametrize("cell", ['"Hello" he says', '"Go" is on a sign'])
def test_a_text_that_begins_with_a_word_in_quotes(cell):
    table, _ = read(f"path,caption\na.mp4, {cell}\nb.mp4,\"two, three\"\n")
    assert [cells for _, cells in table.rows] == [["a.mp4", f" {cell}"], ["b.mp4", "two, three"]]


def test_long_texts_are_trimmed_in_a_moment():
    spaces = " " * 1_000_000  # a search for spaces before the end would look at each of them a million times
    assert trimmed(f"\u202a a{spaces}b \u202c") == f"a{spaces}b"


def test_spaces_before_quotes():
    table, _ = read('path, caption\na.mp4, "a black cat, asleep"\nb.mp4,"a dog "\n')
    assert [cells for _, cells in table.rows] == [["a.mp4", "a black cat, asleep"], ["b.mp4", "a dog "]]


@pytest.mark.parametrize("text", ['path,caption\na.mp4,"one\n', 'sep=;\npath;caption\na;"b'])
def test_quotes_that_do_not_close(text):
    with pytest.raises(UserError, match=r"table.csv row \d is not valid CSV"):
        read(text)
