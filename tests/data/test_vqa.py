"""VQA's two files become a captions file that ingests."""

import csv
import json

import pytest

from tests.fixtures.videos import make_folder
from vtkeras.data.captions import read_captions
from vtkeras.data.vqa import convert
from vtkeras.errors import UserError

QUESTIONS = [
    {"question_id": 1, "image_id": 42, "question": "Is it  dark?"},
    {"question_id": 2, "image_id": 42, "question": "What is it?"},
    {"question_id": 3, "image_id": "clip1", "question": "Is it dark?"},
    {"question_id": 4, "image_id": 7, "question": "Is the image absent?"},
]
ANSWERS = {1: ["no"] * 3 + ["yes"] * 7, 2: ["a square", "gray|grey"], 3: ["no"], 4: ["yes"]}


def annotation(number, answers):
    given = [{"answer": answer, "answer_confidence": "yes"} for answer in answers]
    return {"question_id": number, "answers": given}


@pytest.fixture
def folder(tmp_path):
    """Two videos: one named as COCO names its images, one by the id itself."""
    videos = make_folder(tmp_path / "videos", 2)
    (videos / "clip0.mp4").rename(videos / "COCO_val2014_000000000042.mp4")
    return videos


@pytest.fixture
def files(tmp_path):
    questions, annotations = tmp_path / "questions.json", tmp_path / "annotations.json"
    questions.write_text(json.dumps({"questions": QUESTIONS}))
    annotations.write_text(json.dumps({"annotations": [annotation(*item) for item in ANSWERS.items()]}))
    return questions, annotations


def test_convert(files, folder, tmp_path):
    assert convert(*files, folder, tmp_path / "captions.csv") == 3
    rows = list(csv.DictReader((tmp_path / "captions.csv").open()))
    assert [row["question"] for row in rows] == ["Is it dark?", "What is it?", "Is it dark?"]
    assert [row["answer"] for row in rows] == ["|".join(["yes"] * 7 + ["no"] * 3), "a square|gray/grey", "no"]
    first, second = read_captions(tmp_path / "captions.csv", folder)
    assert first.path == "COCO_val2014_000000000042.mp4" and len(first.questions) == 2
    assert second.path == "clip1.mp4" and second.questions == (("Is it dark?", "no"),)


def test_several_files_of_an_image_are_refused(files, folder, tmp_path):
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "clip1.jpg").touch()  # hidden: no picture of the set
    assert convert(*files, folder, tmp_path / "captions.csv") == 3
    (folder / "small").mkdir()
    (folder / "small" / "clip1.mp4").touch()
    with pytest.raises(UserError, match=r"both 'clip1.mp4' and 'small/clip1.mp4' could be image clip1: leave the one"):
        convert(*files, folder, tmp_path / "captions.csv")
    (folder / "small" / "clip1.mp4").rename(folder / "small" / "clip9.mp4")  # nobody asks about it
    assert convert(*files, folder, tmp_path / "captions.csv") == 3


@pytest.mark.parametrize(
    "questions,annotations,told",
    [
        ("{", None, "not VQA's file of questions"),
        ('{"questions": [3]}', None, "not VQA's file of questions"),
        ('{"questions": [{"image_id": 42, "question": "?"}]}', None, r"questions\[0\]: question_id null"),
        (None, '{"annotations": [{"question_id": 9, "answers": []}]}', "answers question 9, which"),
        (None, '{"annotations": [{"question_id": 1, "answers": []}]}', r"\[0\] has no list of answers"),
        (None, '{"annotations": [{"question_id": 1, "answers": [{"answer": 3}]}]}', "answer 3 is not"),
        (None, '{"annotations": []}', "None of the 4 questions"),
    ],
)
def test_bad_files(files, folder, tmp_path, questions, annotations, told):
    for path, text in zip(files, (questions, annotations)):
        if text is not None:
            path.write_text(text)
    with pytest.raises(UserError, match=told):
        convert(*files, folder, tmp_path / "captions.csv")
    assert not (tmp_path / "captions.csv").exists()


def test_missing_files(files, folder, tmp_path):
    with pytest.raises(UserError, match="no file"):
        convert(tmp_path / "none.json", files[1], folder, tmp_path / "captions.csv")
    with pytest.raises(UserError, match="no folder"):
        convert(*files, tmp_path / "none", tmp_path / "captions.csv")
