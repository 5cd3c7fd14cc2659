"""`vtkeras score`: files of both kinds, and every bad row named."""

import json

import pytest
from typer.testing import CliRunner

from vtkeras.cli import app
from vtkeras.errors import UserError
from vtkeras.evaluation.score import score_files
from vtkeras.metrics import DIVERSITY_METRICS, TEXT_METRICS, bleu, exact_match

REFERENCES = 'id,reference\n1,a cat sat\n2,"你好, 世界"\n1,the cat sat\n'
PREDICTIONS = "id,prediction\n2,你好世界\n1,A cat SAT.\n"


@pytest.fixture
def files(tmp_path):
    """A callable from two texts to two files; the names' endings say what they are."""

    def write(references=REFERENCES, predictions=PREDICTIONS, kind="csv"):
        paths = [tmp_path / f"{name}.{kind}" for name in ("references", "predictions")]
        for path, text in zip(paths, (references, predictions)):
            path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return paths

    return write


def test_csv_by_hand(files):
    scores = score_files(*files(), meteor=False)
    assert scores["examples"] == 2 and scores["exact_match"] == 1.0
    assert scores.keys() == {"examples", *TEXT_METRICS, *DIVERSITY_METRICS} - {"meteor"}


@pytest.mark.parametrize(
    "references, predictions",
    [
        ({"1": ["a cat", "one cat"], "2": "a dog"}, {"1": "a dog", "2": "a dog"}),
        (
            {"annotations": [{"id": 7, "image_id": 1, "caption": "a cat"},
                             {"id": 8, "image_id": 1, "caption": "one cat"},
                             {"id": 9, "image_id": 2, "caption": "a dog"}]},
            [{"image_id": 2, "caption": "a dog"}, {"image_id": 1, "caption": "a dog"}],
        ),
        ([{"id": "1", "references": ["a cat", "one cat"]}, {"id": "2", "reference": "a dog"}],
         [{"id": "1", "prediction": "a dog"}, {"id": "2", "prediction": "a dog"}]),
    ],
)  # fmt: skip
def test_every_form_of_json(files, references, predictions):
    scores = score_files(*files(references, predictions, "json"), meteor=False)
    rights, said = [["a cat", "one cat"], ["a dog"]], ["a dog", "a dog"]
    assert scores["exact_match"] == exact_match(rights, said) == 0.5
    assert scores["bleu4"] == bleu(rights, said)


@pytest.mark.parametrize(
    "references, predictions, told",
    [
        ("id,reference\n1,a,b\n", PREDICTIONS, "references.csv row 2 has 3 cells"),
        ("id,reference\n1,a\n,b\n", PREDICTIONS, "references.csv row 3 has no id"),
        ("id,words\n1,a\n", PREDICTIONS, "row 1 names no column 'reference'"),
        ("name,reference\n1,a\n", PREDICTIONS, "row 1 names no column 'id'"),
        ("id,reference\n", PREDICTIONS, "references.csv holds no text"),
        ("", PREDICTIONS, "names no column 'id'"),
        (REFERENCES, "id,prediction\n1,a\n1,b\n", "predictions.csv row 3 predicts the id '1' again, after"),
        (REFERENCES, "id,prediction\n1,a\n7,b\n", "row 3 is about the id '7'"),
        (REFERENCES, "id,prediction\n1,a\n", "no prediction for the id '2' (1 of 2"),
        (REFERENCES, 'id,prediction\n1,"a\n', "row 2 is not valid CSV"),
        ('{"1": [', PREDICTIONS, "not valid JSON"),
        ('{"1": 3}', PREDICTIONS, "entry 1 must hold a text"),
        ('{"1": []}', PREDICTIONS, "entry 1 must hold a text"),
        ('[{"id": 1}]', PREDICTIONS, "entry 1 lacks its reference"),
        ("[3]", PREDICTIONS, "entry 1 lacks its id"),
        (REFERENCES, '{"1": ["a", "b"], "2": "c"}', "entry 1 holds 2 texts"),
        ("[" * 100_000, PREDICTIONS, "not valid JSON"),
    ],
)
def test_bad_rows_are_named(files, references, predictions, told):
    with pytest.raises(UserError) as error:
        score_files(*files(references, predictions))
    assert told in str(error.value) and "\n" not in str(error.value)


def test_not_utf_8_and_no_file(tmp_path, files):
    bad = tmp_path / "bad.csv"
    bad.write_bytes("id,reference\n1,你好世界\n".encode("gbk"))
    with pytest.raises(UserError, match="line 2 is not UTF-8"):
        score_files(bad, files()[1])
    with pytest.raises(UserError, match="no file .*none.csv"):
        score_files(tmp_path / "none.csv", bad)


def test_a_text_that_went_through_a_tokenizer_scores_what_the_untouched_one_scores(files):
    truths = ["a man's well-known dog can't jump 3.5 m", "the U.S.A. team doesn't win at 10:30",
              "l'été une fille s'assied à côté du café", "he said 'hello', it's 5 o'clock in der Straße"]
    parted = ["a man ' s well - known dog can ' t jump 3 . 5 m", "the u . s . a . team doesn ' t win at 10 : 30",
              "l ' été une fille s ' assied à côté du café", "he said ' hello ' , it ' s 5 o ' clock in der strasse"]
    references = {str(number): [text] * 4 for number, text in enumerate(truths)}
    predictions = [dict(zip(references, texts)) for texts in (truths, parted)]
    same, other = (score_files(*files(references, said, "json"), meteor=False) for said in predictions)
    assert same == other and same["exact_match"] == same["vqa_accuracy"] == 1.0 == pytest.approx(same["bleu4"])


def test_tables_of_spreadsheets_and_lines_of_json(tmp_path, files):
    references, _ = files()
    told = []
    (tmp_path / "said.csv").write_bytes("Video ID;Prediction\n2;你好世界\n1;a cat sat\n;;\n".encode("utf-16"))
    assert score_files(references, tmp_path / "said.csv", False, told.append)["exact_match"] == 1.0
    assert len(told) == 1 and told[0].endswith("said.csv was read with semicolons between its cells.")
    (tmp_path / "said.jsonl").write_text('{"id": 2, "text": "你好世界"}\n\n{"id": "1", "text": "a cat sat"}\n')
    assert score_files(references, tmp_path / "said.jsonl", False)["exact_match"] == 1.0


def test_command(files, monkeypatch):
    paths = [str(path) for path in files()]
    found = CliRunner().invoke(app, ["score", *paths, "--no-meteor"])
    assert found.exit_code == 0 and "exact_match      1.0000" in found.output
    monkeypatch.setattr("shutil.which", lambda program: None)
    without_java = CliRunner().invoke(app, ["score", *paths, "--json"])
    assert without_java.exit_code == 0 and "METEOR needs Java" in without_java.stderr
    assert json.loads(without_java.stdout)["rouge_l"] == 1.0
