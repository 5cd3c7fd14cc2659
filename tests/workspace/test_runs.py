import json
from pathlib import Path

import pytest

import vtkeras
from vtkeras.config import Config, save_config
from vtkeras.errors import UserError
from vtkeras.workspace import runs
from vtkeras.workspace.records import saved_functions

SHIPPED = Path(vtkeras.__file__).parents[1] / "saved_models"

METRICS = {
    "test": {"examples": 8, "systems": {"a": {"bleu4": 0.5, "cider": None}, "b": {"bleu4": 0.1, "cider": None}}}
}

ENDPOINTS = {
    "task": "one",
    "text_role": "speech",
    "heads": [
        {"name": "caption", "title": "Captions", "endpoints": [{"name": "caption", "inputs": ["frames"]}]},
        {"name": "answer", "title": "Answers", "endpoints": [{"name": "answer", "inputs": ["frames", "text"]}]},
    ],
}


@pytest.fixture
def run(tmp_path):
    """What a run folder lists of itself; the weights are no weights."""
    folder = tmp_path / "runs" / "one"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(b"abc")
    save_config(Config(name="one"), folder / "config.yaml")
    (folder / "vocabulary.json").write_text(json.dumps({"answers": ["yes", "no"], "labels": []}))
    (folder / "endpoints.json").write_text(json.dumps(ENDPOINTS))
    return folder


def test_card(run):
    (run / "metrics.json").write_text(json.dumps(METRICS))
    card = runs.read_card(run)
    assert (card.name, card.task, card.data) == ("one", "multitask", "moving_digits")
    assert card.model_hash == "ba7816bf8f01"  # the SHA-256 of "abc"
    assert card.metrics.to_dict("records") == [
        {"split": "test", "examples": 8, "system": "a", "bleu4": 0.5},
        {"split": "test", "examples": 8, "system": "b", "bleu4": 0.1},
    ]


def test_files_are_read_as_the_clips_were_that_a_model_learned_from(run):
    data = Config(name="one").data
    assert runs.read_card(run).clip_size == {"num_frames": data.num_frames, "max_side": 4 * data.image_size}
    (run / "endpoints.json").write_text(json.dumps({**ENDPOINTS, "stored_frames": 32}))
    assert runs.read_card(run).clip_size == {"num_frames": 32, "max_side": 4 * data.image_size}
    for side, read in ((data.image_size, 4), (3 * data.image_size, 6), (5 * data.image_size, 5)):
        (run / "endpoints.json").write_text(json.dumps({**ENDPOINTS, "stored_frames": 32, "stored_side": side}))
        card = runs.read_card(run)
        assert card.clip_size["max_side"] == read * data.image_size  # a whole number of stored ones, for people too
        assert card.reading == f"32-{read * data.image_size}-{side}"  # the same weights may be exported again


def test_what_linear_models_count_for(run):
    assert runs.read_card(run).linear_shares == {}  # an export of an older version
    (run / "endpoints.json").write_text(json.dumps({**ENDPOINTS, "linear_shares": {"answer": 100.0}}))
    assert runs.read_card(run).linear_shares == {"answer": 100.0}


def test_the_hash_tells_what_the_same_weights_draw_with(run):
    def hash_with(**constants):
        (run / "endpoints.json").write_text(json.dumps({**ENDPOINTS, "constants": constants}))
        return runs.model_hash(run)

    assert hash_with() == "ba7816bf8f01"  # as an export of an older version, which tells none
    same = hash_with(drafts=4, guidance=3.0)
    assert hash_with(guidance=3.0, drafts=4) == same
    assert len({same, hash_with(drafts=8, guidance=3.0), hash_with(drafts=4, guidance=6.0), "ba7816bf8f01"}) == 4
    (run / "endpoints.json").write_text("[1]")
    with pytest.raises(UserError, match="endpoints.json is missing or damaged: run `vtkeras export"):
        runs.model_hash(run)


def test_card_before_evaluation(run):
    assert runs.read_card(run).metrics.empty


@pytest.mark.parametrize("text", ["", "[]", '{"test": 1}', '{"test": {"examples": 1}}', "{"])
def test_damaged_metrics(run, text):
    (run / "metrics.json").write_text(text)
    with pytest.raises(UserError, match="vtkeras evaluate"):
        runs.read_results(run)


def test_lost_weights(run):
    (run / "saved_model" / "variables" / "variables.index").unlink()
    (run / "saved_model" / "variables").rmdir()
    with pytest.raises(UserError, match="vtkeras export"):
        runs.read_card(run)


def test_exported_and_not(run, tmp_path):
    trained = tmp_path / "runs" / "two"
    for folder in (run, trained):
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "best.npz").write_bytes(b"")
    roots = [tmp_path / "runs", tmp_path / "none", tmp_path]
    assert runs.exported(roots) == [run] and runs.unexported(roots) == [trained]
    assert runs.exported([]) == []


def test_what_a_model_can_do_is_read_from_its_file(run):
    card = runs.read_card(run)
    assert [(head.title, head.endpoints) for head in card.heads] == [
        ("Captions", ("caption",)),
        ("Answers", ("answer",)),
    ]
    assert card.can("answer") and not card.can("classify") and not card.can_choose_decoding
    assert card.text_role == runs.SPEECH and card.answers == ("yes", "no")
    (run / "endpoints.json").write_text('{"heads": 1}')
    with pytest.raises(UserError, match="vtkeras export"):
        runs.read_card(run)


def test_an_export_without_that_file_is_asked_for_its_functions():
    heads, text_role = runs.read_heads(SHIPPED / "question_answering" / "sort_of_clevr")
    assert text_role == runs.QUESTION
    [answers] = [head for head in heads if "answer" in head.endpoints]
    assert {"answer", "choose", "explain_answer"} <= set(answers.endpoints)
    assert "caption" not in [endpoint for head in heads for endpoint in head.endpoints]


@pytest.mark.parametrize("name, whole", [("old-digits", True), ("partial-digits", True), (".partial-x", False)])
def test_names_of_runs_that_are_no_temporary_ones(run, tmp_path, name, whole):
    run.rename(run.with_name(name))
    assert runs.exported([tmp_path]) == ([run.with_name(name)] if whole else [])


def test_the_same_is_read_from_both(tmp_path):
    folder = SHIPPED / "multitask" / "moving_digits"
    (tmp_path / "saved_model").symlink_to(folder / "saved_model")
    functions = {one for head in runs.read_heads(tmp_path)[0] for one in head.endpoints}
    assert functions | {"novelty"} == set(saved_functions(folder / "saved_model" / "saved_model.pb"))


def test_models_that_can_be_asked_for_most_come_first(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "runs" / name / "saved_model").mkdir(parents=True)
        (tmp_path / "runs" / name / "saved_model" / "saved_model.pb").write_bytes(b"damaged")
    (tmp_path / "runs" / "b" / "endpoints.json").write_text(json.dumps({**ENDPOINTS, "heads": ENDPOINTS["heads"][:1]}))
    assert [folder.name for folder in runs.exported([tmp_path])] == ["one", "b", "a"]
