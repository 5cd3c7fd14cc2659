"""Texts as a model reads them: what goes, what stays in every script, and that the data keep theirs."""

import unicodedata

import pytest
import tensorflow as tf

from tests.data.test_tokenizers import LANGUAGES
from vtkeras.config import DataConfig
from vtkeras.data.normalisations import NORMALISATIONS, normalised
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import build_vocabulary
from vtkeras.errors import UserError

WORDS = build_vocabulary({"captions": ["the red dog jumps ?"], "questions": [], "answers": [], "labels": []}, 200)


def changed(text, *names):
    return normalised(tf.constant([text]), names)[0].numpy().decode()


@pytest.mark.parametrize(
    "text,expected",
    [
        ("A dog, a cat.", "A dog a cat"),
        ("well-known: can't jump 3.5 m (or 1,000)", "well-known can't jump 3.5 m or 1,000"),
        ("“Hello,” she said… 'no'!", "Hello she said no"),
        ("cat,dog at -5 and 50 % or 50%", "cat dog at -5 and 50 % or 50%"),
        ("一只猫，在桌子上。", "一只猫 在桌子上"),
        ("¿Qué hace el perro?", "Qué hace el perro"),
        ("قطة، ثم كلب؟", "قطة ثم كلب"),
        ("बिल्ली कूदती है।", "बिल्ली कूदती है"),
        ("🐕 jumps!", "🐕 jumps"),
        ("?!", "?!"),  # nothing would be left
        ("", ""),
    ],
)
def test_punctuation(text, expected):
    assert changed(text, "punctuation") == expected


def test_stop_words_of_english_go_and_others_stay():
    assert changed("The dog is NOT to the left of a cat", "stop_words") == "dog NOT left cat"
    assert changed("how many, the", "stop_words") == "how many,"
    assert changed("is it there", "stop_words") == "is it there"
    assert changed("ein Hund und 一只猫", "stop_words") == "ein Hund und 一只猫"


def test_case_first_then_punctuation_then_stop_words():
    assert changed("Is the DOG red? THE, end", "stop_words", "punctuation", "case") == "dog red end"
    assert changed("ŽENA İ", "case") == "žena i̇"


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_marks_digits_and_symbols_of_every_script_stay(language):
    for text in LANGUAGES[language]:
        kept = "".join(char for char in text if unicodedata.category(char)[0] in "LMNS")
        found = changed(text, "punctuation")
        assert "".join(char for char in found if unicodedata.category(char)[0] in "LMNS") == kept


def test_the_model_reads_it_and_writes_what_was_written():
    plain, reading = (
        Preprocessor(DataConfig(normalise=names), WORDS) for names in ((), ("punctuation", "stop_words"))
    )
    asked, bare = tf.constant(["the red dog jumps?"]), tf.constant(["red dog jumps"])
    for read in ("question", "match"):
        tf.debugging.assert_equal(getattr(reading, read)(asked), getattr(plain, read)(bare))
    tf.debugging.assert_equal(reading.caption(asked)[1], plain.caption(asked)[1])
    written = reading.to_text(reading.caption(asked)[1])
    assert written.numpy() == [b"the red dog jumps?"]


def test_the_same_in_a_pipeline():
    texts = tf.data.Dataset.from_tensors(["A cat, asleep!", "?"]).map(lambda one: normalised(one, list(NORMALISATIONS)))
    assert next(iter(texts)).numpy().tolist() == [b"cat asleep", b"?"]


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="data.normalise 'stopwords' is unknown"):
        Preprocessor(DataConfig(normalise=["stopwords"]), WORDS)
