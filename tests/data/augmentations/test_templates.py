import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations import expanded
from vtkeras.data.augmentations.templates import templates
from vtkeras.data.text import build_vocabulary

SEEDS = [tf.constant([0, number], tf.int64) for number in range(60)]


def wordings(question, amount=1.0):
    changed = templates({keys.QUESTION: tf.constant([question] * 60)}, amount, SEEDS[0])[keys.QUESTION]
    return [text.decode() for text in changed.numpy()]


@pytest.mark.parametrize(
    "question,own",
    [
        ("What colour is the left car?", {"which colour is the left car?"}),
        ("how many cats are there on the mat ?", {"what is the number of cats on the mat?"}),
        ("Is there a dog?", {"can you see a dog?"}),
        ("where are the keys", {"in which place are the keys?"}),
        ("does it rain?", set()),
    ],
)
def test_every_wording_that_fits_is_drawn(question, own):
    asked = question.rstrip(" ?")
    general = {f"please tell me: {asked}?", f"look at the video: {asked}?", f"{asked}, can you say?"}
    assert set(wordings(question)) == general | own


def test_that_share_is_reworded():
    example = {keys.QUESTION: tf.constant("is it?")}
    unchanged = [templates(example, 0.3, seed)[keys.QUESTION] == "is it?" for seed in SEEDS]
    assert sum(map(bool, unchanged)) == pytest.approx(42, abs=10)  # 0.7 of 60, 3 standard deviations


def test_a_caption_changes_only_where_search_reads_it():
    example = {keys.CAPTION: tf.constant("a dog runs."), keys.QUESTION: tf.constant("")}
    changed = [templates(example, 1.0, seed) for seed in SEEDS]
    expected = {"a video in which a dog runs", "this video shows: a dog runs", "here you can see: a dog runs"}
    assert {one[keys.MATCH_TEXT].numpy().decode() for one in changed} == expected | {"in this clip, a dog runs"}
    assert {one[keys.CAPTION].numpy() for one in changed} == {b"a dog runs."}
    assert {one[keys.QUESTION].numpy() for one in changed} == {b""}  # nothing is asked


@pytest.mark.parametrize("question", ["一只猫在哪里？", "Où est le garçon ?", "где кошка?"])
def test_other_languages_stay(question):
    assert set(wordings(question)) == {question}


def test_their_words_are_in_the_vocabulary(small_wordnet):
    texts = {"captions": ["a dog"] * 200, "questions": ["a cat ?"] * 200, "answers": ["yes"], "labels": []}
    grown = expanded(texts, {"templates": 0.5, "synonyms": 0.5, "crop": 0.1})
    words = build_vocabulary(grown, 300)
    assert {"which", "place", "video", "hound", "puss"} <= set(words.tokens) and words.answers == ("yes",)
    assert "hound" not in build_vocabulary(expanded(texts, {"templates": 0.5, "synonyms": 0.0}), 300).tokens
    assert expanded(texts, {"crop": 0.1}) == texts
