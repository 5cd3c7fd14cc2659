"""The background work, with a classifier that names how bright a frame is."""

import numpy as np
import pytest
from fixtures.folders import by_brightness
from fixtures.videos import make_video

from vtkeras.data.quality import check
from vtkeras.folders import study as studies
from vtkeras.folders.listing import list_folder
from vtkeras.folders.store import ENCODER, NAMED, PROBLEM, SEEN, STUDIED, FolderStore
from vtkeras.folders.study import main, study


def nothing(frames):
    return []


def test_facts_names_over_time_and_faults(store):
    study(store, lambda: by_brightness, lambda frames: [f"{len(frames)} frames"])
    bad, dawn, white = store.files()
    assert [file.stage for file in (bad, dawn, white)] == [STUDIED] * 3
    assert bad.known.fault.startswith("bad.mp4 is not a video") and store.preview("bad.mp4") is None
    assert (dawn.known.duration, dawn.known.width, dawn.known.codec, dawn.known.fps) == (2.0, 64, "h264", 10.0)
    assert dawn.known.findings == ["8 frames"] and store.preview("dawn.mp4").startswith(b"\xff\xd8")
    # Frame i has the level 10 (i + 1); of eight the first is on screen at 0.125 s, the last at 1.875 s.
    assert dawn.known.names.times == [0.1, 0.3, 0.6, 0.8, 1.1, 1.3, 1.6, 1.8]
    snow = [dict(zip(*one))[1] for one in zip(dawn.known.names.classes, dawn.known.names.chances)]
    np.testing.assert_allclose(snow, np.array([20, 40, 70, 90, 120, 140, 170, 190]) / 255, atol=0.02)
    assert dawn.known.names.classes[0] == [0, 1] and dawn.known.names.classes[-1] == [1, 0]
    assert (white.known.duration, white.known.names.classes, white.known.findings) == (0.0, [[1, 0]], ["1 frames"])


def test_a_second_time_there_is_nothing_to_do(store):
    study(store, lambda: by_brightness, nothing)
    study(store, lambda: pytest.fail("a model was loaded"), lambda frames: pytest.fail("a file was read"))


@pytest.mark.whole
def test_interrupted_at_any_point_it_goes_on_from_there(folder, store, monkeypatch):
    whole = FolderStore(folder)
    study(whole, lambda: by_brightness, nothing)
    expected = whole.files()
    calls = []
    save = FolderStore.save

    def killed(self, path, stage, *rest):
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append((path, stage))
        save(self, path, stage, *rest)

    monkeypatch.setattr(FolderStore, "save", killed)
    for stop in range(7):
        calls.clear()
        store.refresh([], "")
        store.refresh(list_folder(folder).files, "by brightness")
        with pytest.raises(KeyboardInterrupt):
            study(store, lambda: by_brightness, nothing)
        before, stop = len(calls), -1
        study(store, lambda: by_brightness, nothing)
        assert len(calls) == 7 == len(set(calls)) and before < 7  # nothing is done twice
        assert store.files() == expected


def test_without_a_classifier_all_but_the_names_is_there(store):
    files = list_folder(store.folder).files
    store.refresh(files, "")
    study(store, None, nothing)
    _, dawn, white = store.files()
    assert dawn.stage == white.stage == STUDIED and dawn.known.names is None and dawn.known.codec == "h264"
    store.refresh(files, "by brightness")  # the packages were installed
    assert store.counts() == (3, 3, 1, 1)
    study(store, lambda: by_brightness, nothing)
    assert all(file.known.names for file in store.files() if not file.known.fault)


def test_names_come_before_the_rest_of_a_video_is_read(store):
    stages = []
    study(store, lambda: by_brightness, nothing, lambda: stages.append([file.stage for file in store.files()]))
    assert stages == [[STUDIED, NAMED, NAMED]] and SEEN < NAMED < STUDIED


def test_a_file_is_judged_as_data_check_does(tmp_path):
    from vtkeras.data.ingest import ingest

    random = np.random.default_rng(0)
    sharp = random.integers(0, 255, (12, 96, 128, 3)).astype(np.uint8)
    clips = {"black": 0 * sharp, "frozen": np.stack([sharp[0]] * 12), "fine": sharp}
    for name, frames in clips.items():
        make_video(tmp_path / f"{name}.mp4", frames)
    (tmp_path / "captions.csv").write_text("path,caption\n" + "".join(f"{name}.mp4,x\n" for name in clips))
    ingest(tmp_path, tmp_path / "captions.csv", tmp_path / "ingested")
    store = FolderStore(tmp_path)
    store.refresh(list_folder(tmp_path).files, "")
    study(store, None, studies._check)
    told = {(file.path, finding.split(":")[0]) for file in store.files() for finding in file.known.findings}
    assert told == {(one.path, one.reason) for one in check(tmp_path / "ingested")}
    assert told == {("black.mp4", "black"), ("frozen.mp4", "frozen")}


def test_what_stops_the_work_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "end_with_owner", lambda: None)
    with pytest.raises(SystemExit, match="holds no videos or pictures"):
        main(str(tmp_path))
    assert "holds no videos or pictures" in FolderStore(tmp_path).note(PROBLEM)
    with FolderStore(tmp_path).held():
        main(str(tmp_path))  # another process is at it


def test_a_file_that_was_away_is_looked_at_again(store, folder):
    away = (folder / "dawn.mp4").rename(folder / ".dawn.mp4")  # it keeps its size and time
    study(store, None, nothing)
    assert store.files()[1].known.fault == "No video file dawn.mp4." and store.counts() == (3, 3, 3, 3)
    away.rename(folder / "dawn.mp4")
    files = list_folder(folder).files
    store.refresh(files)  # by a page that lists files, and leaves studying them to another process
    assert store.counts() == (3, 3, 3, 3)
    store.refresh(files, "by brightness")
    assert store.counts() == (3, 2, 2, 2)
    study(store, None, nothing)
    bad, dawn, _ = store.files()
    assert bad.known.fault.startswith("bad.mp4 is not a video") and not bad.known.passing
    assert not dawn.known.fault and dawn.known.duration == 2.0


def test_packages_that_are_installed_meanwhile_give_names(folder, monkeypatch):
    keys = iter(["", "by brightness", "by brightness"])  # before the first pass, after it, after the second
    monkeypatch.setattr(studies, "encoder_key", lambda: next(keys))
    monkeypatch.setattr(studies, "_classifier", lambda: by_brightness)
    monkeypatch.setattr(studies, "_check", nothing)
    monkeypatch.setattr(studies, "_embed_names", lambda: None)
    monkeypatch.setattr(studies, "end_with_owner", lambda: None)
    main(str(folder))
    store = FolderStore(folder)
    assert store.note(ENCODER) == "by brightness" and store.counts() == (3, 3, 3, 3)
    assert [file.path for file in store.files() if file.known.names] == ["dawn.mp4", "white.png"]
