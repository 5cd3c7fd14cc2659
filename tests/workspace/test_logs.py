import shutil

import numpy as np
import pytest
from fixtures.install import write_logs

from vtkeras.workspace import logs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    write_logs(folder / "logs")
    return folder


def test_scalars(run):
    table = logs.read_logs(run).scalars
    loss = table[(table.tag == "epoch_loss") & (table.part == "train")]
    assert list(loss.step) == [0, 1] and list(loss.value) == [2.0, 1.0]
    assert set(table.part) == {"train", "validation"} and set(table.tag) == {"epoch_loss", "batch_loss"}


def test_texts_and_the_latest_picture(run):
    read = logs.read_logs(run)
    assert list(read.texts.step) == [1, 2]
    assert logs.sample_table(read.texts.text.iloc[1]).values.tolist() == [["a *cat*", "a dog 2"]]
    step, picture = read.images["attention/caption"]
    assert step == 2 and picture.shape == (24, 32, 3)
    np.testing.assert_array_equal(picture[0, 0], [200, 0, 0])


def test_the_run_to_open_is_the_users_own_or_a_shipped_one_with_samples(run, tmp_path):
    bare, full, own = (tmp_path / name for name in ("shipped/bare", "shipped/full", "runs/own"))
    for folder in (bare, own):
        shutil.copytree(run / "logs" / "train", folder / "logs" / "train")
    shutil.copytree(run, full)
    assert logs.has_samples(full) and not logs.has_samples(bare)
    assert logs.opened_first([bare, full], tmp_path / "shipped") == full
    assert logs.opened_first([bare, full, own], tmp_path / "shipped") == own
    assert logs.opened_first([bare], tmp_path / "shipped") == bare


def test_nothing_logged(tmp_path):
    read = logs.read_logs(tmp_path)
    assert read.scalars.empty and read.texts.empty and read.images == {}
    assert list(read.scalars.columns) == ["part", "tag", "step", "value"]


def test_cut_log_gives_what_is_whole(run, tmp_path):
    [file] = (run / "logs" / "train").iterdir()
    (tmp_path / "logs" / "train").mkdir(parents=True)
    (tmp_path / "logs" / "train" / file.name).write_bytes(file.read_bytes()[:-5])
    table = logs.read_logs(tmp_path).scalars
    assert len(table) == 3  # of four


@pytest.mark.parametrize("text", ["", "plain words", "| a | b |", "| a | b |\n| --- | --- |\n| x | y | z |"])
def test_other_texts_are_no_sample_table(text):
    assert logs.sample_table(text) is None


def test_find_logs_and_their_version(run, tmp_path):
    (tmp_path / "empty" / "logs").mkdir(parents=True)
    assert logs.find_logs([run.parent, tmp_path, tmp_path / "none"]) == [run]
    count, size = logs.logs_version(run)
    assert count == 3 and size > 0 and logs.logs_version(tmp_path) == (0, 0)
