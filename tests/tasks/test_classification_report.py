"""Class by class, by hand."""

import csv
import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as peer

from vtkeras.evaluation.tables import PredictionTable, confidence
from vtkeras.metrics import classification_report
from vtkeras.tasks import HEADS
from vtkeras.tasks.classification_report import (
    NOTHING,
    SCORES,
    class_details,
    class_scores,
    confusions,
    per_class,
    reliability,
    to_markdown,
)
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted

ANSWER, LABEL = HEADS["answer"], HEADS["label"]


def sets(*texts):
    return [(frozenset(right), frozenset(said)) for right, said in texts]


def test_per_class_by_hand():
    # a: right twice of three, said twice, both rightly; b: said twice, once rightly; c: never said.
    rows = per_class(sets(("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("c", "")))
    assert [row["class"] for row in rows] == ["a", "b", "c"]
    assert [(row["support"], row["predicted"]) for row in rows] == [(3, 2), (1, 2), (1, 0)]
    assert [row["precision"] for row in rows] == [1, 0.5, 0]
    assert [row["recall"] for row in rows] == pytest.approx([2 / 3, 1, 0])
    assert [row["f1"] for row in rows] == pytest.approx([0.8, 2 / 3, 0])


def test_one_label_gives_the_ordinary_confusion_matrix():
    rng = np.random.default_rng(0)
    truth, said = rng.choice(list("abcd"), (2, 200))
    expected = peer.confusion_matrix(truth, said, labels=list("abcd"))
    found = np.zeros((4, 4), int)
    for cell in confusions(sets(*zip(truth, said))):
        found["abcd".index(cell["actual"]), "abcd".index(cell["predicted"])] = cell["count"]
    np.testing.assert_array_equal(found, expected)


def test_several_labels_by_hand():
    # b was taken for c; d was missed for nothing; e was said in nothing's place.
    cells = confusions(sets(("ab", "ac"), ("d", ""), ("a", "ae")))
    assert {(cell["actual"], cell["predicted"]): cell["count"] for cell in cells} == {
        ("a", "a"): 2,
        ("b", "c"): 1,
        ("d", NOTHING): 1,
        (NOTHING, "e"): 1,
    }


def test_scores_equal_scikit_learn():
    rng = np.random.default_rng(1)
    truth, said = rng.choice(list("abcd"), (2, 200)).tolist()
    scores = class_scores(truth, said, None)
    assert scores["accuracy"] == pytest.approx(peer.accuracy_score(truth, said))
    for average in ("macro", "micro"):
        expected = peer.precision_recall_fscore_support(truth, said, average=average)[:3]
        found = [scores[f"{average}_{name}"] for name in ("precision", "recall", "f1")]
        assert found == pytest.approx(expected, abs=1e-6)
    assert scores["calibration_error"] is None  # nothing is known of probabilities


def test_several_labels_are_right_only_together():
    scores = class_scores(["a|b", "a", ""], ["b | a", "a|b", "a"], "|")  # the last has no known truth
    assert scores["accuracy"] == 0.5
    # a: 2 of 2 and 2 of 2; b: 1 of 1 there, 1 of 2 said: F1 2/3. Pooled: 3 hits, 3 there, 4 said.
    assert scores["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["micro_precision"] == pytest.approx(3 / 4) and scores["micro_recall"] == pytest.approx(1)


def test_nothing_known_is_no_score():
    assert class_scores(["", ""], ["a", "b"], None) == {}
    assert class_details([ANSWER], {"answer": Predicted([""])}, Examples(truths={"answer": [[""]]})) == {}


def test_reliability_by_hand():
    # Confidences 0.8 (right), 0.8 (wrong), 0.6 (right), and 0.5, wrong as the model does not know the class.
    chances = ClassProbabilities(("a", "b"), np.array([[0.8, 0.2], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]))
    found = reliability(["a", "a", "a", "z"], None, chances)
    assert [row["count"] for row in found["bins"]] == [1, 1, 2]
    assert [row["confidence"] for row in found["bins"]] == pytest.approx([0.5, 0.6, 0.8])
    assert [row["accuracy"] for row in found["bins"]] == [0, 1, 0.5]
    assert found["error"] == pytest.approx((0.5 + 0.4 + 2 * 0.3) / 4)
    assert reliability(["a"], None, None) is None and reliability([""], None, chances) is None


def test_reliability_of_several_labels():
    # a: 0.9, is there: confidence 0.9, right. b: 0.3, is there: confidence 0.7, wrong. |1 - .9| and |0 - .7|.
    chances = ClassProbabilities(("a", "b"), np.array([[0.9, 0.3]]), several=True)
    assert reliability(["a|b"], "|", chances)["error"] == pytest.approx((0.1 + 0.7) / 2)
    np.testing.assert_allclose(confidence(chances), [0.7])  # b is the less sure of the two decisions


def test_an_unknown_label_among_several_leaves_the_example_out():
    chances = ClassProbabilities(("a", "b"), np.array([[0.9, 0.3], [0.5, 0.5]]), several=True)
    assert reliability(["a|b", "a|z"], "|", chances)["error"] == pytest.approx((0.1 + 0.7) / 2)


@pytest.mark.parametrize("several", [False, True])
def test_the_metrics_for_keras_give_the_same(several):
    rng = np.random.default_rng(2)
    names = np.array(list("abcd"))
    chances = rng.dirichlet(np.ones(4), 200)
    right = np.eye(4, dtype=int)[rng.integers(0, 4, 200)]
    if several:
        right = np.maximum(right, rng.integers(0, 2, (200, 4)))  # one label at least: else nothing is known
    chosen = chances > 0.5 if several else np.eye(4, dtype=bool)[chances.argmax(axis=1)]
    truth, said = (["|".join(names[row > 0]) for row in rows] for rows in (right, chosen))
    found = class_scores(truth, said, "|", ClassProbabilities(tuple(names), chances, several))
    expected = classification_report(right if several else right.argmax(axis=1), chances, multi_label=several)
    names_of_both = {f"{kind}_{score}": f"{score}_{kind}" for kind in ("macro", "micro") for score in SCORES}
    assert {name: found[name] for name in ("accuracy", "calibration_error", *names_of_both)} == pytest.approx(
        {"accuracy": expected["accuracy"], "calibration_error": expected["calibration_error"]}
        | {name: expected[other] for name, other in names_of_both.items()}, abs=1e-5
    )  # fmt: skip


def test_many_classes_take_little_room():
    names = tuple(map(str, range(500)))
    truth, said = [f"{row}|0" for row in range(500)], ["0"] * 500  # half of each truth, but of the first all
    tracemalloc.start()
    scores = class_scores(truth, said, "|", ClassProbabilities(names, np.tile(np.float32(0.5), (500, 500)), True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Of 999 labels 500 are said, all rightly; each of the other 499 classes has a recall of 0.
    assert scores["micro_recall"] == 500 / 999 and scores["macro_recall"] == pytest.approx(1 / 500)
    assert peak < 32 * 500 * 500  # what a list of Python floats takes, one for each class of each example


def test_reliability_is_the_same_in_blocks(monkeypatch):
    chances = np.random.default_rng(0).random((7, 3))
    truth = ["a", "b|c", "c", "a|b|c", "b", "a", "c|a"]
    found = []
    for block in (7, 2):
        monkeypatch.setattr("vtkeras.tasks.classification_report.BLOCK", block)
        found.append(reliability(truth, "|", ClassProbabilities(("a", "b", "c"), chances, several=True)))
    assert found[0]["error"] == pytest.approx(found[1]["error"])
    assert [row["count"] for row in found[0]["bins"]] == [row["count"] for row in found[1]["bins"]]


def test_markdown_of_few_and_of_many_classes():
    answers = [[f"class {index % 20}"] for index in range(40)]
    test = Examples(truths={"answer": answers, "label": ["x|y"] * 40})
    said = {"answer": Predicted(["class 0"] * 40), "label": Predicted(["x"] * 40)}
    text = to_markdown(class_details([ANSWER, LABEL], said, test), most_classes=5)
    assert "| class 0 | 2 | 0.050 | 1.000 | 0.095 |" in text and "15 rarer classes" in text
    assert "answer: commonest confusions" in text and "| class 1 | class 0 | 2 |" in text
    assert "| actual \\ predicted | x | y | (nothing) |" in text and "| y | 0 | 0 | 40 |" in text
    assert "confidence" not in text


def test_table_of_predictions(tmp_path):
    heads = [HEADS["caption"], ANSWER, LABEL]
    truths = {"caption": [["a cat", "one cat"], []], "answer": [["cat"], [""]], "label": ["pet", "pet|dog"]}
    examples = Examples(ids=["one", "two"], questions=["what?", 'a "quoted", text'], truths=truths)
    classes = ClassProbabilities(("pet", "dog"), np.array([[0.9, 0.2], [0.6, 0.7]]), several=True)
    table = PredictionTable()
    table.add("test", "ours", [LABEL], examples, {"label": Predicted(["pet", "dog|pet"], classes)})
    rows = list(csv.DictReader(table.write(tmp_path).open(encoding="utf-8")))
    assert [row["text"] for row in rows] == examples.questions and "caption" not in rows[0]
    assert [row["label_confidence"] for row in rows] == ["0.8000", "0.6000"]
    assert rows[1]["label_predicted"] == "dog|pet" and rows[1]["clip"] == "two"
    assert [row["label_correct"] for row in rows] == ["1", "1"]  # in whatever order
    said = {"caption": Predicted(["One cat!", "x"]), "answer": Predicted(["dog", "y"])}
    table.add("test", "theirs", heads[:2], examples, said)
    first, second = list(csv.DictReader(table.write(tmp_path).open(encoding="utf-8")))[2:]
    assert first["caption"] == "a cat" and first["label_predicted"] == ""
    assert (first["caption_correct"], first["answer_correct"]) == ("1", "0")  # the second reference
    assert (second["caption_correct"], second["answer_correct"]) == ("", "")  # nothing is known of it
