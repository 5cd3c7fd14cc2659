"""A run from nothing to its folder: logs, checkpoints, resuming, and what stops it."""

import json
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from fixtures.conv_encoder import conv_encoder
from fixtures.interrupts import PressedInDestructor
from fixtures.shared import made_once

from vtkeras import keys
from vtkeras.config import load_config
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.errors import UserError
from vtkeras.run_files import LINEAR_FILE
from vtkeras.tasks import TASKS
from vtkeras.training.callbacks import Progress, StopOnNaN, spell_time
from vtkeras.training.data import TrainingData, label_notes
from vtkeras.training.fit import Training, train
from vtkeras.training.prepared import PreparedSource, prepared_source
from vtkeras.training.run import Run
from vtkeras.training.state import model_variables, read_meta
from vtkeras.whole_files import TEMPORARY, locked

FAST = (
    "model.frame_encoder=conv",
    "model.fusion_layers=1",
    "model.decoder_layers=1",
    "model.temporal_encoder=none",
    "model.dropout=0.1",
    "data.num_frames=2",
    "data.shuffle_buffer=8",
    "train.warmup_steps=1",
    "train.stages=[{epochs: 2}]",
)
ONE_EPOCH = "train.stages=[{epochs: 1}]"
MAKES_VIDEO = ("task=text_to_video", "data.image_size=16", "data.num_frames=4")


@pytest.fixture(scope="module", autouse=True)
def conv():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FRAME_ENCODERS, "conv", conv_encoder)
        yield


@pytest.fixture(scope="module")
def config(tiny_config):
    return lambda *overrides: tiny_config(*FAST, *overrides)


def checkpoint(folder, name="last"):
    with np.load(folder / "checkpoints" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files if key != "meta"}


def assert_same_weights(one, other):
    left, right = checkpoint(one), checkpoint(other)
    assert left.keys() == right.keys()
    for key in left:
        np.testing.assert_allclose(left[key], right[key], rtol=1e-4, atol=1e-5, err_msg=key)


def differ(one, other):
    left, right = checkpoint(one), checkpoint(other)
    return any((left[key] != right[key]).any() for key in left)


@pytest.fixture(scope="module")
def straight(config, tmp_path_factory):
    """The run of two epochs without a break; tests leave it as it is."""

    def make(folder):
        told = []
        train(config(), folder / "run", report=told.append)
        (folder / "told.json").write_text(json.dumps(told))

    return made_once(tmp_path_factory, "straight", make) / "run"


@pytest.fixture(scope="module")
def lines(straight):
    """What was told as that run was made."""
    return json.loads((straight.parent / "told.json").read_text())


def test_enlarged_frames_are_told(config, tmp_path, straight, lines):
    told = []
    Training(config("data.image_size=96", "task=classification"), tmp_path / "run", told.append).begin()
    assert any("frames of 64 pixels are enlarged to data.image_size 96" in line for line in told)
    assert not any("enlarged" in line for line in lines)  # 32 pixels of 64


@pytest.mark.parametrize("frames, told", [(16, True), (8, False)])  # of the 16 of a clip
def test_other_frames_of_clips_that_have_none_are_told(config, tmp_path, frames, told):
    lines = []
    options = (f"data.num_frames={frames}", "train.stages=[{epochs: 1, views: 2}]", "task=classification")
    Training(config(*options), tmp_path / "run", lines.append).begin()
    assert any(f"views: 2 does nothing, as all frames of a clip are among the data.num_frames {frames}" in line
               for line in lines) == told  # fmt: skip


def test_configs_that_hardly_fit_the_labels_are_told(config, vocabulary, lines):
    def told(labels, *overrides):
        chosen = config("data.path=clips", *overrides)
        heads = TASKS[chosen.task].active_heads(chosen, vocabulary)
        asked = {("a.mp4", "q"): labels[0], ("b.mp4", ""): labels[1], ("c.mp4", ""): ""}
        notes = label_notes(chosen, heads, SimpleNamespace(column=lambda split, name: asked))
        return [key for note in notes for key in (text, single) if key in note]

    text, single = "model.label_from_text", "model.single_label"
    assert told(["cat", "dog"]) == [text, single] and told(["cat|pet", "dog"]) == told(["cat", "cat"]) == [text]
    assert told(["cat", "dog"], "model.label_from_text=false", "model.single_label=true") == []
    assert told(["cat", "dog"], "task=classification") == [single]  # as of statements: nothing is answered
    assert told(["cat", "dog"], "task=captioning") == []
    assert not [line for line in lines if text in line or single in line]  # of data that are made


