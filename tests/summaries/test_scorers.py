from dataclasses import replace

import numpy as np
import pytest

from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.data.subtitles import Sentence, Transcript
from vtkeras.errors import UserError
from vtkeras.summaries.align_transcript import align_transcript, pick_sentences
from vtkeras.summaries.scorers import SCORERS, diverse, make_scorer


def sequence(kinds, seconds=2.0, said=None, times=None):
    """Shots of equal length; shots and sentences of one kind have one unit vector."""
    edges = np.arange(len(kinds) + 1) * seconds
    vectors = np.eye(8, dtype=np.float32)
    return ShotSequence(
        shots=vectors[list(kinds)],
        appearance=np.ones((len(kinds), 1), np.float32),
        times=np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32),
        sentences=None if said is None else vectors[list(said)],
        sentence_times=None if times is None else np.array(times, np.float32),
    )


def test_diverse_takes_one_of_each_kind_first():
    scores = diverse(sequence([0, 0, 0, 1, 0, 2, 1]))
    order = np.argsort(-scores, kind="stable")
    assert {0, 3, 5} == set(order[:3])  # the largest group's first, then one of each other kind
    assert scores[0] == 1 and scores[order[3:]] == pytest.approx(0, abs=1e-6)


def test_diverse_by_hand():
    """Two shots of kind 0, one of kind 1, each a third of the time.

    Of the nine differences, on and off the diagonal, four are 1, so their mean is 4/9, and other kinds are
    alike by e^-2.25 = 0.1054. The first shot covers 1/3 + 1/3 + 0.1054/3 = 0.7018 and is new by 1/3: 1.0351.
    The third adds (1 - 0.1054)/3 twice: 0.5964.
    """
    assert diverse(sequence([0, 0, 1])) == pytest.approx([1, 0, 0.5964 / 1.0351], abs=1e-3)


def test_diverse_equals_the_plain_greedy_choice():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    edges = np.cumsum(np.concatenate([[0], rng.uniform(1, 5, 30)]))
    video = ShotSequence(vectors, np.ones((30, 1)), np.stack([edges[:-1], edges[1:]], axis=1))
    difference = 1 - np.clip(vectors @ vectors.T, 0, 1)
    np.fill_diagonal(difference, 0)
    alike = np.exp(-difference / difference.mean())
    weights = video.lengths / video.lengths.sum()
    chosen, scores = [], np.zeros(30)
    for _ in range(30):
        covered = alike[chosen].max(axis=0) if chosen else np.zeros(30)
        gains = np.maximum(alike - covered, 0) @ weights + (1 - covered) * weights.max()
        gains[chosen] = -1
        best = int(gains.argmax())
        scores[best] = gains[best]
        chosen.append(best)
    assert diverse(video) == pytest.approx(scores / scores.max(), abs=1e-5)


def test_a_model_that_finds_all_alike_leaves_it_to_the_look():
    video = sequence([0, 0, 0, 0])
    looks = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    scores = diverse(ShotSequence(video.shots, looks, video.times))
    assert set(np.flatnonzero(scores > 0.1)) == {0, 3}


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_contract_of_scorers(name, count):
    video = sequence(np.arange(count) % 8)
    scores = SCORERS[name](video, 3)
    assert scores.shape == (count,) and np.isfinite(scores).all() and (scores >= 0).all()
    assert (scores == SCORERS[name](video, 3)).all()


def test_unknown_scorer():
    with pytest.raises(UserError, match="'best' is neither a scorer"):
        make_scorer("best", "abc")


def test_meaning_outweighs_a_late_narrator():
    # The narrator is one shot late: what is said at 2 s is of the shot from 0 to 2 s.
    video = sequence([0, 1, 2, 3], said=[0, 1, 2], times=[2.1, 4.1, 6.1])
    assert align_transcript(video).argmax(axis=1).tolist() == [0, 1, 2]
    assert align_transcript(video).sum(axis=1) == pytest.approx(np.ones(3))


def test_time_decides_where_the_words_mean_nothing():
    # Kind 7 is no shot's: the model does not know the words.
    video = sequence([0, 1, 2, 3], said=[7, 7], times=[2.5, 7.0])
    assert align_transcript(video).argmax(axis=1).tolist() == [1, 3]


def test_remarks_go_by_time_whatever_they_mean():
    video = sequence([0, 1, 2, 3], said=[3, 3], times=[2.5, 7.0])
    assert align_transcript(video, by_time=True).argmax(axis=1).tolist() == [1, 3]
    assert align_transcript(sequence([0, 1, 2, 3], said=[3, 1]), by_time=True).argmax(axis=1).tolist() == [3, 1]


def test_a_likeness_to_what_the_model_has_no_words_for_moves_nothing():
    # By meaning, the sentences would go to shots 3 and 0; by time they are of shots 1 and 3.
    video = sequence([0, 1, 2, 3], said=[3, 0], times=[3.5, 6.5])
    assert align_transcript(video).argmax(axis=1).tolist() == [3, 0]
    for unknown in ({"known_sentences": np.zeros(2, bool)}, {"known_shots": np.zeros(4, bool)}):
        assert align_transcript(replace(video, **unknown)).argmax(axis=1).tolist() == [1, 3]
    # The first sentence may not go to the foreign shot 3; the second is spoken during it, and stays.
    known = replace(video, known_shots=np.array([True, True, True, False]))
    assert align_transcript(known).argmax(axis=1).tolist() == [1, 3]


def test_sentences_without_times_and_known_words_are_spread():
    video = replace(sequence([0, 1, 2, 3], said=[3, 3]), known_sentences=np.zeros(2, bool))
    assert align_transcript(video).argmax(axis=1).tolist() == [0, 2]  # middles at 2 and 6 s of 8


def test_without_times_meaning_decides():
    assert align_transcript(sequence([0, 1, 2, 3], said=[3, 1])).argmax(axis=1).tolist() == [3, 1]


def test_sentences_go_to_their_shots():
    video = sequence([0, 1, 2], said=[1, 1, 0], times=[2.0, 3.0, 3.5])
    said = Transcript(
        tuple(Sentence(text, time, time) for text, time in (("one", 2.0), ("two", 3.0), ("zero", 3.5)))
    )
    assert pick_sentences(video, said) == {1: "one two", 0: "zero"}


def test_a_sentence_far_from_its_like_stays_near_in_time():
    video = sequence([0] + [1] * 29, said=[0], times=[58.0])
    assert 19 <= next(iter(pick_sentences(video, Transcript((Sentence("zero", 58.0, 59.0),)))))
