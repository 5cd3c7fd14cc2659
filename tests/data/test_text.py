import numpy as np
import pytest
import tensorflow as tf

from vtkeras.data.text import (
    END_ID,
    PAD_ID,
    START_ID,
    UNKNOWN_ID,
    Vocabulary,
    build_vocabulary,
    make_tokenizer,
    normalise,
)
from vtkeras.errors import UserError

TEXTS = {
    "captions": ["a cat runs", "A cat sleeps", "一只猫"] * 20,
    "questions": ["what runs?", ""] * 20,
    "answers": ["Cat", "cat ", "a  Dog", "", " "],
    "labels": ["pet", " pet", "", "wild"],
}


def test_build():
    vocabulary = build_vocabulary(TEXTS, 200)
    assert vocabulary.answers == ("cat", "a dog") and vocabulary.labels == ("pet", "wild")
    assert vocabulary.tokens[:4] == ("[PAD]", "[UNK]", "[START]", "[END]")
    assert (PAD_ID, UNKNOWN_ID, START_ID, END_ID) == (0, 1, 2, 3)
    assert {"a", "cat", "一", "##猫", "##?"} <= set(vocabulary.tokens)
    assert vocabulary == build_vocabulary(TEXTS, 200)


def test_words_of_a_small_set_are_not_spelled():
    texts = {"captions": ["a red ball", "a red cube", "a green ball"], "questions": [], "answers": [], "labels": []}
    vocabulary = build_vocabulary(texts, 4000)
    tokens = np.asarray(make_tokenizer(vocabulary)("a red ball"))
    assert [vocabulary.tokens[token] for token in tokens] == ["a", "red", "ball"]


def test_size_is_a_limit():
    words = {**TEXTS, "captions": [f"{a}{b}{c} word" for a in "abcd" for b in "efgh" for c in "ijkl"]}
    assert len(build_vocabulary(words, 40).tokens) <= 40


def test_nothing_to_learn_from():
    with pytest.raises(UserError, match="no caption"):
        build_vocabulary({**TEXTS, "captions": ["", "  "], "questions": [], "labels": []}, 100)
    # Labels alone are enough.
    assert build_vocabulary({**TEXTS, "captions": [], "questions": [], "labels": ["cat"]}, 100).labels == ("cat",)


def test_tokenizer_pads_cuts_and_knows_special_tokens():
    tokenizer = make_tokenizer(build_vocabulary(TEXTS, 200), length=3)
    tokens = tokenizer(tf.constant(["cat", "a cat runs a cat"]))
    assert tokens.shape == (2, 3) and tokens[0, 1:].numpy().tolist() == [0, 0]


def test_file_round_trip(tmp_path):
    vocabulary = Vocabulary(("[PAD]", "猫", "🙂"), ("ß",), ())
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"tokens": 3, "answers": [], "labels": []}', "\xff"])
def test_damaged_file(tmp_path, content):
    (tmp_path / "v.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match="v.json is not a vocabulary"):
        Vocabulary.load(tmp_path / "v.json")


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="v.json is missing"):
        Vocabulary.load(tmp_path / "v.json")


def test_normalise():
    assert normalise("  Up\u3000AND\tdown ") == "up and down"
