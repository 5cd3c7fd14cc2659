"""Tags and searching, with names that lie where a reader can follow."""

import tracemalloc
import unicodedata

import numpy as np
import pytest
from fixtures.pretrained import needs

from vtkeras.folders.search import Tag, encoder_key, find, tags
from vtkeras.folders.store import File, Known, Names
from vtkeras.tagging.zero_shot import ConceptSpace

NAMES = ["night", "snow"]
# The mean of the two names is zero, so that nothing is taken off.
VECTORS = {"night": [1, 0], "snow": [-1, 0], "Winter": [-0.8, 0.6], "dusk dawn": [0.6, 0.8]}
SPACE = ConceptSpace(NAMES, lambda texts: np.array([VECTORS[text] for text in texts], np.float32))
DAWN = File("Dawn.mp4", 1, 3, Known(names=Names([0.5, 1.5], [[0, 1], [1, 0]], [[0.9, 0.1], [0.7, 0.3]])))
DARK = File("dark.mp4", 1, 2, Known(names=Names([1.0], [[0, 1]], [[0.95, 0.05]])))
BAD = File("bad.mp4", 1, 3, Known(fault="is empty."))


def test_tags_are_the_surest_moments():
    assert tags(DAWN, NAMES) == [Tag("night", 0.9, 0.5), Tag("snow", 0.7, 1.5)]
    assert tags(DAWN, NAMES, most=1) == [Tag("night", 0.9, 0.5)] and tags(DAWN, NAMES, least=0.95) == []
    assert tags(BAD, NAMES) == []


def test_by_meaning_the_nearest_frame_counts():
    first, second = find("Winter", [DARK, BAD, DAWN], SPACE)
    # Dawn at 1.5 s: 0.7 of (-1, 0) and 0.3 of (1, 0) is (-1, 0), times (-0.8, 0.6).
    assert (first.file, first.score, first.seconds) == (DAWN, pytest.approx(0.8), 1.5)
    assert (second.file, second.score, second.seconds) == (DARK, pytest.approx(-0.8), 1.0)


def test_words_of_names_and_texts_come_first():
    texts = {"bad.mp4": "the Dusk, not the dawn"}
    found = find("dusk dawn", [DARK, BAD, DAWN], SPACE, texts)
    assert [(one.file.path, one.score is None) for one in found] == [
        ("bad.mp4", True), ("dark.mp4", False), ("Dawn.mp4", False)
    ]  # fmt: skip
    assert [one.file for one in find("dawn", [DARK, BAD, DAWN], None)] == [DAWN]
    assert find("  ", [DARK], SPACE) == [] and find("Winter", [BAD], SPACE) == []


def test_many_frames_are_embedded_in_parts(monkeypatch):
    whole = find("Winter", [DARK, DAWN], SPACE)
    monkeypatch.setattr("vtkeras.folders.search.CHUNK", 2)
    assert find("Winter", [DARK, DAWN], SPACE) == whole


def test_vectors_of_few_frames_are_in_memory_at_once(monkeypatch):
    monkeypatch.setattr("vtkeras.folders.search.CHUNK", 16)
    frames, dim = 4096, 512
    space = ConceptSpace(NAMES, lambda texts: np.ones((len(texts), dim), np.float32) * [[len(t)] for t in texts])
    many = File("a.mp4", 1, 3, Known(names=Names([0.0] * frames, [[0, 1]] * frames, [[0.9, 0.1]] * frames)))
    tracemalloc.start()
    assert len(find("Winter", [many], space)) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < frames * dim * 4 / 4  # a quarter of what the vectors of all would take


def test_no_key_without_the_packages(monkeypatch):
    monkeypatch.setattr("vtkeras.folders.search.state", lambda name: "missing" if name == "use" else "installed")
    assert encoder_key() == ""


@needs("efficientnet_lite0", "imagenet_names", "use")
def test_a_key_with_them():
    assert len(encoder_key()) == 16


@pytest.mark.parametrize("form, other", [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_words_are_the_same(form, other):
    cafe = File(unicodedata.normalize(form, "Café Straße.mp4"), 1, 3, Known())
    for words in ("café", "CAFÉ straße", "STRASSE"):
        assert [one.file for one in find(unicodedata.normalize(other, words), [cafe], None)] == [cafe]
