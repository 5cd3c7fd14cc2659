"""Small cases by hand, and equality with pycocoevalcap on the same tokens."""

import math
import random
import shutil
import sys
import threading

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu as PeerBleu
from pycocoevalcap.cider.cider import Cider as PeerCider
from pycocoevalcap.meteor.meteor import Meteor as PeerMeteor
from pycocoevalcap.rouge.rouge import Rouge as PeerRouge

from vtkeras.errors import UserError
from vtkeras.metrics import (
    Bleu,
    Cider,
    ExactMatch,
    RougeL,
    TextMetric,
    VqaAccuracy,
    bleu,
    cider,
    cider_and_share,
    exact_match,
    meteor,
    rouge_l,
    tokenize,
    vqa_accuracy,
)
from vtkeras.metrics.rouge import common_subsequence_length
from vtkeras.tasks import HEADS
from vtkeras.tasks.predicted import Examples, Predicted

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java: none is installed")


def as_peer_input(references, predictions):
    """The same tokens in the form pycocoevalcap takes, whose scorers split on spaces."""
    join = lambda text: " ".join(tokenize(text))  # noqa: E731
    gts = {index: [join(text) for text in accepted] for index, accepted in enumerate(references)}
    return gts, {index: [join(text)] for index, text in enumerate(predictions)}


def test_bleu_equals_pycocoevalcap(unusual_corpus):
    peer, peer_each = PeerBleu(4).compute_score(*as_peer_input(*unusual_corpus), verbose=0)
    for order in range(1, 5):
        assert bleu(*unusual_corpus, order=order) == pytest.approx(peer[order - 1], abs=1e-6)
    each = [bleu([accepted], [text]) for accepted, text in zip(*unusual_corpus, strict=True)]
    np.testing.assert_allclose(each, peer_each[3], atol=1e-6)


def test_rouge_equals_pycocoevalcap(unusual_corpus):
    peer, peer_each = PeerRouge().compute_score(*as_peer_input(*unusual_corpus))
    assert rouge_l(*unusual_corpus) == pytest.approx(peer, abs=1e-6)
    each = [rouge_l([accepted], [text]) for accepted, text in zip(*unusual_corpus, strict=True)]
    np.testing.assert_allclose(each, peer_each, atol=1e-6)


@pytest.mark.parametrize("examples", [1, 2, 10, 300])
def test_cider_equals_pycocoevalcap(unusual_corpus, examples):
    references, predictions = (texts[:examples] for texts in unusual_corpus)
    peer, _ = PeerCider().compute_score(*as_peer_input(references, predictions))
    assert cider(references, predictions) == pytest.approx(peer, abs=1e-6)


@pytest.mark.whole
@needs_java
def test_meteor_equals_pycocoevalcap(unusual_corpus):
    ours = meteor(*unusual_corpus)
    # The peer's own dialogue, over the Java process that has loaded already; it ends it afterwards.
    peer_scorer = PeerMeteor.__new__(PeerMeteor)
    _, peer_scorer.meteor_p = sys.modules["vtkeras.metrics.meteor"]._RUNNING.popitem()
    peer_scorer.lock = threading.Lock()
    peer, _ = peer_scorer.compute_score(*as_peer_input(*unusual_corpus))
    assert 0.1 < ours < 0.9
    assert ours == pytest.approx(peer, abs=1e-6)


def test_bleu_by_hand():
    references, predictions = [["the cat is on the mat", "a cat sat"]], ["the the cat"]
    # Words: the (2 of at most 2), cat (1): 3/3. Bigrams: "the the" no, "the cat" yes: 1/2.
    # Lengths 6 and 3: the closest is 3, no brevity penalty.
    assert bleu(references, predictions, order=1) == pytest.approx(1.0)
    assert bleu(references, predictions, order=2) == pytest.approx(math.sqrt(1 / 2))
    # Two examples pool: words 3/3 and 0/1 make 3/4; lengths 3 + 1 against 3 + 2: exp(1 - 5/4).
    pooled = bleu([*references, ["b c"]], [*predictions, "x"], order=1)
    assert pooled == pytest.approx(3 / 4 * math.exp(1 - 5 / 4))


def test_rouge_by_hand():
    # Common subsequence "the cat" of 2: precision 2/2, recall 2/4, so (1 + 1.44) / 2 / (0.5 + 1.44).
    assert rouge_l([["the big cat sat"]], ["the cat"]) == pytest.approx(2.44 * 0.5 / 1.94)


def test_common_subsequence_equals_the_table():
    rng = random.Random(0)
    for _ in range(200):
        first, second = (rng.choices("abc", k=rng.randint(0, 90)) for _ in range(2))
        table = np.zeros((len(first) + 1, len(second) + 1), int)
        for i, left in enumerate(first):
            for j, right in enumerate(second):
                longest = max(table[i, j + 1], table[i + 1, j])
                table[i + 1, j + 1] = table[i, j] + 1 if left == right else longest
        assert common_subsequence_length(first, second) == table[-1, -1]


def test_cider_by_hand():
    # Two documents; "a" is in both and so weighs log(2/2) = 0, the others log(2).
    # Example 1: vectors {cat} and {cat}: cosine 1 for words; bigram "a cat" likewise 1; no longer
    # n-grams: (1 + 1 + 0 + 0) / 4 * 10 = 5. Example 2: nothing shared but "a": 0. Mean 2.5.
    assert cider([["a cat"], ["a dog"]], ["a cat", "a bird"]) == pytest.approx(2.5)


