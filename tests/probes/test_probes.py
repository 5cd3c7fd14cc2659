"""New parts, each one file and one line in a dict, through training, resuming, evaluation and export."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.contracts import test_fusions as contract
from tests.contracts import test_tasks as task_contract
from tests.probes.gated import GatedFusion
from tests.probes.words_to_pixels import TASK
from tests.test_cli import call
from vtkeras import keys
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.errors import UserError
from vtkeras.evaluation.evaluate import evaluate
from vtkeras.evaluation.tables import write_results
from vtkeras.export import export_run
from vtkeras.fusion import FUSIONS
from vtkeras.tasks import HEADS, TASKS
from vtkeras.training.fit import train
from vtkeras.training.run import Run, make_source


@pytest.fixture
def with_probes(monkeypatch):
    """The one line in a dict for each."""
    monkeypatch.setitem(TASKS, TASK.name, TASK)
    monkeypatch.setitem(FUSIONS, "gated", GatedFusion)


def walk(config, folder):
    """Trains an epoch, stops, goes on, evaluates and exports; returns the model's row and what was exported."""
    lines = []
    train(config("train.stages=[{epochs: 1}]"), folder, report=lines.append)
    train(config("train.stages=[{epochs: 2}]"), folder, resume=True, report=lines.append)
    assert any("going on after epoch 1" in line for line in lines)
    run = Run.open(folder)
    source = make_source(run.config)
    results = evaluate({"ours": run.reader()}, source, run.preprocessor, ["test"], report=lines.append)
    write_results(results, folder)
    row = results["splits"]["test"]["systems"]["ours"]
    headline = run.heads[0].headline
    assert row[headline] is not None and run.heads[0].columns[headline].title in (folder / "metrics.md").read_text()
    export_run(folder, report=lines.append)
    return row, tf.saved_model.load(str(folder / "saved_model"))


@pytest.mark.whole
@pytest.mark.usefixtures("with_probes")
def test_a_task_of_words_and_pixels(tiny_config, tmp_path):
    def config(*overrides):
        return tiny_config("task=words_to_pixels", "train.learning_rate=0.01", *overrides)

    row, model = walk(config, tmp_path / "run")
    grey = Run.open(tmp_path / "run")
    flat = evaluate({"black": _Black(grey.reader())}, make_source(grey.config), grey.preprocessor, ["test"], report=str)
    assert row["pixel_error"] < 0.8 * flat["splits"]["test"]["systems"]["black"]["pixel_error"]
    assert model.draw(tf.constant(["digit 3 is moving up and down"]))["picture"].shape == (1, 4, 4, 3)
    clip = "saved_models/multitask/moving_digits/samples/clip_00.mp4"
    with pytest.raises(UserError, match="has no words for a video: .* for draw"):
        call("predict", clip, "--model", tmp_path / "run")
    told = json.loads((tmp_path / "run" / "endpoints.json").read_text())
    assert told["heads"] == [
        {"name": "pixels", "title": "Pictures", "endpoints": [{"name": "draw", "inputs": ["text"]}]}
    ]


@pytest.mark.usefixtures("with_probes")
def test_contract_of_tasks(tiny_config, vocabulary, preprocessor, monkeypatch):
    source = MovingDigits(train_clips=8, eval_clips=4)
    examples = next(iter(make_dataset(source, keys.TRAIN, preprocessor, dict, task_contract.BATCH)))
    monkeypatch.setitem(HEADS, TASK.heads[0].name, TASK.heads[0])
    task_contract.test_trains(TASK.name, tiny_config, vocabulary, preprocessor, examples, monkeypatch)
    monkeypatch.setattr(task_contract, "TASK", TASK)
    model = TASK.build(tiny_config(), vocabulary, TASK.heads)
    task_contract.test_losses_give_one_value_an_example(tiny_config, model, preprocessor, examples, TASK.heads)


class _Black:
    """A control: the same reader, which paints everything black."""

    def __init__(self, reader):
        self.reader, self.heads, self.preprocessor = reader, reader.heads, reader.preprocessor

    def ask(self, batch):
        return tf.nest.map_structure(tf.zeros_like, self.reader.ask(batch))


@pytest.mark.usefixtures("with_probes")
def test_contract_of_fusions(tmp_path, monkeypatch):
    make = contract.make

    def opened(name, **options):
        fusion = make(name, **options)
        fusion.gate.assign([1.0, 1.0])  # closed, it reads nothing
        return fusion

    monkeypatch.setattr(contract, "make", opened)
    checks = ("shapes_and_scores", "context_mask_hides", "query_padding_changes_nothing", "nothing_to_read_is_finite")
    for check in checks:
        getattr(contract, f"test_{check}")(opened("gated"))
    contract.test_causal_means_blind_to_later_positions("gated")
    contract.test_round_trip(opened("gated"), tmp_path)
    contract.test_mixed_precision("gated", "mixed_bfloat16")


@pytest.mark.whole
@pytest.mark.usefixtures("with_probes")
def test_a_gated_fusion(tiny_config, tmp_path):
    def config(*overrides):
        return tiny_config("task=question_answering", "model.fusion=gated", *overrides)

    fusion = GatedFusion(dim=8, num_heads=2)
    query, context = np.random.default_rng(0).normal(size=(2, 2, 5, 8)).astype("float32")
    np.testing.assert_array_equal(fusion(query, context), query)  # the gate is closed at first
    row, model = walk(config, tmp_path / "run")
    assert 0 <= row["answer_accuracy"] <= 1
    run = Run.open(tmp_path / "run")
    assert all(np.any(np.array(block.gate) != 0) for block in run.model.fusion)  # and opens while it learns
    frames = np.zeros((1, 5, 32, 32, 3), "uint8")
    found = model.answer(frames, tf.constant(["how many digits are there?"]))
    expected = run.reader().answer(tf.constant(frames), tf.constant(["how many digits are there?"]))
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-5)
    clip = tmp_path / "run" / "samples" / "clip_00.mp4"
    code, output = call("predict", clip, "--model", tmp_path / "run", "--question", "how many digits are there?")
    assert code == 0 and "how many digits are there?" in output
