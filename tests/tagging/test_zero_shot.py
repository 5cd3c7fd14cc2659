"""ConSE by hand, and with the real sentence encoder."""

from dataclasses import replace

import numpy as np
from fixtures.pretrained import needs

from vtkeras.pretrained.packages import PACKAGES
from vtkeras.pretrained.sentences import SENTENCE_ENCODERS
from vtkeras.tagging.zero_shot import ConceptSpace, concept_space

NAMES = ["poodle", "lorry", "tree", "sea"]
# The mean of the four is zero, so that nothing is taken off.
VECTORS = {"poodle": [1, 0], "lorry": [0, 1], "tree": [-1, 0], "sea": [0, -1], "dog": [0.6, 0.8]}


def encode(texts):
    return np.array([VECTORS[text] for text in texts], np.float32)


def test_frames_lie_between_their_names():
    space = ConceptSpace(NAMES, encode)
    # 0.6 of (1, 0) and 0.3 of (0, 1) and 0.1 of (0, -1): (0.6, 0.2), of length sqrt(0.4)
    embedded = space.embed(np.array([[0.6, 0.3, 0.0, 0.1]]))
    np.testing.assert_allclose(embedded, [[0.6 / 0.4**0.5, 0.2 / 0.4**0.5]], atol=1e-6)
    # with (0.6, 0.8): (0.36 + 0.16) / sqrt(0.4)
    near = space.similarities(np.array([[0.6, 0.3, 0.0, 0.1]]), ["dog", "tree"])
    np.testing.assert_allclose(near, [[0.52 / 0.4**0.5, -0.6 / 0.4**0.5]], atol=1e-6)


def test_what_all_names_share_does_not_count():
    shifted = ConceptSpace(NAMES, lambda texts: np.append(encode(texts), np.full((len(texts), 1), 3), axis=1))
    chances = np.array([[0.6, 0.3, 0.0, 0.1]])
    np.testing.assert_allclose(
        shifted.similarities(chances, ["dog"]), ConceptSpace(NAMES, encode).similarities(chances, ["dog"]), atol=1e-6
    )


@needs("use")
def test_real_labels_of_names():
    from vtkeras.pretrained.sentences import universal_sentence_encoder

    names = ["golden retriever", "tabby cat", "sports car", "daisy", "airliner"]
    near = ConceptSpace(names, universal_sentence_encoder()).similarities(
        np.eye(5) * 0.8 + 0.04, ["dog", "Katze", "voiture", "花", "самолёт"]
    )
    np.testing.assert_array_equal(near.argmax(axis=1), np.arange(5))


def test_names_are_embedded_once_on_a_machine(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setitem(SENTENCE_ENCODERS, "use", lambda: lambda texts: calls.append(list(texts)) or encode(texts))
    monkeypatch.setenv("VTKERAS_CACHE", str(tmp_path))
    first = concept_space(NAMES)
    np.testing.assert_array_equal(concept_space(NAMES).vectors, first.vectors)
    assert calls == [NAMES]
    concept_space(NAMES[:2])  # other names
    monkeypatch.setitem(PACKAGES, "use", replace(PACKAGES["use"], files={"weights": "others"}))
    concept_space(NAMES)  # another encoder
    assert calls == [NAMES, NAMES[:2], NAMES]


def test_a_damaged_file_of_vectors_is_made_anew_and_a_read_only_cache_is_done_without(monkeypatch, tmp_path):
    monkeypatch.setitem(SENTENCE_ENCODERS, "use", lambda: encode)
    monkeypatch.setenv("VTKERAS_CACHE", str(tmp_path))
    whole = concept_space(NAMES).vectors
    [file] = tmp_path.glob("embeddings/*")
    good = file.read_bytes()
    for bad in (b"", b"nothing", good[:-40]):
        file.write_bytes(bad)
        np.testing.assert_array_equal(concept_space(NAMES).vectors, whole)
        assert file.read_bytes() == good
    monkeypatch.setenv("VTKERAS_CACHE", str(file / "below a file"))
    np.testing.assert_array_equal(concept_space(NAMES).vectors, whole)