def stopped_after_an_epoch(config, folder):
    """Begins a run and presses Ctrl-C in its first epoch, in a destructor, as TensorFlow's objects have them."""

    def report(line):
        if "end of epoch 1" in line:
            PressedInDestructor()

    with pytest.raises(KeyboardInterrupt):
        train(config, folder, report=report)
    return folder


@pytest.fixture(scope="module")
def broken(config, tmp_path_factory):
    """The same run, stopped after its first epoch; tests leave it as it is."""
    return stopped_after_an_epoch(config(), tmp_path_factory.mktemp("broken") / "run")


@pytest.fixture
def broken_again(broken, tmp_path):
    """A copy of `broken`, to be resumed."""
    shutil.copytree(broken, tmp_path / "broken")
    return tmp_path / "broken"


def test_what_a_run_leaves(straight, config):
    assert load_config(str(straight / "config.yaml")) == config()
    vocabulary = json.loads((straight / "vocabulary.json").read_text())
    assert set(vocabulary) == {"tokens", "answers", "labels", "keep_case", "words"}
    assert read_meta(straight / "checkpoints" / "last.npz")["epoch"] == 2
    assert {path.parent.name for path in straight.glob("logs/**/events*")} == {"train", "validation", "samples"}
    assert not list(straight.rglob(f"{TEMPORARY}*"))


def test_progress_is_told(lines, straight):
    assert "2 epochs" in lines[0] and "heads caption, answer, label, contrastive" in lines[0]
    assert [line.split(",")[0] for line in lines if "end of epoch" in line] == [
        "tiny: end of epoch 1",
        "tiny: end of epoch 2",
    ]
    assert any(line.startswith("tiny: step 4/4 (100 %)") and " left, " in line for line in lines)


def test_samples_are_in_the_logs(straight):
    from tensorflow.python.summary.summary_iterator import summary_iterator

    (path,) = (straight / "logs" / "samples").glob("events*")
    found = {value.tag for event in summary_iterator(str(path)) for value in event.summary.value}
    assert found == {"samples/captions", "samples/answers", "attention/caption"}


def test_best_is_the_lowest_validation_loss(straight):
    best, last = (read_meta(straight / "checkpoints" / f"{name}.npz") for name in ("best", "last"))
    assert best["best"] == last["best"] and np.isfinite(best["best"]) and best["epoch"] in (1, 2)


def test_run_opens_with_the_best_weights(straight):
    run = Run.open(straight)
    stored, variables = checkpoint(straight, "best"), model_variables(run.model)
    assert stored.keys() == variables.keys()
    for key, variable in variables.items():
        np.testing.assert_array_equal(variable, stored[key])
    frames = np.zeros((1, 2, 32, 32, 3), "uint8")
    assert run.reader().caption(frames)["caption"].shape == (1,)
    assert tuple(head.name for head in run.heads) == ("caption", "answer", "label", "contrastive")


@pytest.mark.whole
def test_what_may_change_on_resume(config, broken_again):
    # As the message about a loss that is not finite advises: slower, and here longer.
    lines = []
    slower = config(
        "train.learning_rate=0.0001",
        "train.stages=[{epochs: 1}, {epochs: 1, learning_rate: 0.00001}, {epochs: 1}]",
    )
    train(slower, broken_again, resume=True, report=lines.append)
    assert any("going on after epoch 1" in line for line in lines)
    assert read_meta(broken_again / "checkpoints" / "last.npz")["epoch"] == 3
    assert load_config(str(broken_again / "config.yaml")) == slower


@pytest.mark.whole
def test_resumed_equals_straight(broken_again, straight, config):
    # Dropout's seeds, the optimizer, the schedule and the order of the clips all go on where they were.
    assert read_meta(broken_again / "checkpoints" / "last.npz")["epoch"] == 1
    assert differ(broken_again, straight)
    found = []
    train(config(), broken_again, resume=True, report=found.append)
    assert any("going on after epoch 1" in line for line in found)
    assert_same_weights(broken_again, straight)
    one, other = (read_meta(folder / "checkpoints" / "last.npz") for folder in (broken_again, straight))
    assert one == {**other, "best": pytest.approx(other["best"], rel=1e-4)}


