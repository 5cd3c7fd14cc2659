"""A whole plan on a few tiny clips, with a clock on which every look takes nine seconds."""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.fixtures.videos import make_folder
from tests.planning.test_clock_and_speed import survey
from vtkeras.config import load_config
from vtkeras.data.ingest import ingest
from vtkeras.encoders import FRAME_ENCODERS, FrameEncoder
from vtkeras.errors import UserError
from vtkeras.planning.candidates import (
    CANDIDATES,
    ON_THE_WAY,
    Candidate,
    Setting,
    clip_bytes,
    in_order,
    make_config,
    raced,
)
from vtkeras.planning.clock import Clock
from vtkeras.planning.contender import Contender
from vtkeras.planning.plan import Plan
from vtkeras.planning.speed import Speed
from vtkeras.planning.tried import Row, explain_figures, to_markdown
from vtkeras.run_files import PLAN_TABLE
from vtkeras.tasks import HEADS
from vtkeras.training.callbacks import LossNotFinite
from vtkeras.training.fit import train
from vtkeras.training.run import Run

TINY = {"dim": 16, "num_heads": 2, "fusion_layers": 1, "decoder_layers": 1, "temporal_encoder": "none"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eleven gray clips, each asked two questions."""
    home = tmp_path_factory.mktemp("plan")
    videos = make_folder(home / "videos", 11, frames=2)
    rows = ["path,question,answer,label,split"]
    for index in range(11):
        split = ["train", "validation", "test"][max(0, index - 8)]
        level = "dark" if index < 5 else "light"
        for question in ("is it dark?", "is it light?"):
            answer = "yes" if level in question else "no"
            rows.append(f"clip{index}.mp4,{question},{answer},{level},{split}")
    (home / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    ingest(videos, home / "captions.csv", home / "data", num_frames=2, max_side=16)
    return home / "data"


@pytest.fixture(scope="module", autouse=True)
def conv():
    """A frame encoder of one strided convolution."""

    def build(image_size, motion=True, **options):
        backbone = keras.Sequential([keras.Input((image_size, image_size, 3)), keras.layers.Conv2D(8, 8, strides=8)])
        return FrameEncoder(backbone, scale=1 / 255, motion=motion, name="frame_encoder")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FRAME_ENCODERS, "conv", build)
        patch.setattr("vtkeras.planning.plan.measure", lambda name, side: Speed(pictures=100.0, graph=1.5))
        yield


def candidate(rate):
    return Candidate(f"rate {rate}", lambda setting: {
        "data": {"image_size": 16, "cache_frames": True},
        "model": {"frame_encoder": "conv", "motion": False, **TINY},
        "train": {"learning_rate": rate},
    })  # fmt: skip


@pytest.fixture(scope="module")
def plan(data, tmp_path_factory):
    """A plan with two tiny candidates, done, and what it told."""
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vtkeras.planning.plan.in_order", lambda setting: ["fast", "slow"])
        patch.setattr("vtkeras.planning.plan.raced", lambda setting: 2)
        patch.setitem(CANDIDATES, "fast", candidate(1e-3))
        patch.setitem(CANDIDATES, "slow", candidate(1e-4))
        patch.setattr("vtkeras.planning.plan.find", lambda name: None)
        patch.setattr("vtkeras.planning.plan.slowed", lambda call: (call(), 2.0))
        clock = Clock(15, now=map(float, itertools.count(step=8)).__next__)
        made = Plan(data, tmp_path_factory.mktemp("runs") / "run", clock, lines.append, made_by="vtkeras train")
        made.run()
    made.lines = lines
    return made


@pytest.mark.whole
def test_the_plan_is_told_in_four_lines(plan):
    told = [line.split("] ")[1].split(":")[0] for line in plan.lines[:4]]
    assert told == ["data", "machine", "candidates", "time"]
    assert "all takes 2.0 times as long" in plan.lines[1] and "26 s of them for the export" in plan.lines[3]


@pytest.mark.whole
def test_what_was_tried_is_in_the_table(plan):
    table = (plan.folder / PLAN_TABLE).read_text(encoding="utf-8")
    assert table.count("dropped") == 1 and table.count("kept") == 1 and "| Answers %" in table
    assert table.endswith("\n\nMade by `vtkeras train`.\n")


@pytest.mark.whole
def test_the_run_is_the_winner_and_its_config_makes_it_again(plan, tmp_path):
    run = Run.open(plan.folder)
    again = train(load_config(str(plan.folder / "config.yaml")), tmp_path / "again", report=str)
    with np.load(plan.folder / "checkpoints" / "best.npz") as one, np.load(again / "checkpoints" / "best.npz") as two:
        assert set(one.files) == set(two.files)
        for key in one.files:
            if key != "meta":
                np.testing.assert_allclose(one[key], two[key], rtol=1e-4, atol=1e-5)
    assert run.config.epochs == sum(stage.epochs for stage in run.config.train.stages) < 1000
    assert run.config.name == plan.folder.name == "run"  # what tables and its README call it


def test_clips_without_any_for_training_are_refused_by_their_number(tmp_path):
    videos = make_folder(tmp_path / "videos", 2, frames=2)
    rows = ["path,label,split", *(f"clip{index}.mp4,dark,validation" for index in range(2))]
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    ingest(videos, tmp_path / "labels.csv", tmp_path / "data", num_frames=2, max_side=16)
    with pytest.raises(UserError, match="data has 0 clips for training, of 2 that decode: a plan needs 2 at least"):
        Plan(tmp_path / "data", tmp_path / "run", Clock(15), str)


def test_ctrl_c_before_anything_is_measured_keeps_what_there_is(data, tmp_path, monkeypatch):
    def interrupted(self, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(Contender, "advance", interrupted)
    monkeypatch.setattr("vtkeras.planning.plan.in_order", lambda setting: ["fast"])
    monkeypatch.setitem(CANDIDATES, "fast", candidate(1e-3))
    monkeypatch.setattr("vtkeras.planning.plan.find", lambda name: None)
    lines = []
    run = Run.open(Plan(data, tmp_path / "run", Clock(15), lines.append).run())
    assert any("keeping rate 0.001, which has hardly learned" in line for line in lines)
    assert run.config.epochs == 1


def test_a_winner_whose_loss_is_no_number_keeps_its_best_weights():
    def finish(*args, **options):
        raise LossNotFinite

    kept, lines = [], []
    winner = SimpleNamespace(name="small", finish=finish, keep=lambda: kept.append("best"))
    plan = SimpleNamespace(linear=None, survey=SimpleNamespace(clips={"validation": 9}), report=lines.append)
    plan._seconds, plan._augment, plan._show_views = lambda winner: 40, lambda winner: None, lambda *_: None
    plan._weigh = lambda winner: None
    Plan._finish(plan, winner)
    assert kept == ["best"] and "its best weights are kept" in lines[-1]


@pytest.mark.parametrize("left, done", [(60, ["augment", "views", "finish"]), (24, ["finish"])])
def test_clips_are_changed_only_where_time_is_left(left, done):  # 20 s are for the export, 5 to calibrate
    calls = []
    winner = SimpleNamespace(name="small", finish=lambda *args, **options: calls.append("finish"))
    winner.reading_seconds, winner.graph_seconds = 2.0, 3.0
    clock, survey = SimpleNamespace(left=lambda: left), SimpleNamespace(clips={"validation": 9})
    plan = SimpleNamespace(clock=clock, linear=None, survey=survey, report=str, _export_time=lambda winner: 20)
    plan._augment, plan._show_views = lambda winner: calls.append("augment"), lambda *_: calls.append("views")
    plan._seconds, plan._weigh = lambda winner: Plan._seconds(plan, winner), lambda winner: None
    plan._prefer_last = lambda winner: None
    Plan._finish(plan, winner)
    assert calls == done


def plan_of_100_clips(stored, speed, lines):
    """A plan whose training clips have `stored` frames, of which eight are read."""
    plan = Plan.__new__(Plan)
    plan.survey = SimpleNamespace(frames=stored, clips={"train": 100}, used=120)
    plan.setting = SimpleNamespace(frames=8, side=224, pretrained=speed > 0)
    plan.speed, plan.report = speed, lines.append
    return plan


@pytest.mark.parametrize(
    "stored, speed, seconds, shown",
    [
        (16, 100, 300, True),  # 100 clips of 8 frames of 224 pixels: 8 s, less than a tenth of 300
        (16, 100, 70, False),
        (12, 100, 300, False),  # both views would share frames
        (16, 0, 10, True),  # nothing is read through a frozen encoder
    ],
)
def test_every_other_epoch_shows_other_frames_where_these_are_cheap(stored, speed, seconds, shown):
    views, lines = [], []
    plan = plan_of_100_clips(stored, speed, lines)
    Plan._show_views(plan, SimpleNamespace(show_views=views.append), seconds)
    assert views == [2] * shown and len(lines) == shown


@pytest.mark.parametrize("stored, left, told", [(16, 300, "0.1 GB (0.2 if other frames"), (16, 70, "0.1 GB are"),
                                                (12, 300, "0.1 GB are")])  # fmt: skip
def test_the_size_of_other_frames_is_told_where_they_may_be_read(stored, left, told):
    plan = plan_of_100_clips(stored, 100, [])
    plan.folder, plan.clock = Path("run"), SimpleNamespace(left=lambda: left)
    plan._kept = lambda readings: 1e6 * readings  # 120 clips once, and 100 of training a second time
    assert plan._spell_kept().startswith(f"about {told}") and plan._spell_kept().endswith("kept in run/cache meanwhile")


def test_a_plan_tells_how_many_frames_are_stored_and_looked_at(data, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.planning.plan.find", lambda name: None)
    lines = []
    plan = Plan(data, tmp_path / "run", Clock(15), lines.append)
    plan.survey = replace(plan.survey, frames=16, side=224)
    plan.setting = replace(plan.setting, frames=8, side=64)
    plan._describe([])
    told = "\n".join(lines)
    assert "clips of up to 16 frames are stored, of 224 pixels" in told
    assert "of the up to 16 frames of a clip, models look at 8, brought to 64 pixels" in told


def test_without_room_for_other_frames_training_goes_on():
    def full(views):
        raise UserError("The disk is full.")

    lines = []
    plan = plan_of_100_clips(16, 100, lines)
    Plan._show_views(plan, SimpleNamespace(show_views=full), 300)
    assert "The disk is full. So all passes show the same frames." in lines[-1]


@pytest.mark.parametrize(
    "linear, network, changed",
    [
        ({"Captions": 0.3, "Answers": 0.5}, {"Captions": 0.1, "Answers": 0.6}, True),  # 0.7 together are less than 0.8
        ({"Captions": 0.3, "Answers": 0.5}, {"Captions": 0.2, "Answers": 0.7}, False),
        ({"Answers": 0.5}, {"Captions": 0.0, "Answers": 0.6}, False),  # what both have is compared
        ({}, {"Captions": 0.1}, False),  # no linear models
    ],
)
def test_clips_are_moved_where_linear_models_are_ahead(linear, network, changed):
    amounts, lines = [], []
    plan = SimpleNamespace(_linear_figures=lambda: linear, report=lines.append)
    Plan._augment(plan, SimpleNamespace(figures=network, augment=amounts.append))
    assert bool(amounts) == bool(lines) == changed


@pytest.mark.parametrize("names", [True, False])
def test_the_vocabulary_keeps_capitals_where_captions_have_many(data, tmp_path, monkeypatch, names):
    monkeypatch.setattr("vtkeras.planning.plan.has_names", lambda captions: names)
    monkeypatch.setattr("vtkeras.planning.plan.find", lambda name: None)
    assert Plan(data, tmp_path / "run", Clock(15), str).vocabulary.keep_case == names


@pytest.mark.parametrize("most, told", [(1e10, False), (1e6, True)])
def test_what_is_kept_of_clips_stays_within_bounds(data, tmp_path, monkeypatch, most, told):
    # 10 clips of 2 frames of 128 pixels: 2 x (4² x 1,284 + 8² x 548 + 8² x 596) numbers of 2 bytes, and 100,000 more
    assert clip_bytes(2, 128) == 475_040 and clip_bytes(0, 128) == 100_000
    monkeypatch.setattr("vtkeras.planning.plan.find", lambda name: name)
    monkeypatch.setattr("vtkeras.planning.plan.MOST_CACHE", most)
    monkeypatch.setattr("vtkeras.planning.plan.choose_reading", lambda *arguments: (2, 128))
    lines = []
    plan = Plan(data, tmp_path / "run", Clock(15), lines.append)
    assert any("GB would be kept to read all 10 training and validation clips" in line for line in lines) == told
    assert (plan.setting.share < 1) == told


def test_what_figures_are_is_told_where_they_are_no_single_one():
    told = explain_figures([HEADS["caption"], HEADS["answer"], HEADS["contrastive"]])
    assert told == (
        "on the validation split; Captions: the mean of caption exact % and CIDEr share %; Search: the mean "
        "of R@1 % and R@5 %; score: 0 for the most common text, 1 for all right, the mean of all"
    )


@pytest.mark.parametrize("seconds, told", [(900, False), (1035, False), (1100, True)])
def test_what_took_longer_than_was_given_is_told(seconds, told, data, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.planning.plan.find", lambda name: None)
    lines = []
    now = [0.0]
    plan = Plan(data, tmp_path / "run", Clock(15, now=lambda: now[0]), lines.append)
    now[0] = float(seconds)
    plan.tell_overtime()
    assert any("this took 3 min 20 s longer than the 15 min 0 s that were given" in line for line in lines) == told


def test_rows_become_a_table():
    rows = [Row("linear", {"Labels": 0.5}, None, "for comparison"), Row("small", {"Answers": 1.0}, 0.25, "kept")]
    assert to_markdown(rows).splitlines()[2:] == [
        "| linear | 50.0 | – | – | for comparison |",
        "| small | – | 100.0 | 0.250 | kept |",
    ]


@pytest.mark.parametrize("name", CANDIDATES)
@pytest.mark.parametrize("moves", [True, False])
def test_every_candidate_has_a_config_or_says_that_it_makes_no_sense(name, moves):
    told = survey(frames=16 if moves else 1, answers=3, questions=99, questions_per_clip=2.4)
    config = make_config(name, Setting(told, "data/mine", 8 if moves else 1, 96, pretrained=True))
    if config is not None:
        assert config.data.questions_per_clip == 2 and config.model.motion <= moves
        assert "label" not in config.train.loss_weights and config.train.loss_weights["answer"] == 1
        assert config.train.loss_weights["written_answer"] == 0.3


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize(
    "train, passes, first", [(499, 99.0, "frozen"), (500, 99.0, "small"), (500, 4.9, "frozen"), (500, 5.0, "small")]
)
def test_few_clips_or_few_passes_go_to_a_frozen_encoder_before_a_small_one(train, passes, first, moves):
    told = survey(clips={"train": train, "validation": 9}, motion=9.0 if moves else 0.0)
    names = in_order(Setting(told, "data/mine", 8, 96, pretrained=True, passes=passes))
    rest = [name for name in names if name not in ON_THE_WAY]
    assert rest[0] == first and (names[:2] == [*ON_THE_WAY]) == moves
    assert set(names) == {name for name in CANDIDATES if moves or name not in ("small_apart", "small_still")}
    assert in_order(Setting(told, "data/mine", 8, 96, pretrained=False))[0] == "small"


@pytest.mark.parametrize("passes, several", [(39.9, False), (40.0, True)])
def test_where_time_is_short_the_small_encoder_is_not_raced(passes, several):
    clips = {"train": 1500, "validation": 9}
    moving, still = (
        Setting(survey(clips=clips, motion=motion), "data/mine", 8, 96, True, passes=passes) for motion in (9.0, 0.0)
    )
    assert (raced(moving) > len(ON_THE_WAY)) == several and raced(still) == len(CANDIDATES)
    assert raced(replace(moving, pretrained=False)) == len(CANDIDATES)


@pytest.mark.parametrize("clips, batch", [(1, 1), (2, 2), (20, 2), (80, 10), (800, 32)])
def test_a_batch_is_an_eighth_of_the_clips_within_bounds(clips, batch):
    few = survey(clips={"train": clips, "validation": 1})
    assert make_config("small", Setting(few, "data/mine", 8, 96, pretrained=False)).train.batch_size == batch


@pytest.mark.parametrize("passes, small", [(1.0, 8), (60.0, 16), (1000.0, 32)])
def test_where_time_is_short_an_encoder_from_scratch_takes_more_and_smaller_steps(passes, small):
    setting = Setting(survey(clips={"train": 800, "validation": 1}), "data/mine", 8, 96, pretrained=True, passes=passes)
    assert make_config("small", setting).train.batch_size == small  # 800 clips 60 times are 3,000 steps of 16
    assert make_config("frozen", setting).train.batch_size == 32


@pytest.mark.parametrize("questions, scored", [(0.0, 500), (5.2, 2600), (1000.0, 20_000)])
def test_of_the_validation_split_five_hundred_clips_are_scored(questions, scored):
    asked = survey(questions=10, questions_per_clip=questions)
    assert make_config("small", Setting(asked, "data/mine", 8, 96, pretrained=False)).train.score_examples == scored


@pytest.mark.parametrize("epoch_clips, parts", [(None, 1), (800, 1), (799, 2), (100, 8), (1, 25)])
def test_epochs_of_large_data_read_parts_of_a_batch_at_least(epoch_clips, parts):
    setting = Setting(survey(), "data/mine", 8, 96, pretrained=False, epoch_clips=epoch_clips)
    assert make_config("small", setting).data.epoch_parts == parts


def test_a_folder_without_validation(tmp_path):
    videos = make_folder(tmp_path / "videos", 2, frames=1)
    table = tmp_path / "captions.csv"
    table.write_text("path,caption,split\nclip0.mp4,a,train\nclip1.mp4,b,test", encoding="utf-8")
    ingest(videos, table, tmp_path / "data", num_frames=1, max_side=16)
    with pytest.raises(UserError, match="no validation split"):
        Plan(tmp_path / "data", tmp_path / "run", Clock(1), print)
