import numpy as np
import pytest

from vtkeras.data.annotations import AnnotatedVideo, Opinions, uniform_shots
from vtkeras.data.shot_sequence import ShotSequence
from vtkeras.errors import UserError
from vtkeras.export.importance import export_importance
from vtkeras.summaries.scorers import LearnedScorer, make_scorer
from vtkeras.training.importance import pad, predict_importance, shot_error, train_importance


def annotated(seed, shots=12, speech=True):
    """Shots of kind 0 are worth 5 and all others 1; what is said has no bearing."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(4, size=shots)
    vectors = np.eye(8, dtype=np.float32)
    starts = np.arange(shots, dtype=np.float32) * 2
    sequence = ShotSequence(
        shots=vectors[kinds],
        appearance=np.ones((shots, 1), np.float32),
        times=np.stack([starts, starts + 2], axis=1),
        sentences=vectors[[1, 2]] if speech else None,
        sentence_times=np.array([1.0, 9.0], np.float32) if speech else None,
    )
    users = np.tile(np.where(kinds == 0, 5.0, 1.0), (3, 1))
    return AnnotatedVideo(sequence, Opinions(f"{seed}.mp4", users, 0.5, uniform_shots(shots, 1), 1)), kinds


@pytest.fixture(scope="module")
def model():
    return train_importance([annotated(seed, 12 + seed % 3)[0] for seed in range(6)], epochs=30)


@pytest.mark.whole
def test_learns_what_people_like(model):
    video, kinds = annotated(100)
    scores = predict_importance(model, video.sequence)
    assert scores[kinds == 0].min() > scores[kinds != 0].max() + 0.2


@pytest.mark.whole
def test_exported_scorer_equals_the_model(model, tmp_path):
    export_importance(model, tmp_path, {"model_hash": "abc"})
    scorer = make_scorer(str(tmp_path), "abc")
    for speech in (True, False):
        sequence = annotated(101, 9, speech)[0].sequence
        assert scorer(sequence) == pytest.approx(predict_importance(model, sequence), abs=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"saved_model", "scorer.json"}


@pytest.mark.whole
def test_a_scorer_of_another_model_is_refused(model, tmp_path):
    export_importance(model, tmp_path, {"model_hash": "abc"})
    with pytest.raises(UserError, match="reads the embeddings of model abc, not of other"):
        make_scorer(str(tmp_path), "other")
    (tmp_path / "saved_model" / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="cannot be loaded"):
        LearnedScorer(tmp_path)


def test_shot_error_by_hand():
    # Errors 0.5 and 1 with weights 2 and 1; the third shot is padding: (2 * 0.25 + 1 * 1) / 3.
    targets = np.array([[[0.5, 2.0], [1.0, 1.0], [0.0, 0.0]]], np.float32)
    found = np.array(shot_error(targets, np.array([[1.0, 0.0, 9.0]], np.float32)))
    assert found == pytest.approx([0.5])


def test_pad():
    assert pad([np.ones(1), np.ones(2)]).tolist() == [[1, 0], [1, 1]]
    assert pad([np.ones((0, 2))], least=1).tolist() == [[[0, 0]]]
