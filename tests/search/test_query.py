"""What a model reads of the words that are searched for, by vocabularies of a few captions."""

import json
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError
from vtkeras.search.query import read_query
from vtkeras.serving.predictor import Predictor


class Reading(Predictor):
    """A predictor of a model that was trained on some captions, with no model behind it."""

    def __init__(self, *captions, folder="none", keep_case=False, questions=("how many keys are there?",)):
        texts = {"captions": captions, "questions": questions, "answers": [], "labels": []}
        self.vocabulary = build_vocabulary(texts, 200, keep_case=keep_case)
        self.folder, self.model = folder, SimpleNamespace(embed_text=None)
        self.config = SimpleNamespace(data=SimpleNamespace(caption_length=13))


KEYS = "a red key", "a blue key", "a man's red key"
MARKED = ["A red key.", " a RED\nkey", "a red key!?", "“a red key”", "a red key …", "a red-key"]


@pytest.mark.parametrize("text", MARKED)
def test_capitals_and_marks_change_nothing(text):
    assert read_query(Reading(*KEYS), text) == read_query(Reading(*KEYS), "a red key")
    assert read_query(Reading(*KEYS), text).text == "a red key"


def test_marks_that_captions_have_stay():
    assert read_query(Reading(*KEYS), "A man's key").text == "a man's key"
    assert read_query(Reading("a red key."), "a red key.").text == "a red key."


def test_case_stays_where_captions_keep_it():
    assert read_query(Reading("a key of Ann", keep_case=True), "A key of Ann.").text == "A key of Ann"


def test_unknown_words_are_told_and_left_out():
    query = read_query(Reading(*KEYS), "a red zebra beside a Zebra key")
    assert query.text == query.known == "a red a key"
    assert query.notes == ["The model does not know the words 'zebra', 'beside', which the search leaves out."]
    assert read_query(Reading(*KEYS), "a red key").notes == []


@pytest.mark.parametrize("text", ["zebra", "how many", "日本", "?!", "🤔", "\ud800"])
def test_a_text_of_which_no_word_is_known_is_refused(text):
    with pytest.raises(UserError, match="The model knows no word of '"):
        read_query(Reading(*KEYS), text)


def test_a_sentence_encoder_reads_what_captions_lack(tmp_path):
    def with_linear(space):
        with zipfile.ZipFile(tmp_path / "linear.keras", "w") as file:
            file.writestr("config.json", json.dumps({"config": {"space": space}}))
        return Reading(*KEYS, folder=tmp_path)

    predictor = with_linear({"config": {"meaning": {"config": {}, "name": "minilm"}}})
    query = read_query(predictor, "Red zebra!")
    assert (query.text, query.known) == ("red zebra", "red")
    assert query.notes == ["The model does not know the word 'zebra', which its sentence encoder alone reads."]
    query = read_query(predictor, "zebra")
    assert (query.text, query.known) == ("zebra", "")
    with pytest.raises(UserError, match="knows no word"):
        read_query(predictor, "?!")
    for space in (None, {"config": {"meaning": None}}, {"config": {}}):
        with pytest.raises(UserError, match="knows no word"):
            read_query(with_linear(space), "zebra")


def test_scripts_without_spaces_are_read_by_their_letters():
    predictor = Reading("犬がはしる", "猫がはしる", "แมวกำลังวิ่ง", "หมากำลังวิ่ง")
    for text in ("犬はがしる", "แมวกำลังวิ่งกำลัง"):
        assert read_query(predictor, text).text == text and read_query(predictor, text).notes == []
    with pytest.raises(UserError, match="knows no word"):
        read_query(predictor, "ャ")


def test_a_run_that_lists_no_words_goes_by_its_pieces():
    predictor = Reading(*["a red key"] * 20)
    predictor.vocabulary = replace(predictor.vocabulary, words=())
    assert read_query(predictor, "a red zebra").text == "a red"


def test_what_is_too_long_is_told():
    query = read_query(Reading(*KEYS), "a red key " * 5)
    assert query.notes == ["The text is too long for the model: its last 3 word pieces were not read."]  # it reads 12


def test_a_model_without_search():
    predictor = Reading(*KEYS)
    predictor.model = SimpleNamespace()
    told = "The model in none was trained without a space of videos and texts, .*: choose one that .*vtkeras train"
    with pytest.raises(UserError, match=told):
        predictor.check_search()
