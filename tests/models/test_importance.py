import keras
import numpy as np
import pytest

from vtkeras.models.importance import ImportanceModel, SecondsEncoding


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ImportanceModel(feature_dim=8, dim=16, num_heads=2)


def inputs(shots=5, sentences=3, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "shots": rng.normal(size=(1, shots, 8)).astype("float32"),
        "shots_mask": np.ones((1, shots), bool),
        "shot_times": 2.0 * np.arange(shots, dtype="float32")[None],
        "sentences": rng.normal(size=(1, sentences, 8)).astype("float32"),
        "sentences_mask": np.ones((1, sentences), bool),
        "sentence_times": 3.0 * np.arange(sentences, dtype="float32")[None],
    }


def padded(values, shots=2, sentences=4):
    more = {name: shots if name.startswith("shot") else sentences for name in values}
    return {
        name: np.pad(value, [(0, 0), (0, more[name])] + [(0, 0)] * (value.ndim - 2))
        for name, value in values.items()
    }


def open_gate(model):
    layer = model.get_layer("shots_to_sentences")
    layer.gate.assign(1.0)
    return layer


def test_scores_lie_between_0_and_1(model):
    scores = np.array(model(inputs(), training=False))
    assert scores.shape == (1, 5) and scores.dtype == np.float32 and (0 < scores).all() and (scores < 1).all()


def test_padding_changes_nothing(model):
    open_gate(model)
    plain = np.array(model(inputs(), training=False))
    more = np.array(model(padded(inputs()), training=False))
    assert more[:, :5] == pytest.approx(plain, abs=1e-6)


def test_what_is_said_counts_once_the_gate_opens(model):
    other = {**inputs(), "sentences": inputs(seed=1)["sentences"]}
    layer = model.get_layer("shots_to_sentences")
    layer.gate.assign(0.0)
    plain = np.array(model(inputs(), training=False))
    assert np.array(model(other, training=False)) == pytest.approx(plain, abs=1e-6)
    open_gate(model)
    assert np.abs(np.array(model(other, training=False)) - np.array(model(inputs(), training=False))).max() > 1e-4


def test_without_a_transcript_no_nan(model):
    silent = inputs()
    silent["sentences_mask"][:] = False
    open_gate(model)
    assert np.isfinite(np.array(model(silent, training=False))).all()


def test_reloads(model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    expected = np.array(model(inputs(), training=False))
    assert np.array(again(inputs(), training=False)) == pytest.approx(expected, abs=1e-6)


def test_seconds_by_hand():
    # Sine and cosine of periods 1 s and 1,024 s. A quarter of a second is a quarter turn of the first.
    encoded = np.array(SecondsEncoding(4)(np.array([[0.0, 0.25, 256.0]])))[0]
    assert encoded == pytest.approx(
        np.array([[0, 0, 1, 1], [1, np.sin(np.pi / 2048), 0, np.cos(np.pi / 2048)], [0, 1, 1, 0]]), abs=1e-3
    )
