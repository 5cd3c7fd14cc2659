import sys

import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.synonyms import synonyms, synonyms_of, wordnet
from vtkeras.errors import UserError

SEEDS = [tf.constant([0, number], tf.int64) for number in range(20)]


def test_single_words_of_the_commonest_sense_that_have_the_same_form(small_wordnet):
    assert synonyms_of("dog") == ("hound",) and synonyms_of("cat") == ("moggy", "puss")
    assert synonyms_of("cats") == synonyms_of("the") == synonyms_of("Lima") == ()


def test_every_synonym_is_drawn_in_questions_and_what_search_reads(small_wordnet):
    example = {keys.CAPTION: tf.constant("the dog"), keys.QUESTION: tf.constant(["the cat", "猫 ?", ""])}
    changed = [synonyms(example, 1.0, seed) for seed in SEEDS]
    assert {one[keys.QUESTION].numpy()[0] for one in changed} == {b"the moggy", b"the puss"}
    assert [text.decode() for text in changed[0][keys.QUESTION].numpy()[1:]] == ["猫 ?", ""]
    assert changed[0][keys.MATCH_TEXT] == "the hound" and changed[0][keys.CAPTION] == "the dog"
    half = [synonyms(example, 0.5, seed)[keys.MATCH_TEXT].numpy() for seed in SEEDS]
    assert set(half) == {b"the dog", b"the hound"}


def test_what_is_missing_is_told_in_a_sentence(small_wordnet, monkeypatch):
    def fail():
        raise LookupError("Resource wordnet not found. " * 9)

    small_wordnet.ensure_loaded = fail
    with pytest.raises(UserError, match=r"needs WordNet, .* `python -m nltk.downloader wordnet`, or set NLTK_DATA"):
        wordnet()
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(UserError, match=r"'synonyms' needs nltk: pip install nltk"):
        wordnet()
