"""Every shipped config is read, fits its parts, and mistakes in one are told in one sentence."""

import subprocess
import sys

import pytest

from vtkeras.config import CONFIG_DIR, Config, load_config, parse_config, save_config, shipped_configs
from vtkeras.errors import UserError


def test_there_are_configs():
    assert {"demo", "moving_digits"} <= set(shipped_configs())


@pytest.mark.parametrize("name", shipped_configs())
def test_reads_and_round_trips(name, tmp_path):
    config = load_config(name)
    assert config.name == name and config.epochs >= 1
    save_config(config, tmp_path / "copy.yaml")
    assert load_config(str(tmp_path / "copy.yaml")) == config
    head = (CONFIG_DIR / f"{name}.yaml").read_text().split("\nname:")[0]
    assert f"vtkeras train --config {name}" in head, "a comment with the command that runs it"


@pytest.mark.parametrize("name", shipped_configs())
def test_builds_its_model(name, vocabulary):
    from vtkeras.tasks import TASKS

    config = load_config(name)
    model = TASKS[config.task].build(config, vocabulary)
    assert model.output["caption"].shape == (None, config.data.caption_length, len(vocabulary.tokens))


@pytest.mark.parametrize("name", shipped_configs())
def test_its_source_takes_its_options(name):
    from vtkeras.training.run import make_source

    config = load_config(name)
    if config.data.source == "folder":
        with pytest.raises(UserError, match="--data DIR"):
            make_source(config)
    else:
        assert make_source(config).size("train") >= config.train.batch_size


@pytest.mark.parametrize(
    "values,sentence",
    [
        ({"modell": {}}, "unknown key 'modell'; did you mean 'model'?"),
        ({"model": {"dims": 8}}, "unknown key 'model.dims'; did you mean 'dim'?"),
        ({"train": {"warmup": {"step": 8}}}, "unknown key 'train.warmup.step'; did you mean 'steps'?"),
        ({"train": {"stages": [{"epoch": 8}]}}, "'train.stages.0.epochs'"),
        ({"train": {"stages": [{"epochs": 1, "zzz": 8}]}}, "'train.stages.0.zzz'; known keys: epochs"),
        ({"data": {"zzz": 1}}, "unknown key 'data.zzz'; known keys: answer_length, caption_length, image_size"),
        ({"model": {"dim": "wide"}}, "'model.dim' = 'wide'"),
        ({"model": {"dropout": 1.0}}, "'model.dropout' = 1.0"),
        ({"model": {"dim": 30, "num_heads": 4}}, "model.dim 30 is not a multiple of model.num_heads 4"),
        ({"model": {"dim": 32, "num_heads": 4, "motion_dim": 6}}, "less model.motion_dim is 26, not a multiple"),
        ({"train": {"loss_weights": {"captoin": 1}}}, "captoin"),
        ({"train": {"precision": "float8"}}, "'train.precision' = 'float8'"),
        ({"train": None}, "'train' = None"),
    ],
)
def test_mistakes(values, sentence):
    with pytest.raises(UserError) as error:
        parse_config(values, "mine.yaml")
    assert str(error.value).startswith("mine.yaml: ") and sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_overrides():
    overrides = ["train.batch_size=16", "data.options.max_digits=2", "train.stages=[{epochs: 3}]"]
    config = load_config("demo", overrides)
    assert config.train.batch_size == 16 and config.epochs == 3
    assert config.data.options == {**load_config("demo").data.options, "max_digits": 2}
    for override, sentence in [
        ("train.batch_size", "not of the form key=value"),
        ("=3", "not of the form key=value"),
        ("train.batch_size=[", "not valid YAML"),
        ("name.x=3", "'name' holds a value"),
        ("train.batch_sizes=3", "did you mean 'batch_size'?"),
    ]:
        with pytest.raises(UserError) as error:
            load_config("demo", [override])
        assert sentence in str(error.value)


@pytest.mark.parametrize(
    "content,sentence",
    [
        (b"a: [", "not valid YAML"),
        (b"\xff\xfe\x00", "not valid YAML"),
        (b"- 1\n- 2", "not a list"),
        (b"", None),
    ],
)
def test_files(tmp_path, content, sentence):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    if sentence is None:
        assert load_config(str(path)) == Config()
    else:
        with pytest.raises(UserError, match=sentence):
            load_config(str(path))
    with pytest.raises(UserError, match="neither a file nor one of .*demo"):
        load_config(str(tmp_path / "other.yaml"))


def test_a_mistake_shows_before_tensorflow_loads():
    code = "import sys, vtkeras.config; print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_frozen():
    with pytest.raises(Exception, match="frozen"):
        load_config("demo").train.batch_size = 3
