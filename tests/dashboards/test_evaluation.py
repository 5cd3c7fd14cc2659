"""The page `Evaluation`, over two small evaluations that can be checked by hand."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import vtkeras
from vtkeras.config import Config, save_config
from vtkeras.errors import UserError
from vtkeras.evaluation.evaluate import described, score
from vtkeras.evaluation.tables import PredictionTable, write_results
from vtkeras.tasks import HEADS
from vtkeras.tasks.classification_report import class_details
from vtkeras.tasks.heads.labels import LabelHead
from vtkeras.tasks.predicted import ClassProbabilities, Examples, Predicted
from vtkeras.workspace import evaluations

APP = Path(vtkeras.__file__).parent.parent / "dashboards" / "app.py"
EXAMPLES = Examples(
    ids=["one", "two", "three", "four"],
    questions=["is it a cat?", "is it a cat?", "is it a dog?", "is it a dog?"],
    truths={},
)
TRUTHS = ["true", "false", "false", "false"]
KINDS = {"early": {"cat": 1.0, "dog": 0.5}, "late": {}}  # shares of right answers by kind of question
SAID = {"early": ["true", "true", "false", "false"], "late": ["true", "false", "true", "true"]}


class MoodHead(LabelHead):
    """A head that no page knows of."""

    name, title, field = "mood", "Moods", "mood"


def make_evaluation(folder, name, head=HEADS["label"]):
    """A run that says `SAID[name]` of the four examples, each with confidence 0.8."""
    folder.mkdir(parents=True)
    save_config(Config(name=name), folder / "config.yaml")
    labels = SAID[name]
    probabilities = np.array([[0.8, 0.2] if label == "true" else [0.2, 0.8] for label in labels])
    found = {head.name: Predicted(labels, ClassProbabilities(("true", "false"), probabilities))}
    examples = replace(EXAMPLES, truths={head.name: TRUTHS})
    row, details = score([head], found, examples), class_details([head], found, examples)
    kinds = {kind: {"questions": 2, "systems": {name: right}} for kind, right in KINDS[name].items()}
    result = {"examples": 4, "systems": {name: row}, "details": {name: details}, "kinds": kinds}
    write_results({**described([head]), "splits": {"test": result}}, folder)
    table = PredictionTable()
    table.add("test", name, [head], examples, found)
    table.write(folder)
    os.utime(folder / "metrics.json", ns=(10**18, 10**18))  # at one time: they come in the order of their names


@pytest.fixture
def models(tmp_path):
    for name in SAID:
        make_evaluation(tmp_path / "runs" / name, name)
    return tmp_path / "runs"


@pytest.fixture
def page(models, monkeypatch):
    monkeypatch.setenv("VTKERAS_MODELS", str(models))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert not app.exception and not app.error
    return app


def texts(app):
    kinds = (app.caption, app.markdown, app.info, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def box(elements, label):
    return next(element for element in elements if element.label == label)


def test_reading_by_hand(models):
    early = evaluations.read_evaluation(models / "early")
    assert early.metrics.label_accuracy.tolist() == [0.75]
    assert early.origin == {"name": "early", "task": "multitask", "data": "moving_digits"}
    cells = {
        (cell["actual"], cell["predicted"]): cell["count"]
        for cell in early.details["test"]["early"]["label"]["confusions"]
    }
    assert cells == {("true", "true"): 1, ("false", "true"): 1, ("false", "false"): 2}
    # Confidence 0.8, three of four right: the gap is 0.05.
    assert early.metrics.label_calibration_error[0] == pytest.approx(0.05, abs=1e-6)


def test_comparing_by_hand(models):
    import pandas as pd

    tables = [evaluations.read_evaluation(models / name).predictions.assign(run=name) for name in SAID]
    arguments = pd.concat(tables), "early: early", "late: late", "test", "label"
    found = {show: evaluations.compare(*arguments, show).example.tolist() for show in evaluations.CHOICES}
    assert list(found.values()) == [[0, 1, 2, 3], [1, 2, 3], [2, 3], [1]]
    row = evaluations.compare(*arguments, evaluations.SECOND_BETTER).iloc[0]
    assert row.drop("text").to_dict() == {
        "example": 1, "clip": "two", "truth": "false", "first": "true", "second": "false",
        "first_correct": False, "second_correct": True,
    }  # fmt: skip
    for column in ("label", "clip", "text"):  # other examples of the same numbers
        other = pd.concat([tables[0], tables[1].assign(**{column: "else"})])
        assert evaluations.compare(other, *arguments[1:], evaluations.EVERY).empty


def test_runs_are_compared_filtered_and_sorted(page):
    table = page.dataframe[0].value
    assert set(table.system) == {"early", "late"} and "2 of 2 rows" in texts(page)
    box(page.selectbox, "Best first by").set_value("label_accuracy").run()
    assert page.dataframe[0].value.system.tolist() == ["early", "late"]
    box(page.selectbox, "Best first by").set_value("label_calibration_error").run()
    assert page.dataframe[0].value.system.tolist() == ["early", "late"]  # 0.05 before 0.3: less is better
    box(page.text_input, "Systems with the words").set_value("late").run()
    assert page.dataframe[0].value.system.tolist() == ["late"] and "1 of 2 rows" in texts(page)


def test_best_first_goes_by_the_direction_of_each_column(models, monkeypatch):
    # As older versions wrote it: without titles and directions. Of what does not end, less is better.
    for name, unended in (("early", 0.5), ("late", 0.1)):
        systems = {name: {"unended_rate": unended, "caption_exact": unended}}
        (models / name / "metrics.json").write_text(json.dumps({"test": {"examples": 4, "systems": systems}}))
    monkeypatch.setenv("VTKERAS_MODELS", str(models))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    for by, order in (("unended_rate", ["late", "early"]), ("caption_exact", ["early", "late"])):
        box(app.selectbox, "Best first by").set_value(by).run()
        assert app.dataframe[0].value.system.tolist() == order


def test_classes_confusions_and_calibration(page):
    classes, wrong, bins = (frame.value for frame in page.dataframe[2:5])
    assert classes["class"].tolist() == ["false", "true"] and classes.support.tolist() == [3, 1]
    assert wrong[["actual", "predicted", "count"]].to_numpy().tolist() == [["false", "true", 1]]
    assert bins.accuracy.tolist() == [0.75] and page.metric[0].value == "0.0500"
    assert len(page.get("vega_lite_chart")) == 2
    choice = box(page.selectbox, "Model and split")
    choice.set_value(next(option for option in choice.options if "late" in option)).run()
    assert page.metric[0].value == "0.3000"  # two of four right


def test_a_new_head_is_shown_by_its_own_title(models, monkeypatch):
    make_evaluation(models / "new", "late", MoodHead())
    monkeypatch.setenv("VTKERAS_MODELS", str(models))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert box(app.selectbox, "Of").options == ["Labels"]
    app.multiselect[0].set_value([models / "early", models / "new"]).run()
    assert box(app.selectbox, "What they said").options == ["Labels", "Moods"]
    app.multiselect[0].set_value([models / "new"]).run()
    assert box(app.selectbox, "Of").options == ["Moods"] and not app.exception


def test_heads_of_older_versions_have_titles(models):
    results = json.loads((models / "early" / "metrics.json").read_text())
    assert results.pop("heads") == {"label": {"title": "Labels", "field": "label"}}
    (models / "early" / "metrics.json").write_text(json.dumps(results))
    assert evaluations.read_evaluation(models / "early").heads["label"] == {"title": "Labels", "field": "label"}
    (models / "early" / "metrics.json").write_text(json.dumps({**results, "heads": {"label": {}}}))
    with pytest.raises(UserError, match="vtkeras evaluate"):
        evaluations.read_evaluation(models / "early")


def test_answers_by_kind_of_question(page, models):
    rows = page.dataframe[1].value[["run", "kind", "questions", "early"]].to_numpy().tolist()
    assert rows == [["runs/early", "cat", 2, 1.0], ["runs/early", "dog", 2, 0.5]]
    page.multiselect[0].set_value([models / "late"]).run()  # which knows no kinds
    assert not page.exception and "Answers by kind of question" not in [one.value for one in page.subheader]


def test_the_first_four_runs_are_shown(models, monkeypatch):
    for number in range(3):
        shutil.copytree(models / "early", models / f"other{number}")
    monkeypatch.setenv("VTKERAS_MODELS", str(models))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert [folder.name for folder in app.multiselect[0].value] == ["early", "late", "other0", "other1"]
    os.utime(models / "other2" / "metrics.json", ns=(2 * 10**18, 2 * 10**18))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert [folder.name for folder in app.multiselect[0].value] == ["other2", "early", "late", "other0"]  # latest first


def test_names_are_shown_as_they_are(page):
    assert page.multiselect[0].options == ["early (runs)", "late (runs)"]
    assert box(page.selectbox, "Model and split").options[0] == "runs/early: early on test"


def test_difference_of_two_runs(page):
    assert "all: 4 · said otherwise: 3 · first right alone: 2 · second right alone: 1" in texts(page)
    assert page.dataframe[-1].value.example.tolist() == [1, 2, 3]
    next(group for group in page.button_group if group.label == "Show").set_value("second right alone").run()
    assert page.dataframe[-1].value["clip"].tolist() == ["two"]
    box(page.text_input, "Examples with the words").set_value("dog").run()
    assert page.dataframe[-1].value.empty


def test_runs_on_other_examples_are_not_compared(models, monkeypatch):
    """As of two data sets: the numbers, questions and truths are the same, the clips are others."""
    table = models / "late" / "predictions.csv"
    table.write_text(table.read_text().replace(",one,", ",five,").replace(",two,", ",six,"))
    monkeypatch.setenv("VTKERAS_MODELS", str(models))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert "all: 2 · said otherwise: 2" in texts(app) and "other examples" not in texts(app)
    table.write_text(table.read_text().replace(",three,", ",seven,").replace(",four,", ",eight,"))
    assert "all: 0" in texts(app.run()) and "evaluated on other examples" in texts(app)


def test_provenance_and_export(page):
    assert {button.label for button in page.get("download_button")} == {
        "Table as CSV", "Table as JSON", "Differences as CSV",
    }  # fmt: skip
    assert "data movingdigits" in texts(page).replace("_", "")


def test_one_run_says_how_to_get_another(page, models):
    page.multiselect[0].set_value([models / "early"]).run()
    assert not page.exception and any("--compare" in code.value for code in page.code)
    page.multiselect[0].set_value([]).run()
    assert not page.exception and "Choose at least one run" in texts(page)


def test_an_empty_install_says_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_MODELS", str(tmp_path))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert not app.exception and any("vtkeras evaluate" in code.value for code in app.code)


@pytest.mark.parametrize(
    "file, text", [("metrics.json", "{"), ("predictions.csv", "a,b\n1,2\n"), ("predictions.csv", "")]
)
def test_damaged_files(models, monkeypatch, file, text):
    (models / "early" / file).write_text(text)
    with pytest.raises(UserError, match="vtkeras evaluate"):
        evaluations.read_evaluation(models / "early")
    monkeypatch.setenv("VTKERAS_MODELS", str(models))
    app = AppTest.from_file(str(APP), default_timeout=300).switch_page("views/evaluation.py").run()
    assert not app.exception and len(app.error) == 1 and "damaged" in app.error[0].value
    assert app.dataframe[0].value.system.tolist() == ["late"]  # the other run is there
