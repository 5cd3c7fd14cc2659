"""Every shipped config is read, fits its parts, and mistakes in one are told in one sentence."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from vtkeras.config import (
    CONFIG_DIR,
    Config,
    StageConfig,
    first_problem,
    load_config,
    parse_config,
    save_config,
    shipped_configs,
)
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.data.sources import SOURCES
from vtkeras.errors import UserError

BOMB = b"".join(b", %c: &%c [%s]" % (one, one, b", ".join([b"*%c" % (one - 1)] * 9)) for one in b"bcdefg")


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
    from vtkeras.data.events import TIME_TOKENS
    from vtkeras.tasks import task_of

    config = load_config(name)
    task = task_of(config)
    known = replace(vocabulary, tokens=(*vocabulary.tokens, *TIME_TOKENS))  # what dense captions need
    heads = task.active_heads(config, known)
    model = task.build(config, known, heads)
    assert set(model.output) == {head.name for head in heads}


def test_configs_for_own_clips_name_no_run_and_read_captions_in_their_order():
    own = [config for config in map(load_config, shipped_configs()) if config.data.source == "folder"]
    assert {config.task for config in own} == {"multitask", "text_to_video"}
    for config in own:
        assert (config.model.reranker, config.train.judge, config.train.start_from) == (None, None, None)
        assert not config.model.generator_options.get("shown_words")


def test_loss_weights_of_no_head_are_refused():
    from vtkeras.tasks import task_of

    with pytest.raises(UserError, match="no head 'captoin': use some of answer, caption, "):
        task_of(load_config("demo", ["train.loss_weights={captoin: 1}"]))


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
        ({"train": {"stages": [{"epochs": 1, "zzz": 8}]}}, "'train.stages.0.zzz'; known keys: adversarial, augment"),
        ({"data": {"zzz": 1}}, "unknown key 'data.zzz'; known keys: answer_length, augmentation, cache_frames"),
        ({"model": {"dim": "wide"}}, "'model.dim' = 'wide'"),
        ({"model": {"dropout": 1.0}}, "'model.dropout' = 1.0"),
        ({"model": {"dim": 30, "num_heads": 4}}, "model.dim 30 is not a multiple of model.num_heads 4"),
        ({"model": {"dim": 32, "num_heads": 4, "motion_dim": 6}}, "less model.motion_dim is 26, not a multiple"),
        ({"train": {"precision": "float8"}}, "'train.precision' = 'float8'"),
        ({"train": None}, "'train' = None"),
        ({"train": {"stages": []}}, "'train.stages' = []"),
        ({"train": {"seed": 2**32}}, "it must be at least 0 and at most 4,294,967,295"),
        ({"train": {"seed": 16**5000}}, "'train.seed' = a huge number"),
        ({"train": {"loss_weights": {"caption": -1}}}, "'train.loss_weights.caption' = -1"),
        ({"train": {"loss_weights": {"caption": float("inf")}}}, "'train.loss_weights.caption' = inf"),
        ({"data": {"train_clips": -5}}, "'data.train_clips' = -5 is out of range: it must be at least 1"),
        ({"task": 3}, "'task' = 3"),
        ({"model": {"text_preset": "bert"}}, "model.text_preset does nothing with model.text_encoder 'transformer'"),
        ({"model": {"frame_preset": "vit"}}, "model.frame_preset does nothing"),
    ],
)
def test_mistakes(values, sentence):
    with pytest.raises(UserError) as error:
        parse_config(values, "mine.yaml")
    assert str(error.value).startswith("mine.yaml: ") and sentence in str(error.value)
    assert "\n" not in str(error.value)


def numbers(options, *place):
    """Where every number of an option class is set, and whether it may be None."""
    for name, field in options.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        if name == "stages":
            yield from numbers(StageConfig, *place, name)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from numbers(field.annotation, *place, name)
        elif {int, float} & set(kinds):
            yield (*place, name)


@pytest.mark.parametrize("place", numbers(Config), ids=".".join)
def test_every_number_is_finite_and_bounded(place):
    for value in (float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 10**30, -(10**30)):
        values = {place[-1]: value}
        for name in reversed(place[:-1]):
            values = {name: [{"epochs": 1, **values}] if name == "stages" else values}
        with pytest.raises(UserError, match=place[-1]):
            parse_config(values)


EVERY_KIND = (
    None, True, 3, -7, 1.5, 10**30, 10**5000, float("nan"), float("inf"), "", "x", "1" * 5000, b"x", date(2024, 1, 1),
    [], ["x"], [1], [None], [[]], [{}], [{"epochs": 1}] * 1001, {}, {"x": 1}, {1: 2}, {"caption": "x"}, {"caption": []},
)  # fmt: skip


@pytest.mark.parametrize("options", [Config, CleaningOptions, *(source.Options for source in SOURCES.values())])
def test_every_mistake_is_told_in_plain_words(options):
    def with_inner(options):
        yield options
        for field in options.model_fields.values():
            for one in (field.annotation, *get_args(field.annotation)):
                if isinstance(one, type) and issubclass(one, BaseModel):
                    yield from with_inner(one)

    for inner in with_inner(options):
        for name in inner.model_fields:
            for value in EVERY_KIND:
                try:
                    inner.model_validate({name: value})
                except ValidationError as error:
                    told = first_problem(error, inner)
                    assert "another kind of value" not in told and "nput should" not in told, error
                    assert "pydantic" not in told and "\n" not in told


@pytest.mark.parametrize(
    "given,told",
    [
        (["train.batchsize=3"], "--set train.batchsize=3: unknown key 'train.batchsize'; did you mean 'batch_size'?"),
        (["model.dim=wide"], "--set model.dim=wide: 'model.dim' = 'wide' must be a whole number."),
        (["train.stages=3"], "--set train.stages=3: 'train.stages' = 3 must be a list, e.g. [one, another]."),
        (["train.stages=[{epochs: 0}]"], "--set train.stages=[{epochs: 0}]: 'train.stages.0.epochs' = 0 is out of"),
        (["no.such=1", "train.seed=1"], "--set no.such=1: unknown key 'no'; known keys"),
        (["train.seed=1", "model.dim=30"], "--set model.dim=30: model.dim 30 is not a multiple of model.num_heads"),
    ],
)
def test_a_mistake_in_an_override_names_it_and_not_the_file(given, told):
    with pytest.raises(UserError) as error:
        load_config("demo", given)
    assert str(error.value).startswith(told)


def test_a_mistake_in_the_file_names_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("train: {seed: -1}")
    with pytest.raises(UserError, match=f"^{path}: 'train.seed' = -1"):
        load_config(str(path), ["train.batch_size=3"])


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
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"- 1\n- 2", "not a list"),
        (b"", "is empty"),
        (b"a: b\0c", "not valid YAML"),
        (b"name: a\nname: b", "names the key 'name' 2 times"),
        (b"name: ../../x", "cannot be that of a folder"),
        (b"name: /x", "cannot be that of a folder"),
        (b"name: ''", "cannot be that of a folder"),
        (b"train: {batch_size: yes}", "train.batch_size: true is no number"),
        (b"data: {augmentation: {crop: -5}}", "data.augmentation.crop' = -5 is out of range: it must be at least 0"),
        (b"model: {linear_frames: 3}", "model.linear_frames does nothing without model.linear_size"),
        (b"data: &a {options: *a}", "nested deeper than 50 levels"),
        (b"data: {options: " + b"[" * 900 + b"]" * 900 + b"}", "nested deeper than 50 levels"),
        (b"data: {options: " + b"[" * 60 + b"]" * 60 + b"}", "nested deeper than 50 levels"),
        (b"data: {options: {a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]" + BOMB + b"}}", "more than 100,000 values"),
        (b"a: " + b"x" * 300_000, "is larger than"),
        (b"train: {seed: 2024-99-99}", "not valid YAML"),
        (b"data: {options: &a {max_digits: 2}}\ntrain: {stages: [{epochs: 1, options: *a}]}", None),
    ],
)
def test_files(tmp_path, content, sentence):
    """An alias may stand for a value, but neither for itself nor for a million values."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    if sentence is None:
        assert load_config(str(path)).name == "experiment"
    else:
        with pytest.raises(UserError, match=sentence):
            load_config(str(path))
    with pytest.raises(UserError, match="neither a file nor one of .*demo"):
        load_config(str(tmp_path / "other.yaml"))


def test_a_config_is_written_as_people_read_it_and_never_too_large_to_be_read(tmp_path):
    labels = load_config("demo").data.model_copy(update={"label_weights": {"кошка": 2.0}})
    config = load_config("demo").model_copy(update={"data": labels})
    save_config(config, tmp_path / "config.yaml")
    assert "кошка: 2.0" in (tmp_path / "config.yaml").read_text(encoding="utf-8")
    many = config.data.model_copy(update={"label_weights": {f"label {number:05d}": 1.0 for number in range(15_000)}})
    with pytest.raises(UserError, match="config.yaml is not written: .* shorten what is long in it"):
        save_config(config.model_copy(update={"data": many}), tmp_path / "config.yaml")
    assert load_config(str(tmp_path / "config.yaml")) == config


def test_a_mistake_shows_before_tensorflow_loads():
    code = "import sys, vtkeras.config; print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_frozen():
    with pytest.raises(Exception, match="frozen"):
        load_config("demo").train.batch_size = 3
