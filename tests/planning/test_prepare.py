"""From a user's folder to stored clips."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.fixtures.videos import make_captions, make_folder
from vtkeras.data.captions import read_captions
from vtkeras.data.decoder import DecoderPool
from vtkeras.data.manifest import Manifest
from vtkeras.data.table_files import find_table
from vtkeras.errors import UserError
from vtkeras.planning.clock import Clock
from vtkeras.planning.folder_tables import table_from_folders, table_of
from vtkeras.planning.prepare import _Storing, clips_per_second, ingested_folder, subsample, with_validation
from vtkeras.run_files import MANIFEST


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("mine") / "videos", 6)
    make_captions(folder / "captions.csv", 6)
    return folder


def test_a_folder_with_its_table_is_stored_once(videos, tmp_path):
    lines = []
    stored = ingested_folder(videos, None, tmp_path, Clock(20), lines.append)
    manifest = Manifest.load(stored)
    assert sum(map(manifest.clips, manifest.splits)) == 6 and stored == tmp_path / "data"
    assert "captions.csv" in lines[0]
    assert ingested_folder(stored, None, tmp_path / "other", Clock(20), lines.append) == stored


@pytest.mark.parametrize("fewest, taken", [(20, 6), (1, 3)])
def test_clips_that_time_does_not_allow_are_left_out_and_told(videos, tmp_path, monkeypatch, fewest, taken):
    monkeypatch.setattr("vtkeras.planning.prepare.FEWEST", fewest)
    monkeypatch.setattr("vtkeras.planning.prepare.FEWEST_OTHERS", fewest)
    lines = []
    time = iter(range(10**6))
    clock = Clock(1 / 60, now=lambda: next(time))  # a second, which is over when it is asked
    stored = ingested_folder(videos, None, tmp_path, clock, lines.append)
    manifest = Manifest.load(stored)
    assert sum(map(manifest.clips, manifest.splits)) == taken  # at least so many of each of three splits
    assert any("3 of them are taken, which takes about" in line for line in lines) == (taken == 3)
    (stored / MANIFEST).unlink()  # as if it had been stopped; the second time there is more time
    ingested_folder(videos, None, tmp_path, Clock(20), lines.append)
    assert Manifest.load(stored).shards == manifest.shards


@pytest.mark.parametrize("broken", [1, 3])
def test_files_that_do_not_decode_are_named_up_to_a_number(broken, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.planning.prepare.MOST_TOLD", 2)
    folder = make_folder(tmp_path / "videos", 10)
    make_captions(folder / "captions.csv", 10)
    names = sorted(file.name for file in folder.glob("*.mp4"))[:broken]
    for name in names:
        (folder / name).write_bytes(b"no video")
    lines = []
    ingested_folder(folder, None, tmp_path / "run", Clock(20), lines.append)
    (told,) = [place for place, line in enumerate(lines) if "set aside" in line]
    assert lines[told].startswith(f"set aside because they do not decode: {broken}{', for instance' * (broken > 2)}:")
    named = {line.split()[0] for line in lines[told + 1 :]}
    assert named <= {*names} and len(named) == min(broken, 2)


@pytest.mark.parametrize("content", ['{"name": "an app", "version": 3}', "[1]", "no JSON"])
def test_a_manifest_of_something_else_is_passed_over(videos, tmp_path, content):
    folder = shutil.copytree(videos, tmp_path / "videos")
    (folder / MANIFEST).write_text(content)
    assert ingested_folder(folder, None, tmp_path / "run", Clock(20), str) == tmp_path / "run" / "data"
    assert find_table(folder).name == "captions.csv"
    (folder / "captions.csv").unlink()
    assert find_table(folder) is None


def test_clips_that_are_not_whole_are_told_of(tmp_path):
    folder = make_folder(tmp_path / "videos", 6)
    make_captions(folder / "captions.csv", 6)
    lines = []
    storing = _Storing(folder, folder / "captions.csv", tmp_path / "data", Clock(20), lines.append)
    partial = [("a.mp4", "a.mp4 is cut short: its end is missing."), ("b.mp4", "b.mp4 is damaged")]
    storing._store = lambda note: SimpleNamespace(partial=partial, splits=["train", "validation"])
    storing.run()
    assert lines == [
        "clips of which a part is missing or damaged, and the rest is taken: 2; a.mp4 is cut short: its end is missing."
    ]


def test_decoding_that_takes_much_longer_than_was_foreseen_is_told_once(videos, tmp_path, monkeypatch):
    monkeypatch.setattr("vtkeras.planning.prepare.clips_per_second", lambda folder, rows: 0.1 * len(rows))  # in 10 s
    time, lines = [0.0], []
    storing = _Storing(videos, videos / "captions.csv", tmp_path, Clock(20, now=lambda: time[0]), lines.append)
    assert len(storing._in_time(read_captions(videos / "captions.csv", videos))) == 6
    for time[0] in (30.0, 31.0, 32.0):  # twice as long, and ten seconds
        storing._progress(1, 6, "")
    assert sum("takes more than 2 times as long as was foreseen" in line for line in lines) == 1
    time[0] = 40.0
    storing.until = 30.0
    storing._progress(6, 6, "")
    assert sum("was foreseen" in line for line in lines) == 1  # all is done


def test_which_table(tmp_path):
    assert find_table(tmp_path) is None
    (tmp_path / "notes.csv").touch()
    assert find_table(tmp_path).name == "notes.csv"
    (tmp_path / "other.json").touch()
    with pytest.raises(UserError, match="notes.csv, other.json: name the one to take with --captions"):
        find_table(tmp_path)  # neither describes clips
    (tmp_path / "notes.csv").write_text("path,caption\na.mp4,a cat\n")
    assert find_table(tmp_path).name == "notes.csv"
    (tmp_path / "Captions.csv").touch()
    assert find_table(tmp_path).name == "Captions.csv"


def test_files_that_are_no_tables_of_clips_are_passed_over(tmp_path):
    for number in range(12):
        (tmp_path / f"film {number}.mp4").touch()
        (tmp_path / f"film {number}.info.json").write_text('[{"path": "a.mp4", "caption": "a cat"}]')
    (tmp_path / "._clips.csv").write_bytes(b"\0\5\x16\7")
    (tmp_path / "clips.xlsx").write_bytes(b"PK\3\4")
    assert find_table(tmp_path).name == "clips.xlsx"  # to be told that it must be saved as CSV
    (tmp_path / "clips.csv").write_text("path,caption\nfilm 1.mp4,a cat\n")
    assert find_table(tmp_path).name == "clips.csv"


def test_of_many_tables_some_are_named(tmp_path):
    for number in range(12):
        (tmp_path / f"part{number:02d}.csv").write_text("path,caption\na.mp4,a cat\n")
    with pytest.raises(UserError, match=r"part08.csv, part09.csv and 2 more: name .* with a column `split`"):
        find_table(tmp_path)


def test_without_a_table_subfolders_are_labels(tmp_path):
    for name in ("cats", "dogs"):
        make_folder(tmp_path / "mine" / name, 3)
    ingested_folder(tmp_path / "mine", None, tmp_path / "run", Clock(20), str)
    rows = read_captions(tmp_path / "run" / "labels.csv", tmp_path / "mine")
    told = sorted((row.path, *row.labels) for row in rows)
    assert told[2:4] == [("cats/clip2.mp4", "cats"), ("dogs/clip0.mp4", "dogs")]
    with pytest.raises(UserError, match="two and more subfolders of clips, one for each label, and has neither"):
        ingested_folder(tmp_path / "mine" / "cats", None, tmp_path / "other", Clock(20), str)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def labels(folder, out, lines=None):
    """Rows of the table that is made of a folder without one."""
    table = table_from_folders(folder, out, [].append if lines is None else lines.append)
    return table and table.read_text(encoding="utf-8").split()[1:]


def test_hidden_folders_and_runs_are_no_labels(tmp_path):
    clips = tmp_path / "clips"
    touch(clips, "config.yaml", "cats/a.mp4", ".trash/b.mp4", "runs/clips/config.yaml", "runs/clips/samples/0.mp4")
    assert labels(clips, tmp_path) is None
    touch(clips, "dogs/c.mp4")
    assert labels(clips, tmp_path) == ["cats/a.mp4,cats", "dogs/c.mp4,dogs"]


def test_folders_of_splits_hold_those_of_labels(tmp_path):
    lines, clips = [], tmp_path / "clips"
    touch(clips, "Train/cats/a.mp4", "Train/dogs/b.mp4", "valid/cats/c.mp4", "test/dogs/old/d.mp4", "loose.mp4")
    assert labels(clips, tmp_path, lines) == [
        "Train/cats/a.mp4,cats,Train", "Train/dogs/b.mp4,dogs,Train", "test/dogs/old/d.mp4,old,test",
        "valid/cats/c.mp4,cats,valid",
    ]  # fmt: skip
    assert lines == [
        "the folders Train, test, valid are taken as splits, those within them as labels",
        "left out because they lie in no label's folder of a split: 1, the first is loose.mp4",
        "labels by the folders of the clips: cats, dogs, old",
    ]
    rows = read_captions(tmp_path / "labels.csv", clips)
    assert sorted(row.split for row in rows) == ["test", "train", "train", "validation"]


@pytest.mark.parametrize("names, told", [
    (["train/a.mp4", "test/cats/b.mp4"], True),  # no folder of a label in training
    (["train/cats/a.mp4", "more/dogs/b.mp4"], False),  # a folder of another name, and one alone of a split
    (["test/cats/a.mp4", "val/dogs/b.mp4"], True),  # nothing to train on
])  # fmt: skip
def test_other_folders_are_no_splits(tmp_path, names, told):
    touch(tmp_path, *names)
    lines = []
    assert all(row.count(",") == 1 for row in labels(tmp_path, tmp_path, lines))
    assert lines[-1].startswith("labels by the folders of the clips: ")
    assert [" are not taken as splits: " in line for line in lines[:-1]] == [True] * told


@pytest.mark.parametrize("stray", ["train/contact_sheet.png", "extras/x/y.mp4", "test/d.mp4"])
def test_clips_that_lie_elsewhere_leave_splits_as_they_are(tmp_path, stray):
    touch(tmp_path, "train/cats/a.mp4", "train/dogs/b.mp4", "test/cats/c.mp4", stray)
    lines = []
    rows = ["test/cats/c.mp4,cats,test", "train/cats/a.mp4,cats,train", "train/dogs/b.mp4,dogs,train"]
    assert labels(tmp_path, tmp_path, lines) == rows
    assert lines[:2] == [
        "the folders test, train are taken as splits, those within them as labels",
        f"left out because they lie in no label's folder of a split: 1, the first is {stray}",
    ]


def test_clips_beside_the_folders_of_labels_are_told(tmp_path):
    touch(tmp_path, "cats/a.mp4", "dogs/b.mp4", "c.mp4", "d.mp4")
    lines = []
    assert labels(tmp_path, tmp_path, lines) == ["cats/a.mp4,cats", "dogs/b.mp4,dogs"]
    assert lines[0] == "left out because they lie in no label's folder: 2, the first is c.mp4"


def test_a_test_split_without_labels_is_left_out(tmp_path):
    touch(tmp_path, "train/cats/a.mp4", "train/dogs/b.mp4", "test/c.mp4", "test/d.mp4")
    lines = []
    assert labels(tmp_path, tmp_path, lines) == ["train/cats/a.mp4,cats,train", "train/dogs/b.mp4,dogs,train"]
    assert lines[1].endswith("of a split: 2, the first is test/c.mp4")


def test_folders_of_one_name_leave_the_labels_to_those_above(tmp_path):
    touch(tmp_path, "cats/videos/a.mp4", "dogs/videos/b.mp4")
    assert labels(tmp_path, tmp_path) == ["cats/videos/a.mp4,cats", "dogs/videos/b.mp4,dogs"]
    touch(tmp_path, "cats/more/c.mp4")  # two names now
    assert labels(tmp_path, tmp_path / "other")[0] == "cats/more/c.mp4,more"


def test_a_table_that_lies_alone_is_taken_over_only_where_it_is_the_same(tmp_path):
    touch(tmp_path / "clips", "cats/a.mp4", "dogs/b.mp4")
    made = labels(tmp_path / "clips", tmp_path / "out")
    assert labels(tmp_path / "clips", tmp_path / "out") == made
    touch(tmp_path / "clips", "dogs/c.mp4")
    with pytest.raises(UserError, match="holds labels.csv with other labels than the folders of the clips: choose"):
        labels(tmp_path / "clips", tmp_path / "out")
    assert (tmp_path / "out" / "labels.csv").read_text().split()[1:] == made
    touch(tmp_path / "out", "plan.md")  # begun here before
    assert len(labels(tmp_path / "clips", tmp_path / "out")) == 3


def test_names_that_are_no_text_are_left_out_and_told(tmp_path):
    touch(tmp_path, "cats/a.mp4", "dogs/b.mp4", b"cats/caf\xe9.mp4".decode(errors="surrogateescape"))
    lines = []
    assert labels(tmp_path, tmp_path, lines) == ["cats/a.mp4,cats", "dogs/b.mp4,dogs"]
    assert lines[0].startswith("1 clips are left out, whose names or folders are not UTF-8")


def test_a_table_of_something_else_makes_way_for_subfolders(tmp_path):
    touch(tmp_path / "mine", "cats/a.mp4", "dogs/b.mp4")
    (tmp_path / "mine" / "stats.csv").write_text("day,count\n1,2\n")
    lines = []
    assert table_of(tmp_path / "mine", tmp_path, lines.append).name == "labels.csv"
    assert "stats.csv describes no clips: it has no column 'path'" in lines[-1]
    (tmp_path / "mine" / "stats.csv").write_text("path,label\ncats/a.mp4,cat\n")
    assert table_of(tmp_path / "mine", tmp_path, lines.append).name == "stats.csv"
    (tmp_path / "mine" / "stats.csv").write_text('path,label\ncats/typo.mp4,cat\ndogs/b.mp4,a "d" og\n')
    assert table_of(tmp_path / "mine", tmp_path, lines.append).name == "stats.csv"  # its mistakes are told, not passed
    for name, taken in (("metadata.csv", "labels.csv"), ("captions.csv", "captions.csv")):
        (tmp_path / "mine" / name).write_text("day,count\n1,2\n")
        assert table_of(tmp_path / "mine", tmp_path, lines.append).name == taken
        (tmp_path / "mine" / name).unlink()
    (tmp_path / "mine" / "stats.csv").rename(tmp_path / "mine" / "stats.json")
    (tmp_path / "mine" / "stats.json").write_text('{"seed": 1}')
    assert table_of(tmp_path / "mine", tmp_path, lines.append).name == "labels.csv"


def test_where_no_validation_clip_decodes_training_clips_take_their_place(tmp_path):
    folder = make_folder(tmp_path / "videos", 6)
    splits = ["validation"] * 2 + ["train"] * 4
    rows = ["path,caption,split", *(f"clip{index}.mp4,a,{split}" for index, split in enumerate(splits))]
    (folder / "captions.csv").write_text("\n".join(rows))
    for index in range(2):
        (folder / f"clip{index}.mp4").write_bytes(b"no video")
    lines = []
    stored = Manifest.load(ingested_folder(folder, None, tmp_path / "run", Clock(20), lines.append))
    assert (stored.clips("train"), stored.clips("validation")) == (3, 1)
    assert sum("set aside because they do not decode: 2:" in line for line in lines) == 1
    (tmp_path / "run" / "data" / "manifest.json").unlink()  # as if it had been stopped then
    again = Manifest.load(ingested_folder(folder, None, tmp_path / "run", Clock(20), lines.append))
    assert again.shards == stored.shards
    for index in range(2, 5):  # one is left
        (folder / f"clip{index}.mp4").write_bytes(b"no video")
    with pytest.raises(UserError, match="needs 3 videos or pictures for training at least"):
        ingested_folder(folder, None, tmp_path / "other", Clock(20), str)


def test_a_table_beside_ingested_clips_is_refused(videos, tmp_path):
    stored = ingested_folder(videos, None, tmp_path, Clock(20), str)
    with pytest.raises(UserError, match="leave --captions out"):
        ingested_folder(stored, videos / "captions.csv", tmp_path / "other", Clock(20), str)


def test_a_table_without_validation_gives_some_of_its_training_videos(videos, tmp_path):
    rows = ["path,caption,split", *(f"clip{index}.mp4,a,{'train' if index < 5 else 'test'}" for index in range(6))]
    (tmp_path / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    splits = [row.split for row in with_validation(read_captions(tmp_path / "captions.csv", videos))]
    assert sorted(splits) == ["test", "train", "train", "train", "train", "validation"]


def test_parts_of_a_film_stay_together_where_there_are_films_enough(videos):
    (row,) = read_captions(videos / "captions.csv", videos)[:1]
    for films, together in ((3, True), (2, False)):
        rows = [replace(row, path=f"{n}.mp4", split="train", film=f"film {n % films}") for n in range(30)]
        taken = [one.film for one in with_validation(rows) if one.split == "validation"]
        assert len(taken) == (10 if together else 3)
        assert not together or len({*taken}) == 1


def test_validation_has_its_share_of_each_label(videos):
    (row,) = read_captions(videos / "captions.csv", videos)[:1]
    rows = [replace(row, path=f"{n}.mp4", split="train", labels=("rare" if n < 20 else "usual",)) for n in range(200)]
    taken = [one.labels[0] for one in with_validation(rows) if one.split == "validation"]
    assert (taken.count("rare"), taken.count("usual")) == (2, 18)


def test_a_sample_keeps_the_shares_of_splits(videos):
    (row,) = read_captions(videos / "captions.csv", videos)[:1]
    rows = [replace(row, clip_id=str(n), split="train" if n < 800 else "validation") for n in range(1000)]
    kept = subsample(rows, 100)
    assert sum(one.split == "train" for one in kept) == 80 and len(kept) == 100
    assert subsample(list(reversed(rows)), 100) == kept
    assert {one.split for one in subsample([*rows, replace(row, split="test_unseen")], 100)} == {
        "train", "validation", "test_unseen",
    }  # fmt: skip


@pytest.mark.parametrize("most, taken", [
    (5, [20, 5, 5, 5]),
    (30, [20, 5, 5, 5]),  # 5 is a sixth of 30 that three splits share
    (60, [30, 10, 10, 10]),
    (300, [230, 30, 20, 20]),  # shares of 30, 15 and 15
    (800, [640, 80, 40, 40]),
])  # fmt: skip
def test_other_splits_get_at_most_half_of_a_sample_or_five_clips_each(videos, most, taken):
    (row,) = read_captions(videos / "captions.csv", videos)[:1]
    sizes = {"train": 800, "validation": 100, "test": 50, "test_unseen": 50}
    rows = [replace(row, clip_id=f"{split} {n}", split=split) for split, size in sizes.items() for n in range(size)]
    kept = [one.split for one in subsample(rows, most)]
    assert [kept.count(split) for split in sizes] == taken


def test_a_huge_validation_split_leaves_half_of_a_sample_to_training(videos):
    (row,) = read_captions(videos / "captions.csv", videos)[:1]
    rows = [replace(row, clip_id=str(n), split="train" if n < 200 else "validation") for n in range(2000)]
    kept = [one.split for one in subsample(rows, 100)]
    assert (kept.count("train"), kept.count("validation")) == (50, 50)


@pytest.mark.parametrize("training", [0, 1])
def test_too_few_training_clips_are_told_before_anything_is_decoded(videos, tmp_path, training):
    splits = ["train"] * training + ["validation"] * (6 - training)
    rows = ["path,caption,split", *(f"clip{index}.mp4,a,{split}" for index, split in enumerate(splits))]
    (tmp_path / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(UserError, match=rf"there are {training} \(and {6 - training} of other splits\): write `train`"):
        ingested_folder(videos, tmp_path / "captions.csv", tmp_path / "run", Clock(20), str)
    assert not (tmp_path / "run").exists()


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match="is no folder"):
        ingested_folder(tmp_path / "none", None, tmp_path, Clock(20), print)


def test_the_speed_of_decoding_is_that_of_what_fits_into_a_second(videos):
    rows = read_captions(videos / "captions.csv", videos)
    times = iter(range(0, 100, 2))
    first = min(len(rows), DecoderPool().workers)  # the first clips take two seconds, so there are no others
    assert clips_per_second(videos, rows, now=lambda: next(times)) == first / 2
