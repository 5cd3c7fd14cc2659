import sys
from types import ModuleType, SimpleNamespace

import pytest

from vtkeras.data.augmentations.synonyms import synonyms_of, wordnet

SENSES = {  # word: lemmas of each of its senses, the commonest first
    "dog": [["dog", "domestic_dog", "hound"], ["frump", "dog"]],
    "cats": [["cat", "true_cat"]],
    "cat": [["cat", "puss", "moggy"]],
    "the": [["the", "article"]],
}


@pytest.fixture
def small_wordnet(monkeypatch):
    """nltk.corpus.wordnet with a few words."""

    def synsets(word):
        return [SimpleNamespace(lemma_names=lambda names=names: names) for names in SENSES.get(word, [])]

    corpus = ModuleType("nltk.corpus")
    corpus.wordnet = SimpleNamespace(synsets=synsets, ensure_loaded=lambda: None)
    monkeypatch.setitem(sys.modules, "nltk", ModuleType("nltk"))
    monkeypatch.setitem(sys.modules, "nltk.corpus", corpus)
    wordnet.cache_clear()
    synonyms_of.cache_clear()
    yield corpus.wordnet
    wordnet.cache_clear()
    synonyms_of.cache_clear()
