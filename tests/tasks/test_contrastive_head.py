import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.tasks.heads import HEADS
from vtkeras.tasks.predicted import Examples, Predicted


def test_reads_the_changed_caption_where_there_is_one(preprocessor):
    caption, changed = tf.constant(["a digit moves"]), tf.constant(["digit"])
    plain = HEADS["contrastive"].inputs({keys.CAPTION: caption}, preprocessor)[keys.MATCH_TOKENS]
    read = HEADS["contrastive"].inputs({keys.CAPTION: caption, keys.MATCH_TEXT: changed}, preprocessor)
    np.testing.assert_array_equal(plain, preprocessor.match(caption))
    np.testing.assert_array_equal(read[keys.MATCH_TOKENS], preprocessor.match(changed))
    assert (plain != read[keys.MATCH_TOKENS]).numpy().any()


def test_captions_that_are_read_alike_are_right_for_each_other(preprocessor):
    texts = tf.constant(["A digit moves", "a digit moves", "a digit", ""])
    ids, known = HEADS["contrastive"].targets({keys.CAPTION: texts, keys.MATCH_ID: texts}, preprocessor)
    assert ids[0] == ids[1] and ids[0] != ids[2] and ids[3] == -1
    assert known.numpy().tolist() == [True, True, True, False]


def test_the_right_clip_has_the_caption_whatever_its_case():
    truths = {"contrastive": [("A cat.",), ("a cat",)]}
    examples = Examples(ids=["a", "b"], questions=["", ""], kinds=["", ""], truths=truths)
    nearest_is_the_other = Predicted(values=np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert HEADS["contrastive"].score(nearest_is_the_other, examples)["recall_at_1"] == 1.0


def test_a_clip_is_right_for_each_of_its_captions():
    truths = {"contrastive": [("a dog runs", "a man talks"), ("a man talks",), ()]}
    examples = Examples(ids=["a", "b", "c"], questions=[""] * 3, kinds=[""] * 3, truths=truths)
    assert HEADS["contrastive"].queries(examples) == ["a dog runs", "a man talks"]
    first_is_nearest = Predicted(values=np.array([[1.0, 1.0], [0.5, 0.5], [0.0, 0.0]]))
    assert HEADS["contrastive"].score(first_is_nearest, examples)["recall_at_1"] == 1.0