@pytest.mark.parametrize(
    "references, predictions, share",
    [
        # "a" is in both, so it weighs nothing; who says the only caption has all that there is, 5 of 10.
        ([["a cat"], ["a dog"]], ["a cat", "a bird"], 0.5),
        ([["a cat"], ["a dog"]], ["a cat", "a dog"], 1.0),
        # With one caption of four words or more it is a tenth of CIDEr.
        ([["a cat sits still"], ["the dog runs away"]], ["a cat sits still", "a dog"], None),
        # Of two captions without a word in common each has half of what one alone has: 2.5 of 5.
        ([["big cat", "some lion"], ["a dog", "a dog"]], ["some lion", "a dog"], 1.0),
        ([["big cat", "some lion"], ["a dog", "a dog"]], ["some lion", "cat"], 0.5),
        ([["a cat"], ["a cat"], ["a dog"]], ["a cat", "x", "a dog"], 2 / 3),
        ([["a cat"]], ["a cat"], "nothing"),  # all documents have it
    ],
)
def test_share_of_the_best_cider(references, predictions, share):
    mean, found = cider_and_share(references, predictions)
    assert mean == cider(references, predictions)
    if share == "nothing":
        assert found is None
    else:
        assert found == pytest.approx(cider(references, predictions) / 10 if share is None else share)


def test_a_share_of_the_best_cider_is_one_at_most():
    # Each of two captions without a word in common gets 2.5. Both as one text are to each of them like 2 / (2 * √2) in
    # words and 1 / √3 in pairs of words, at a length of 3 against 1: exp(-4 / 72) * (0.707 + 0.577) / 4 * 10 = 3.04.
    references, predictions = [["big cat", "some lion"], ["a dog"]], ["big cat some lion", "a dog"]
    assert cider(references, predictions) == pytest.approx((3.04 + 5) / 2, abs=0.01)
    assert cider_and_share(references, predictions)[1] == 1.0


def test_the_ngrams_of_a_split_that_is_scored_again_are_counted_once_for_both_figures(monkeypatch):
    examples = Examples(["1", "2"], [""] * 2, [""] * 2, {"caption": [["a cat", "one cat"], ["a dog"]]})
    score = lambda: HEADS["caption"].score(Predicted(["a cat", "a bird"]), examples)  # noqa: E731
    first, counted = score(), []
    module = sys.modules["vtkeras.metrics.cider"]  # whose name within the package is a function
    count = module._counts
    monkeypatch.setattr(module, "_counts", lambda tokens: counted.append(tokens) or count(tokens))
    assert score() == first and {"cider", "cider_share"} <= first.keys()
    assert len(counted) == 5  # three captions, and two texts that are judged


def test_cider_of_one_example_is_zero():
    assert cider([["a cat sat on it"]], ["a cat sat on it"]) == 0.0


def test_exact_match():
    references = [["a cat"], ["a dog", "The dog"], [""], ["x"]]
    assert exact_match(references, ["a  CAT.", "the dog", "...", ""]) == 3 / 4


def test_vqa_accuracy_by_hand():
    # 1 of 10 agrees: left out once, 0; otherwise 1/3: 9/10 * 1/3 = 0.3. 2 of 10: 0.6. 3 of 10:
    # 3 subsets with 2/3, 7 with 1: 0.9. 4 and more: 1.
    for matches, accuracy in {0: 0.0, 1: 0.3, 2: 0.6, 3: 0.9, 4: 1.0, 10: 1.0}.items():
        answers = ["Yes."] * matches + ["no"] * (10 - matches)
        assert vqa_accuracy([answers], ["yes"]) == pytest.approx(accuracy)


def test_vqa_answers_are_normalised():
    assert vqa_accuracy([["the two dogs"] * 10], ["2 dogs"]) == 1.0
    assert vqa_accuracy([["don't"] * 10], ["dont"]) == 1.0


@pytest.mark.parametrize("make", [ExactMatch, Bleu, RougeL, Cider, VqaAccuracy])
def test_streaming_equals_the_whole(unusual_corpus, make):
    references, predictions = unusual_corpus
    whole, streamed = make(), make()
    assert isinstance(streamed, TextMetric)
    assert streamed.result() == 0.0
    whole.update_state(references, predictions)
    streamed.update_state([["forgotten", "text"]], ["forgotten"])
    streamed.reset_state()
    for start in range(0, 300, 70):
        streamed.update_state(references[start : start + 70], predictions[start : start + 70])
    assert streamed.result() == pytest.approx(whole.result(), abs=1e-12)
    assert whole.result() > 0


def test_a_long_text_is_scored_in_time():
    long_text = "a cat sat " * 100_000  # 1 MB
    assert rouge_l([[long_text]], ["a cat sat"]) > 0
    assert bleu([[long_text]], ["a cat sat"]) < 1e-6


def test_order_of_bleu_is_checked():
    with pytest.raises(UserError, match="order 0"):
        bleu([["a"]], ["a"], order=0)


def test_meteor_without_java(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    with pytest.raises(UserError, match="needs Java"):
        meteor([["a"]], ["a"])


def test_meteor_without_its_jar(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: "java")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install pycocoevalcap"):
        meteor([["a"]], ["a"])


def test_meteor_whose_java_dies(monkeypatch, tmp_path):
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda program: str(broken))
    with pytest.raises(UserError, match="ended early"):
        meteor([["a"]], ["a"])
