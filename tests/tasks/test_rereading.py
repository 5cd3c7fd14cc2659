"""The second look of a search: by hand, and beside what a captioner says of each clip and text alone."""

import numpy as np
import tensorflow as tf

from vtkeras.data.sources import make_source
from vtkeras.evaluation.reading import _kept, read_split
from vtkeras.keys import MASK, SEQUENCE
from vtkeras.search import ranking
from vtkeras.search.ranking import TEMPERATURE
from vtkeras.tasks.heads import HEADS, rereading
from vtkeras.tasks.heads.rereading import reread
from vtkeras.training.run import Run


class Table:
    """A captioner whose likelihood of text `t` for clip `c` is `table[c, t]`; a clip's sequence is its number."""

    def __init__(self, table):
        self.table = tf.constant(table, tf.float32)
        self.preprocessor = self

    def caption(self, texts):
        numbers = tf.strings.to_number(texts, tf.int32)[:, None]
        return numbers, numbers

    def likelihood_of(self, tokens, sequence, mask):
        return tf.gather_nd(self.table, tf.stack([tf.cast(sequence[:, 0, 0], tf.int32), tokens[:, 0]], axis=1))


def look_again(table, similarity):
    clips = len(similarity)
    sequence, texts = np.arange(clips, dtype="float16").reshape(clips, 1, 1), [str(t) for t in range(len(table[0]))]
    return reread(Table(table), np.array(similarity), sequence, np.ones((clips, 1), bool), texts)


def test_the_likeliest_of_the_nearest_clips_comes_first(monkeypatch):
    monkeypatch.setattr(ranking, "CANDIDATES", 2)
    similarity = [[0.50, 0.1], [0.49, 0.9], [0.10, 0.8]]  # of three clips to two texts
    likelihood = [[-5.0, -1.0], [-3.0, -9.0], [-1.0, -2.0]]
    # Text 0 is read beside clips 0 and 1: -5 + 0.50 / 0.05 = 5 and -3 + 0.49 / 0.05 = 6.8. Clip 2 is not looked at.
    # Text 1 beside clips 1 and 2: -9 + 0.9 / 0.05 = 9 and -2 + 0.8 / 0.05 = 14.
    assert look_again(likelihood, similarity).tolist() == [[1.5, 0.1], [2.0, 1.5], [0.10, 2.0]]


def test_a_cosine_that_is_far_higher_outweighs_the_captioner():
    further = TEMPERATURE * 2
    assert look_again([[0.0], [-1.0]], [[0.5], [0.5 + further]]).argmax() == 1
    assert look_again([[0.0], [-3.0]], [[0.5], [0.5 + further]]).argmax() == 0


def test_more_texts_than_are_read_at_once(monkeypatch):
    table, similarity = np.random.default_rng(0).normal(size=(2, 5, 7))
    whole = look_again(table, similarity)
    monkeypatch.setattr(rereading, "TEXTS", 2)
    np.testing.assert_array_equal(look_again(table, similarity), whole)
    expected = np.argsort(-(table + similarity / TEMPERATURE), axis=0)
    np.testing.assert_array_equal(np.argsort(-whole, axis=0), expected)


def test_what_is_the_same_for_all_questions_of_a_clip_is_kept_once():
    four = np.arange(4)
    said = {"contrastive": {"video": four, SEQUENCE: four, MASK: four}, "answer": {"answer": four}}
    kept = _kept(said, [HEADS["contrastive"], HEADS["answer"]], [0, 3])  # two clips, of which the first is asked thrice
    assert {name: len(rows) for name, rows in kept["contrastive"].items()} == {"video": 4, SEQUENCE: 2, MASK: 2}
    assert kept["contrastive"][SEQUENCE].tolist() == [0, 3] and len(kept["answer"]["answer"]) == 4


def test_evaluation_ranks_as_the_captioner_does_alone(exported_run):
    run = Run.open(exported_run)
    source = make_source(run.config)
    said, plain = [], []
    for rereads, found in ((True, said), (False, plain)):
        reader = run.reader() if rereads else run.reader(rereads=False)  # evaluation takes the second look
        examples, outputs = read_split(source, "test", reader.heads, run.preprocessor, {"": reader}, limit=24)
        found.append(outputs[""]["contrastive"].values[examples.first_rows()])
    again, similarity = said[0], plain[0]
    clips = {
        example["video_id"].numpy().decode(): example["frames"].numpy() for example in source.load("test").take(24)
    }
    texts = HEADS["contrastive"].queries(examples)
    frames = np.stack([clips[examples.ids[row]] for row in examples.first_rows()])
    for column, text in enumerate(texts):
        likely = reader.likelihood(tf.constant(frames), tf.constant([text] * len(frames))).numpy()
        total = likely + similarity[:, column] / TEMPERATURE
        nearest = np.argsort(-similarity[:, column])[: ranking.CANDIDATES]
        best = nearest[np.argmax(total[nearest])]
        assert total[again[:, column].argmax()] > total[best] - 0.05  # kept as float16
    assert again.max() == 2 and abs(similarity).max() <= 1.001