@pytest.mark.whole
@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_that_was_stopped_while_it_was_measured(straight, config, tmp_path, monkeypatch, epoch):
    """Ctrl-C in the validation of the first epoch, or of the last, does not lose what was learned."""

    def pressed(progress, logs=None):
        if progress.epoch == epoch:
            PressedInDestructor()

    monkeypatch.setattr(Progress, "on_test_begin", pressed, raising=False)
    with pytest.raises(KeyboardInterrupt):
        train(config(), tmp_path / "run", report=str)
    monkeypatch.undo()
    begun = read_meta(tmp_path / "run" / "checkpoints" / "last.npz")
    assert begun["epoch"] == epoch + 1 and not begun["measured"]
    assert (tmp_path / "run" / "checkpoints" / "best.npz").exists() is (epoch > 0)
    lines = []
    train(config(), tmp_path / "run", resume=True, report=lines.append)
    assert [line.split(",")[0] for line in lines if "end of epoch" in line] == [
        f"tiny: end of epoch {number + 1}" for number in range(epoch, 2)
    ]
    assert_same_weights(tmp_path / "run", straight)
    for name in ("best.npz", "last.npz"):
        one, other = (read_meta(folder / "checkpoints" / name) for folder in (tmp_path / "run", straight))
        assert one == {**other, "best": pytest.approx(other["best"], rel=1e-4)} and one["measured"]


def test_folder_that_holds_a_run(straight, config):
    before = checkpoint(straight)
    with pytest.raises(UserError, match="already holds a run: add --resume"):
        train(config(), straight)
    for key, array in checkpoint(straight).items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize(
    "override,key",
    [
        ("train.seed=1", "train.seed"),
        ("model.dim=32", "model.dim"),
        ("data.num_frames=3", "data.num_frames"),
        ("task=captioning", "task"),
        ("train.stages=[{epochs: 1, motion_dropout: 1.0}, {epochs: 9}]", "train.stages"),
    ],
)
def test_resume_with_another_config(straight, config, override, key):
    with pytest.raises(UserError, match=rf"last.npz belongs to another config \({key} differs\)"):
        train(config(override), straight, resume=True)


def test_resume_of_nothing_and_of_what_is_finished(straight, config, tmp_path):
    with pytest.raises(UserError, match="There is no checkpoint .*last.npz"):
        train(config(), tmp_path, resume=True)
    with pytest.raises(UserError, match="finished its 2 epochs"):
        train(config(), straight, resume=True)


