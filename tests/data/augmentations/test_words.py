import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.words import word_dropout

SEED = tf.constant([1, 2], tf.int64)


def test_drops_that_share_of_words_and_keeps_their_order():
    question = tf.constant(" ".join(map(str, range(1000))))
    kept = word_dropout({keys.QUESTION: question}, 0.3, SEED)[keys.QUESTION].numpy().decode().split()
    assert len(kept) == pytest.approx(700, abs=45) and kept == sorted(kept, key=int)  # 3 standard deviations


def test_one_word_stays_and_captions_change_only_where_search_reads_them():
    texts = tf.constant(["a", "b c", "", "d e f g"])
    changed = word_dropout({keys.QUESTION: texts, keys.CAPTION: tf.constant("x y")}, 1.0, SEED)
    assert [len(text.split()) for text in changed[keys.QUESTION].numpy()] == [1, 1, 0, 1]
    assert changed[keys.CAPTION] == "x y" and changed[keys.MATCH_TEXT].numpy() in (b"x", b"y")
