"""Baselines and scores on examples small enough to check by hand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from vtkeras.data.sources.base import first_word
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.evaluation.baselines import BASELINES, most_common, nearest_clip, text_only, thumbnail
from vtkeras.evaluation.evaluate import by_column, by_kind, evaluate, figure, goal_row, score
from vtkeras.evaluation.reading import read_split
from vtkeras.evaluation.tables import PredictionTable, to_markdown, write_results
from vtkeras.metrics import TEXT_METRICS
from vtkeras.tasks import HEADS, TASKS
from vtkeras.tasks.predicted import Examples, Predicted
from vtkeras.training.run import Run, make_source

CAPTION, ANSWER, LABEL, CONTRASTIVE = (HEADS[name] for name in ("caption", "answer", "label", "contrastive"))
ALL = (CAPTION, ANSWER, LABEL, CONTRASTIVE)


def examples(captions, questions, answers, labels, **others):
    """Examples whose truths are given as lists of texts."""
    truths = {
        "caption": captions,
        "answer": answers,
        "written_answer": answers,
        "label": labels,
        "contrastive": [tuple(texts) for texts in captions],
    }
    return Examples(ids=[str(row) for row in range(len(questions))], questions=questions, truths=truths, **others)


TRAIN = examples(
    captions=[["a cat"], ["a cat"], ["a dog"]],
    questions=["what?", "what?", "how many?"],
    answers=[["cat"], ["cat"], ["one"]],
    labels=["pet", "pet", "pet|dog"],
    thumbnails={"0": np.array([1.0, 0.0]), "1": np.array([0.8, 0.6]), "2": np.array([0.0, 1.0])},
)
TEST = examples(
    captions=[["a cat", "one cat"], ["a dog"]],
    questions=["how many?", "what?"],
    answers=[["one"], ["dog"]],
    labels=["pet", "pet|dog"],
    thumbnails={"0": np.array([0.9, 0.1]), "1": np.array([0.1, 0.9])},
)


def test_most_common():
    assert [most_common(head, TRAIN, TEST).texts[0] for head in (CAPTION, ANSWER, LABEL)] == ["a cat", "cat", "pet"]


@pytest.mark.parametrize("name", ["caption", "events", "answer", "label"])
def test_figures_to_choose_by_are_those_of_the_whole_row_and_take_no_others(name, monkeypatch):
    head = HEADS[name]
    events = [["<t=0> <t=12> a cat <t=16> <t=31> a dog"], ["<t=0> <t=12> a cow"]]
    test = Examples(ids=["0", "1"], questions=[""] * 2, truths={**TEST.truths, "events": events})
    said = most_common(head, test, test)
    whole = score([head], {name: said}, test)
    for metric in ("bleu4", "rouge_l", "cider"):
        monkeypatch.setitem(TEXT_METRICS, metric, None)
    row = goal_row(head, said, test)
    assert {column: row[column] for column in head.goals} == {column: whole[column] for column in head.goals}
    assert figure(head, row) == figure(head, whole) is not None


def test_text_only_knows_the_question():
    assert text_only(ANSWER, TRAIN, TEST).texts == ["one", "cat"]
    assert text_only(LABEL, TRAIN, TEST).texts == ["pet|dog", "pet"]
    assert text_only(CAPTION, TRAIN, TEST).texts == ["a cat"] * 2


def test_text_only_falls_back_on_an_unseen_question():
    unseen = examples([["x"]], ["why?"], [["no"]], ["pet"])
    assert text_only(ANSWER, TRAIN, unseen).texts == ["cat"]
    assert nearest_clip(ANSWER, TRAIN, unseen) is None  # it has no frames


def test_nearest_clip_takes_the_answer_of_the_nearest_that_was_asked_the_same():
    # Cosines of test 1: 0.9, 0.78, 0.1; of test 2: 0.1, 0.62, 0.9.
    assert nearest_clip(CAPTION, TRAIN, TEST).texts == ["a cat", "a dog"]
    # Test 1 asks "how many?", which only the third was asked; test 2 asks "what?": the second is nearest.
    assert nearest_clip(ANSWER, TRAIN, TEST).texts == ["one", "cat"]
    assert nearest_clip(LABEL, TRAIN, TEST).texts == ["pet", "pet|dog"]  # whatever was asked


def test_the_nearest_clip_is_one_that_has_such_a_text():
    train = examples([[], ["a cat"], []], ["what?", "what?", "how many?"], [[""], ["cat"], [""]], ["", "", "dog"])
    train.thumbnails = TRAIN.thumbnails
    assert nearest_clip(CAPTION, train, TEST).texts == ["a cat"] * 2  # only the second has one
    assert nearest_clip(ANSWER, train, TEST).texts == ["cat"] * 2
    assert nearest_clip(LABEL, train, TEST).texts == ["dog"] * 2
    empty = examples([[]] * 3, ["what?"] * 3, [[""]] * 3, [""] * 3, thumbnails=TRAIN.thumbnails)
    assert nearest_clip(CAPTION, empty, TEST).texts == ["", ""]


def test_score_by_hand():
    said = {"caption": ["one cat", "a cat"], "answer": ["one", "cat"], "label": ["pet", "pet"]}
    row = score(ALL, {head: Predicted(texts) for head, texts in said.items()}, TEST)
    assert row["caption_exact"] == 0.5  # "one cat" is a reference, "a cat" is not one of the second clip's
    assert row["answer_accuracy"] == 0.5
    assert row["label_accuracy"] == 0.5  # the second lacks "dog"
    # F1 of "pet" is 1, of "dog" 0: macro 0.5.  Answers: "one" 1, "dog" 0, and "cat", said though it is none, 0.
    assert row["label_macro_f1"] == pytest.approx(0.5)
    assert row["answer_macro_f1"] == pytest.approx(1 / 3)
    # Words a cat, one cat, a dog: matched 2 of 2 and 1 of 2.  Different words: one, cat, a of four.
    assert row["bleu1"] == pytest.approx(3 / 4) and row["distinct_1"] == pytest.approx(3 / 4)
    assert row["answer_calibration_error"] is None and row["meteor"] is None
    assert row["recall_at_1"] is None


def test_recall_counts_every_clip_with_the_caption():
    # Clips by queries "a cat" and "a dog"; "a dog" ranks its clip second.
    found = {"contrastive": Predicted(values=np.array([[0.9, 0.8], [0.1, 0.2]]))}
    row = score(ALL, found, TEST)
    assert row["recall_at_1"] == 0.5 and row["recall_at_5"] == 1.0


def test_thumbnail_is_a_unit_vector_of_block_means():
    # One frame of 2 x 2 blocks of 2 x 2 pixels; two bright blocks share the length: 1 / sqrt(2) each.
    frames = np.zeros((1, 4, 4, 3), "uint8")
    frames[0, :2, :2] = frames[0, 2:, 2:] = 255
    np.testing.assert_allclose(thumbnail(frames, side=2), np.array([1, 0, 0, 1]) / np.sqrt(2), atol=1e-6)


def test_thumbnail_of_a_black_clip_is_zero():
    assert not thumbnail(np.zeros((2, 16, 16, 3), "uint8")).any()


@pytest.mark.whole
def test_evaluate_writes_one_table_for_models_and_baselines(exported_run, tmp_path):
    run = Run.open(exported_run)
    table = PredictionTable()
    results = evaluate(
        {"tiny": run.reader()}, make_source(run.config), run.preprocessor, ["test", "one_digit"],
        train_clips=8, limit=6, report=lambda line: None, keep=table.add,
    )
    splits = results["splits"]
    assert list(splits) == ["test", "one_digit"] and splits["test"]["examples"] == 6
    assert list(splits["test"]["systems"]) == ["tiny", *BASELINES]
    row = splits["test"]["systems"]["tiny"]
    assert isinstance(row["cider_share"], float)
    assert set(row) == set(results["columns"]) == {name for head in run.heads for name in head.columns}
    assert results["columns"]["unended_rate"] == {
        "title": "unended %", "unit": "%", "better": "lower", "listed": True
    }  # fmt: skip
    # One answer each, from the closed set; captions without times.
    events = {"event_precision", "event_recall", "event_exact", "soda"}
    assert {name for name, value in row.items() if value is None} == {"meteor", "vqa_accuracy", *events}
    assert 0 <= row["unended_rate"] <= 1
    assert np.isfinite([value for value in row.values() if value is not None]).all()
    kinds = splits["test"]["kinds"]
    assert sum(kind["questions"] for kind in kinds.values()) == 6
    assert all(set(kind["systems"]) == {"tiny", *BASELINES} for kind in kinds.values())
    assert set(splits["test"]["details"]["tiny"]) == {"answer", "label"}
    assert len(table.rows) == 12 and all(row["caption_predicted"] is not None for row in table.rows)
    write_results(results, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == results
    assert (tmp_path / "metrics.md").read_text() == to_markdown(results)
    assert "| nearest training clip |" in to_markdown(results)
    seen, asked = results["baselines"], splits["test"]
    assert seen["examples"] == 8 < seen["of"] and asked["of"] > 6
    assert f"### test (6 of {asked['of']} examples)" in to_markdown(results)
    assert f"Baselines look at 8 of {seen['of']} training examples" in to_markdown(results)
    assert "### one_digit: tiny" in (tmp_path / "classes.md").read_text()


def test_models_of_other_sizes_read_the_split_together(tiny_config, tiny_model, preprocessor):
    # The second one sees clips of 16 pixels; each must get what its own preprocessor makes.
    from vtkeras.data.preprocess import Preprocessor

    small = Preprocessor(tiny_config("data.image_size=16").data, preprocessor.vocabulary)
    seen = {}

    class Watching:
        heads = ()

        def __init__(self, name, preprocessor):
            self.name, self.preprocessor = name, preprocessor

        def ask(self, batch):
            seen[self.name] = batch["frames"].shape
            return {}

    systems = {"large": Watching("large", preprocessor), "small": Watching("small", small)}
    found, said = read_split(make_source(tiny_config()), "test", [LABEL], preprocessor, systems, limit=3)
    assert seen == {"large": (3, 4, 32, 32, 3), "small": (3, 4, 16, 16, 3)} and said == {"large": {}, "small": {}}
    assert len(found.ids) == len(found.truths["label"]) == len(found.thumbnails) == 3


def test_only_trained_heads_are_asked(tiny_config, tiny_model, preprocessor):
    reader = TASKS["multitask"].reader(tiny_model, preprocessor, [LABEL])
    source = make_source(tiny_config())
    _, said = read_split(source, "test", [LABEL], preprocessor, {"tiny": reader}, limit=4)
    assert list(said["tiny"]) == ["label"]
    found = said["tiny"]["label"]
    assert len(found.texts) == 4 and found.classes.several


@pytest.mark.parametrize("single, said", [(False, ["", "cat|dog"]), (True, ["cat", "dog"])])
def test_labels_are_said_by_the_rule_that_predictions_are_told_by(single, said):
    words = SimpleNamespace(vocabulary=SimpleNamespace(labels=("cat", "dog")))
    reader = SimpleNamespace(preprocessor=words, model=SimpleNamespace(heads={"label": SimpleNamespace(single=single)}))
    outputs = {"probabilities": np.array([[0.4, 0.3], [0.6, 0.7]])}
    asked = Examples(["a", "b"], [""] * 2, [""] * 2, {"label": ["cat", "dog"]})  # never two: that decides nothing
    found = LABEL.collect(outputs, reader, asked)
    assert found.texts == said and found.classes.several != single


ASKED = examples(
    questions=["q"] * 5,
    kinds=["is", "is", "how many", "is", "where"],
    answers=[["yes"] * 2 + ["no"] * 8, ["no"], ["two"], [""], ["yes"]],
    captions=[[]] * 5,
    labels=[""] * 5,
)
SAID = {"a model": {"answer": Predicted(["yes", "yes", "two", "yes", "no"])}, "mute": {}}


def test_by_kind_by_hand():
    # The fourth has no right answer and does not count.
    assert by_kind(ALL, SAID, ASKED) == {
        "is": {"questions": 2, "systems": {"a model": 0.5}},
        "how many": {"questions": 1, "systems": {"a model": 1.0}},
        "where": {"questions": 1, "systems": {"a model": 0.0}},
    }


def test_by_kind_case_does_not_count():
    written = {"a model": {"answer": Predicted(["Yes", "NO", "Two", "", "yes"])}}
    assert [kind["systems"]["a model"] for kind in by_kind(ALL, written, ASKED).values()] == [1.0, 1.0, 1.0]


def test_rare_kinds_count_together(monkeypatch):
    monkeypatch.setattr("vtkeras.evaluation.evaluate.MOST_KINDS", 1)
    found = by_kind(ALL, SAID, ASKED)
    assert found["other"] == {"questions": 2, "systems": {"a model": 0.5}}
    systems = {"a model": score(ALL, {}, ASKED)}
    split = {"examples": 5, "systems": systems, "kinds": found}
    table = to_markdown({"columns": {}, "splits": {"test": split}})
    assert "| answers right % | is (2) | other (2) |" in table and "| a model | 50.0 | 50.0 |" in table


def test_vqa_accuracy_counts_questions_with_several_answers():
    # Only the first has as many as four. Two of ten said yes: (2 * 1/3 + 8 * 2/3) / 10 = 0.6.
    row = score(ALL, {"answer": Predicted(["yes", "no", "two", "", "no"])}, ASKED)
    assert row["vqa_accuracy"] == pytest.approx(0.6) and row["answer_accuracy"] == 0.75
    assert row["recall_at_1"] is None and row["caption_exact"] is None


def test_written_answers_have_their_own_column():
    heads = (ANSWER, HEADS["written_answer"])
    said = {"answer": Predicted(["yes"] * 5), "written_answer": Predicted(["yes", "no", "two", "", "yes"])}
    row = score(heads, said, ASKED)
    assert row["written_answer_accuracy"] == 1.0 and row["answer_accuracy"] == 0.5


# Clip a is asked three times, b once.
ASKED_MORE = examples(
    captions=[["a cat"]] * 3 + [["a dog"]],
    questions=["what?", "how many?", "where?", "what?"],
    answers=[["cat"], ["one"], ["there"], ["dog"]],
    labels=["pet"] * 4,
    thumbnails={"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0])},
)
ASKED_MORE.ids[:] = ["a", "a", "a", "b"]


def test_captions_and_search_count_each_clip_once():
    said = {"caption": ["a cat"] * 3 + ["a cat"], "answer": ["cat", "one", "here", "cat"]}
    found = {head: Predicted(texts, ended=[True] * 3 + [False]) for head, texts in said.items()}
    # Rows are examples, columns "a cat" and "a dog". For "a dog" three copies of a would rank before b.
    found["contrastive"] = Predicted(values=np.array([[0.9, 0.8]] * 3 + [[0.1, 0.7]]))
    row = score(ALL, found, ASKED_MORE)
    assert row["caption_exact"] == 0.5 and row["unended_rate"] == 0.5 and row["answer_accuracy"] == 0.5
    assert row["recall_at_1"] == 0.5 and row["recall_at_5"] == 1.0


def test_labels_count_each_clip_once_unless_they_depend_on_the_text():
    said = {"label": Predicted(["pet", "pet", "pet", "cat"])}
    assert score((LABEL,), said, ASKED_MORE)["label_accuracy"] == 0.5  # a right, b wrong
    by_text = ASKED_MORE.take(range(4))
    by_text.truths["label"] = ["pet", "cat", "pet", "pet"]  # as of statements about one clip
    assert score((LABEL,), said, by_text)["label_accuracy"] == 0.5  # of four: 1, 0, 1, 0


def test_the_commonest_caption_is_that_of_most_clips():
    train = ASKED_MORE.take([0, 1, 2, 3, 3])
    train.ids[:] = ["a", "a", "a", "b", "c"]
    assert most_common(CAPTION, train, TEST).texts == ["a dog"] * 2  # of two clips, "a cat" of one
    assert text_only(ANSWER, ASKED_MORE, TEST).texts == ["one", "cat"]


def test_nearest_clip_of_clips_with_several_questions():
    assert nearest_clip(CAPTION, ASKED_MORE, TEST).texts == ["a cat", "a dog"]
    # "how many?" was asked of a alone; "what?" of both, and b is nearer to the second test clip.
    assert nearest_clip(ANSWER, ASKED_MORE, TEST).texts == ["one", "dog"]
    assert nearest_clip(ANSWER, ASKED_MORE.take([1, 3]), TEST.take([1, 0])).texts == ["dog", "one"]


def test_by_column_by_hand():
    said = {
        "a model": {"answer": Predicted(["cat", "one", "here", "cat"]), "caption": Predicted(["a cat"] * 4)},
        "mute": {},
    }
    kinds = {("a", "what?"): "thing", ("b", "what?"): "thing", ("a", "how many?"): "count"}
    found = by_column((CAPTION, ANSWER), said, ASKED_MORE, kinds)
    assert list(found) == ["thing", "count", "(none)"]
    assert found["thing"] == {
        "examples": 2,
        "systems": {
            "a model": {"caption_exact": 0.5, "answer_accuracy": 0.5},
            "mute": {"caption_exact": None, "answer_accuracy": None},
        },
    }
    assert found["count"]["systems"]["a model"] == {"caption_exact": 1.0, "answer_accuracy": 1.0}
    columns = {name: vars(column) for head in (CAPTION, ANSWER) for name, column in head.columns.items()}
    split = {"examples": 4, "systems": {"a model": score(ALL, {}, ASKED_MORE)}, "by": {"kind": found}}
    table = to_markdown({"columns": columns, "splits": {"test": split}})
    assert "by kind | thing (2) | count (1) | (none) (1) |" in table and "| a model | 50.0 | 100.0 | 0.0 |" in table
    split["by"] = {"label": {"dog|pet": found["thing"]}}  # several labels
    assert r"by label | dog\|pet (2) |" in to_markdown({"columns": columns, "splits": {"test": split}})


def test_training_clips_come_with_all_their_questions(preprocessor, monkeypatch):
    seen = []
    prepare = preprocessor.clip
    monkeypatch.setattr(preprocessor, "clip", lambda frames: (tf.py_function(seen.append, [0], []), prepare(frames))[1])
    pictures = SortOfClevr(train_images=3)
    train, _ = read_split(pictures, "train", [ANSWER], preprocessor, clips=2)
    assert len(train.ids) == 2 * 20 and len(train.first_rows()) == len(train.thumbnails) == 2
    assert 2 <= len(seen) <= 3  # a clip is resized once, whatever is asked of it
    loaded = [(one["question"].decode(), one["answer"].decode()) for one in pictures.load("train").as_numpy_iterator()]
    assert [*zip(train.questions, (truth[0] for truth in train.truths["answer"]))] == loaded[:40]


class Named:
    """A system that says what it is asked, and counts it."""

    def __init__(self, head, preprocessor):
        self.heads, self.preprocessor, self.asked = (head,), preprocessor, 0

    def ask(self, batch):
        self.asked += len(batch["video_id"])
        return {self.heads[0].name: {"text": batch["video_id"].numpy(), "ended": np.ones(len(batch["video_id"]), bool)}}


def test_a_clip_is_asked_once_where_no_head_depends_on_the_question(preprocessor):
    system, pictures = Named(CAPTION, preprocessor), SortOfClevr(train_images=4, eval_images=3)
    seen = []
    examples, said = read_split(
        pictures, "test", [CAPTION], preprocessor, {"named": system}, progress=lambda *counts: seen.append(counts)
    )
    assert system.asked == 3 and seen == [(3, 3)]  # of 60 questions about 3 pictures
    assert said["named"]["caption"].texts == examples.ids == ["test-0-0", "test-0-1", "test-0-2"]
    first = next(pictures.load("test").as_numpy_iterator())
    assert examples.questions[0] == first["question"].decode()
    results = evaluate({"named": system}, pictures, preprocessor, ["test"], train_clips=2, limit=1, report=str)
    assert results["baselines"] == {"examples": 2, "of": 4}
    assert (results["splits"]["test"]["examples"], results["splits"]["test"]["of"]) == (1, 3)
    both, _ = read_split(pictures, "test", [CAPTION, ANSWER], preprocessor)
    assert len(both.ids) == 60


def test_first_word():
    assert [first_word(question) for question in ("How many are there?", "how", "Is it?", "哪里？")] == [
        "how many", "how", "is", "哪里？"
    ]  # fmt: skip


def test_dense_captions_are_scored_as_events_and_cut_ones_counted():
    captions = [["<t=0> <t=16> a cat jumps <t=16> <t=31> a dog barks"], ["<t=0> <t=31> a cat"]]
    test = examples(captions, ["", ""], [[""], [""]], ["", ""])
    texts = ["<t=0> <t=16> a cat jumps", "<t=0> <t=31> a cat"]
    row = score([CAPTION], {"caption": Predicted(texts, ended=[True, False])}, test)
    # One of two events is found in the first video, the only one in the second.
    assert row["event_exact"] == row["event_recall"] == 0.75 and row["event_precision"] == 1.0
    # SODA: 2 * 1 / (1 + 2) in the first, 1 in the second.
    assert row["soda"] == pytest.approx((2 / 3 + 1) / 2)
    assert row["caption_exact"] == 0.5 and row["unended_rate"] == 0.5 and row["repetition_rate"] == 0.0