@pytest.mark.whole
def test_resume_of_a_run_that_was_stopped_while_linear_models_were_fitted(config, tmp_path, monkeypatch):
    def stopped(*args):
        raise KeyboardInterrupt

    def kept(trainer, folder, linear, *args):
        (folder / LINEAR_FILE).write_text(linear)

    chosen = config(ONE_EPOCH, "task=classification", "model.linear_size=32")
    monkeypatch.setattr("vtkeras.training.fit.fit_linear", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(chosen, tmp_path, report=str)
    before = checkpoint(tmp_path)
    monkeypatch.setattr("vtkeras.training.fit.fit_linear", lambda *args: "fitted")
    monkeypatch.setattr("vtkeras.training.fit.add_experts", kept)
    train(chosen, tmp_path, resume=True, report=str)
    assert (tmp_path / LINEAR_FILE).read_text() == "fitted"
    assert all((array == before[key]).all() for key, array in checkpoint(tmp_path).items())
    with pytest.raises(UserError, match="finished its 1 epochs"):
        train(chosen, tmp_path, resume=True)


def test_two_trainings_of_one_folder(config, tmp_path):
    with locked(tmp_path, "Another training"):
        with pytest.raises(UserError, match="Another training is writing to .*: wait for its end"):
            train(config(), tmp_path, report=str)
    assert list(tmp_path.iterdir()) == []


def test_damaged_checkpoint(straight, config, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    data = (straight / "checkpoints" / "last.npz").read_bytes()
    (tmp_path / "checkpoints" / "last.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="last.npz is damaged"):
        train(config(), tmp_path, resume=True)


@pytest.mark.whole
def test_loss_that_is_not_finite(config, tmp_path):
    begun = config("train.warmup_steps=0")
    wild = begun.model_copy(update={"train": begun.train.model_copy(update={"learning_rate": 1e30})})
    with pytest.raises(UserError, match=r"The loss became (nan|inf) in batch \d of epoch 1") as error:
        train(wild, tmp_path / "run", report=str)
    assert "--resume" in str(error.value) and "train.learning_rate" in str(error.value)
    kept = checkpoint(tmp_path / "run")
    assert read_meta(tmp_path / "run" / "checkpoints" / "last.npz")["epoch"] == 0
    assert all(np.isfinite(array).all() for array in kept.values())


@pytest.mark.whole
def test_warm_up_one_head_and_float16(config, tmp_path, float32_after):
    # A task of one head trains although the model has four outputs.
    lines = []
    overrides = ["task=question_answering", "train.precision=mixed_float16", ONE_EPOCH]
    folder = train(
        config(*overrides, "train.warmup={steps: 3, batch_size: 4}"), tmp_path / "run", report=lines.append
    )
    assert any(line.startswith("tiny warm-up: step 3/3 (100 %)") for line in lines)
    assert np.isfinite(read_meta(folder / "checkpoints" / "last.npz")["best"])
    keras.mixed_precision.set_global_policy("float32")
    run = Run.open(folder)
    assert tuple(head.name for head in run.heads) == ("answer",) and run.model.compute_dtype == "float32"


FROZEN = ("model.frame_trainable=false", "model.dropout=0", ONE_EPOCH)


def counted(dataset, drawn):
    """The same examples; an entry in `drawn` for each that is read."""

    def one(example):
        tf.py_function(lambda: drawn.append(1), [], [])
        return example

    return dataset.map(one)


@pytest.mark.whole
def test_cached_features(config, tmp_path, monkeypatch):
    # The clips of each split are drawn once, however many epochs follow.
    drawn, clip = [], MovingDigits.load
    monkeypatch.setattr(MovingDigits, "load", lambda self, split, epoch=0: counted(clip(self, split, epoch), drawn))
    lines = []
    monkeypatch.setattr("vtkeras.training.fit.calibrate_classes", lambda *_: None)  # by which the loss is another
    chosen = config(*FROZEN, "model.cache_features=true", "train.stages=[{epochs: 3}]")
    folder = train(chosen, tmp_path / "run", report=lines.append)
    assert len(drawn) == 16 + 8 + 1  # and one beforehand, whose size is compared
    # What training saw as features is what the opened model, which takes frames, makes of the frames.
    files = sorted(path.name.split("-")[0] for path in (folder / "features").iterdir())
    assert files == ["train", "validation"]
    run = Run.open(folder)
    config, task = run.config, run.task
    run.model.compile(loss=task.losses(config, run.heads), loss_weights=task.loss_weights(config, run.heads))
    batches = TrainingData.read(config, task).validation(
        lambda examples: task.preprocess(examples, run.preprocessor, run.heads)
    )
    loss = run.model.evaluate(batches, verbose=0, return_dict=True)["loss"]
    ends = [line for line in lines if "end of epoch" in line]
    best = ends[read_meta(folder / "checkpoints" / "best.npz")["epoch"] - 1]
    assert loss == pytest.approx(float(best.split(" loss ")[1].split()[0]), rel=2e-3)  # features are kept as float16


@pytest.mark.parametrize("limit, times", [(98_304, 1), (98_303, 2)])
def test_validation_batches_that_take_too_much_memory_are_read_anew(config, monkeypatch, limit, times):
    drawn, clip = [], MovingDigits.load
    monkeypatch.setattr(MovingDigits, "load", lambda self, split, epoch=0: counted(clip(self, split, epoch), drawn))
    monkeypatch.setattr("vtkeras.training.data.MOST_KEPT", limit)
    data = TrainingData.read(config("data.num_frames=4"), TASKS["multitask"])
    batches = data.validation(lambda examples: (examples[keys.FRAMES],))  # 8 clips of 4 x 32 x 32 x 3 bytes
    for _ in range(2):
        assert [len(frames) for (frames,) in batches] == [8]
    assert len(drawn) == 8 * times


def test_a_part_of_the_validation_batches(config):
    data = TrainingData.read(config("train.batch_size=3"), TASKS["multitask"])
    assert [len(data.validation(dict, most=most)) for most in (None, 2, 5)] == [3, 2, 3]  # 8 clips
    assert len(data.validation(dict, replicas=3)) == 2


def test_an_interruption_is_heard_while_clips_are_prepared(config, tmp_path):
    chosen = config()
    data = TrainingData.read(chosen, TASKS["multitask"])
    source = PreparedSource(data.source, data.preprocessor, tmp_path, report=lambda line: PressedInDestructor())
    with pytest.raises(KeyboardInterrupt):
        source.stored("validation")
    assert len(list(tmp_path.iterdir())) == 1  # it came with the last clip, and what is whole stays


@pytest.mark.parametrize(
    "overrides,sentence",
    [
        (["model.cache_features=true"], "model.frame_trainable to false"),
        (
            [*FROZEN, "model.cache_features=true", "train.stages=[{epochs: 1, options: {max_digits: 1}}]"],
            "leave options out of train.stages",
        ),
        (["train.stages=[{epochs: 1, options: {train_clips: 99}}]"], "make 99 training clips of 16"),
        (["train.batch_size=17"], "16 examples, fewer than train.batch_size 17"),
        (["data.options.wings=2"], "unknown key 'data.options.wings'; did you mean 'wordings'"),
        (["data.source=folder"], "--data DIR"),
        (["task=retrieval", "train.stages=[{epochs: 1, self_critical: 1}]"], "self_critical learns captions"),
        (["train.start_parts=[decoder]"], "needs train.start_from"),
        (["train.start_from=nothing"], "nothing is not a run"),
        (["train.judge=nothing"], "nothing is not a run"),
        (["data.source=attic"], "data.source 'attic' is unknown"),
        (["task=gardening"], "task 'gardening' is unknown"),
        (["task=retrieval", "train.loss_weights={caption: 1.0}"], "Task 'retrieval' has nothing to train"),
        (["model.generator=adversarial"], "model.generator does nothing for the task"),
        (["model.generator_options={steps: 3}"], "model.generator_options does nothing for the task"),
        (["data.window_seconds=3"], "data.window_seconds does nothing for the task"),
        (["train.adversarial.weight=2"], "train.adversarial does nothing for the task"),
        (["train.stages=[{epochs: 1, adversarial: 0.5}]"], "train.stages.adversarial does nothing for the task"),
        ([*MAKES_VIDEO, "train.adversarial.weight=2"], "train.adversarial.weight does nothing without discriminators"),
        ([*MAKES_VIDEO, "train.stages=[{epochs: 1, adversarial: 0.5}]"], "adversarial does nothing without"),
        (["data.label_weights={unicorn: 2}"], "data.label_weights names 'unicorn', which no training clip has"),
        ([*MAKES_VIDEO, "model.linear_size=64"], "model.linear_size does nothing for the task 'text_to_video'"),
        ([*MAKES_VIDEO, "train.precision=mixed_bfloat16"], "mixed_bfloat16 is too narrow for the flow: use float32"),
        ([*FROZEN, "train.warmup.steps=1"], "train.warmup would change nothing"),
        (["task=captioning", "data.statements=1"], "data.statements does nothing for the task 'captioning'"),
        (["task=retrieval", "data.answer_length=4"], "data.answer_length does nothing for the task 'retrieval'"),
        ([*MAKES_VIDEO, "data.statements=1"], "data.statements does nothing for the task 'text_to_video'"),
        (["data.statements=1", "train.loss_weights={caption: 1.0}"], "add `statement: 1` to train.loss_weights"),
        (["data.answer_length=4", "train.loss_weights={answer: 1.0}"], "add `written_answer: 1` to train.loss_weights"),
        ([*MAKES_VIDEO, "train.warmup.steps=1"], "train.warmup.steps does nothing for the task"),
        ([*MAKES_VIDEO, *FROZEN, "model.cache_features=true"], "model.cache_features does nothing for the task"),
        (
            [*MAKES_VIDEO, "train.stages=[{epochs: 1, motion_dropout: 0.5}]"],
            "train.stages.motion_dropout does nothing for the task",
        ),
    ],
)
def test_configs_that_do_not_fit(config, tmp_path, overrides, sentence):
    with pytest.raises(UserError, match=sentence):
        train(config(*overrides), tmp_path / "run", report=str)


def by_reward(config, *overrides):
    """Three wordings a clip, one epoch word by word and one by reward."""
    options = "data.options={max_digits: 1, train_clips: 16, eval_clips: 8, wordings: true}"
    stages = "train.stages=[{epochs: 1}, {epochs: 1, self_critical: 1.0, learning_rate: 0.0001}]"
    return config("task=captioning", options, stages, *overrides)


@pytest.mark.slow
def test_a_stage_by_reward(config, tmp_path):
    lines = []
    folder = train(by_reward(config), tmp_path / "run", report=lines.append)
    ends = [line for line in lines if "end of epoch" in line]
    assert len(ends) == 2 and all("cider" in line for line in ends)
    assert any("step 4/4" in line and "sampled_cider" in line for line in lines)
    # The best is the last epoch of the highest CIDEr, kept as its negative: the lowest figure wins.
    earned = [float(line.split("cider ")[1].split()[0]) for line in ends]
    best = read_meta(folder / "checkpoints" / "best.npz")
    assert -best["best"] == pytest.approx(max(earned), abs=1e-3)
    assert best["epoch"] == max(epoch for epoch, cider in enumerate(earned, start=1) if cider == max(earned))


@pytest.mark.slow
def test_a_stage_by_reward_resumes_where_it_was(config, tmp_path):
    # What is drawn depends on the seed and the step alone.
    chosen = by_reward(config)
    straight = train(chosen, tmp_path / "straight", report=str)
    broken = stopped_after_an_epoch(chosen, tmp_path / "broken")
    assert differ(broken, straight)
    train(chosen, broken, resume=True, report=str)
    assert_same_weights(broken, straight)


def test_nothing_asks_for_prepared_clips(config):
    assert prepared_source(None, None, None, config(), None, str) is None


def test_prepared_clips_are_others_when_the_data_are(config, tmp_path):
    data = TrainingData.read(config(), TASKS["multitask"])
    whole = PreparedSource(data.source, data.preprocessor, tmp_path)
    data.source.left_out = "('a',)"
    less = PreparedSource(data.source, data.preprocessor, tmp_path)
    data.source.content = "other texts at the same place"
    other = PreparedSource(data.source, data.preprocessor, tmp_path)
    assert len({whole.name, less.name, other.name}) == 3


@pytest.mark.whole
def test_prepared_frames_are_what_training_would_decode(broken, config, tmp_path):
    assert_same_weights(broken, stopped_after_an_epoch(config("data.cache_frames=true"), tmp_path / "cached"))


@pytest.mark.parametrize("missing", ["config.yaml", "vocabulary.json", "checkpoints/best.npz"])
def test_incomplete_run(straight, tmp_path, missing):
    shutil.copytree(straight, tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    with pytest.raises(UserError, match=str(tmp_path / "run")):
        Run.open(tmp_path / "run")


def test_a_run_that_was_moved_reads_its_own_clips(straight, tmp_path, monkeypatch):
    shutil.copytree(straight, tmp_path / "mine")
    values = yaml.safe_load((tmp_path / "mine" / "config.yaml").read_text())
    values["data"] |= {"source": "folder", "path": "runs/mine/data"}
    (tmp_path / "mine" / "config.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    assert Run.open("mine").config.data.path == "runs/mine/data"  # so that the message names it
    for folder in ("mine/data", "runs/mine/data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "mine" / "data" / "manifest.json").touch()
    assert Run.open("mine").config.data.path == "mine/data"
    (tmp_path / "runs" / "mine" / "data" / "manifest.json").touch()
    assert Run.open("mine").config.data.path == "mine/data"  # the other is that of another run by now


def test_run_of_another_model(straight, tmp_path):
    shutil.copytree(straight, tmp_path / "run")
    values = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    values["model"]["dim"] = 32
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match="best.npz is of another model: its .* is float32"):
        Run.open(tmp_path / "run")


def test_watch_for_nan():
    watch = StopOnNaN()
    watch.on_epoch_begin(3)
    watch.on_train_batch_end(0, {"loss": 1.0})
    for loss in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="batch 7 of epoch 4"):
            watch.on_train_batch_end(7, {"loss": loss})


def test_progress_line():
    # 10 steps in 5 seconds are 2 a second, 8 clips of 4 each second; 30 steps are left: 15 s.
    line = Progress("demo", 40, 20, 4)
    line.step = 10
    assert line._line(2.0, {"loss": 1.23456}) == "demo: step 10/40 (25 %), 8 clips/s, 15 s left, loss 1.235"


@pytest.mark.parametrize(
    "seconds,words", [(0.4, "0 s"), (59.6, "1 min 0 s"), (130, "2 min 10 s"), (7260, "2 h 1 min")]
)
def test_spell_time(seconds, words):
    assert spell_time(seconds) == words
