import json
from dataclasses import replace

import numpy as np
import pytest
from fixtures.interrupts import PressedInDestructor
from fixtures.summaries import FakePredictor, scenes
from fixtures.videos import make_image, make_sound, make_video
from PIL import Image

from vtkeras.data.video import FrameStream, probe
from vtkeras.errors import UserError
from vtkeras.summaries import shot_features as features
from vtkeras.summaries.shot_features import TOGETHER
from vtkeras.summaries.storyboard import storyboard
from vtkeras.summaries.summarize import Options, Summary, select_key_shots, summarize
from vtkeras.summaries.write import merge_captions
from vtkeras.whole_files import locked

WHOLE = Options(budget=0.3, longest=10.0)
LEVELS = (20, 110, 20, 200, 20, 110, 20, 200, 20, 110)  # ten scenes of a second each


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", scenes(*LEVELS))


@pytest.fixture(scope="module")
def made(film, tmp_path_factory):
    """A summary with a transcript, and its folder."""
    folder = tmp_path_factory.mktemp("made") / "out"
    said = film.parent / "film.vtt"
    said.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\ngray 11\n\n00:03.200 --> 00:04.000\ngray 20\n")
    return summarize(film, FakePredictor(), folder, said, WHOLE), folder


def test_key_shots_keep_the_budget_and_show_every_kind(made):
    summary, _ = made
    assert summary.duration == pytest.approx(10, abs=0.01) and len(summary.shots) == 10
    assert 2.9 < summary.seconds <= 3.0 + 1e-6
    assert {shot["caption"] for shot in summary.key_shots} == {"gray 2", "gray 11", "gray 20"}
    assert [shot["caption"] for shot in summary.shots] == [f"gray {level // 10}" for level in LEVELS]


def test_foreign_shots_get_no_caption(film, tmp_path):
    summary = summarize(film, FakePredictor(known=11), tmp_path, options=replace(WHOLE, clip=False), name="b.mp4")
    assert summary.video == "b.mp4"  # as an upload, whose file is called otherwise
    told = [(shot["caption"], shot["foreign"]) for shot in summary.shots[:4]]
    assert told == [("gray 2", False), ("gray 11", False), ("gray 2", False), ("", True)]
    assert "For 20% of the time the model has no words" in summary.text


def test_text_json_and_what_is_said(made):
    summary, folder = made
    assert Summary.load(folder) == summary
    text = (folder / "summary.txt").read_text()
    assert "Mostly gray 2 (50% of the time, in 5 places)" in text and text.startswith("0:10.0 long, 10 shots.")
    quoted = {shot["caption"]: shot["sentence"] for shot in summary.shots if shot["sentence"]}
    assert quoted == {"gray 11": "gray 11", "gray 20": "gray 20"}
    assert "model fake abc, scorer diverse" in text


def test_captions_cover_the_video_and_the_clip(made):
    summary, folder = made
    whole = (folder / "captions.vtt").read_text().split("\n\n")
    assert whole[0] == "WEBVTT" and len(whole) == 11
    assert whole[1] == "00:00:00.000 --> 00:00:01.000\ngray 2"
    clip = (folder / "summary.vtt").read_text().split("\n\n")
    assert len(clip) == 1 + len(summary.key_shots) and clip[1].startswith("00:00:00.000 --> 00:00:01.000\n")


def test_clip_shows_the_key_shots(made):
    summary, folder = made
    assert probe(folder / "summary.mp4").duration == pytest.approx(summary.seconds, abs=0.11)
    with FrameStream(folder / "summary.mp4") as stream:
        grays = [frame.draw(8, 8).mean() for frame in stream.frames()]
    kinds = [int(shot["caption"].split()[-1]) for shot in summary.key_shots]
    assert [round(gray / 10) for gray in grays[5::10]] == kinds


def test_storyboard_marks_the_key_shots(made):
    summary, folder = made
    picture = np.asarray(Image.open(folder / "storyboard.png").convert("RGB"))
    row = picture[16 + 18 + 13, 16 : 1280 - 16]  # through the middle of the time line
    marked = (row == (0xC2, 0x41, 0x0C)).all(axis=1)
    seconds = (np.arange(len(row)) + 0.5) / len(row) * summary.duration
    for shot in summary.shots:
        inside = (seconds > shot["start"] + 0.1) & (seconds < shot["end"] - 0.1)
        assert marked[inside].all() if shot["key"] else not marked[inside].any()


def test_a_second_call_looks_at_nothing_again(film, tmp_path):
    first = FakePredictor()
    one = summarize(film, first, tmp_path, options=WHOLE)
    before = (tmp_path / "summary.mp4").stat().st_mtime_ns
    second = FakePredictor()
    assert summarize(film, second, tmp_path, options=WHOLE) == one
    assert len(first.seen) == 10 and not second.seen
    assert (tmp_path / "summary.mp4").stat().st_mtime_ns == before
    summarize(film, second, tmp_path, options=replace(WHOLE, budget=0.1))  # other shots, another clip
    assert not second.seen and probe(tmp_path / "summary.mp4").duration == pytest.approx(1, abs=0.11)


def test_shots_stored_before_a_rename_are_read(film, tmp_path):
    one = summarize(film, FakePredictor(), tmp_path, options=WHOLE)
    log = tmp_path / "shots.jsonl"
    log.write_text(log.read_text().replace('"color_histogram"', '"look"'))
    second = FakePredictor()
    assert summarize(film, second, tmp_path, options=WHOLE) == one and not second.seen


def test_ctrl_c_in_a_destructor_ends_after_the_shots_under_way(film, tmp_path):
    class Pressed(FakePredictor):
        def caption(self, frames):
            if not self.seen:
                PressedInDestructor()
            return super().caption(frames)

    model = Pressed()
    with pytest.raises(KeyboardInterrupt):
        summarize(film, model, tmp_path, options=WHOLE)
    assert len(model.seen) == TOGETHER
    assert len((tmp_path / "shots.jsonl").read_text().splitlines()) == 1 + TOGETHER  # key and shots


@pytest.mark.parametrize("stop", [2, 5, 9])
def test_interrupted_and_resumed_equals_one_go(film, tmp_path, stop, monkeypatch):
    monkeypatch.setattr(features, "TOGETHER", 2)

    class Interrupted(FakePredictor):
        def caption(self, frames):
            if len(self.seen) == stop:
                raise KeyboardInterrupt
            return super().caption(frames)

    with pytest.raises(KeyboardInterrupt):
        summarize(film, Interrupted(), tmp_path / "out", options=WHOLE)
    with open(tmp_path / "out" / "shots.jsonl", "a") as file:
        file.write('{"start": 3.0, "en')  # the power went while a line was written
    later = FakePredictor()
    resumed = summarize(film, later, tmp_path / "out", options=WHOLE)
    assert len(later.seen) == 10 - stop // 2 * 2
    assert resumed == summarize(film, FakePredictor(), tmp_path / "whole", options=WHOLE)


def test_two_at_once_and_another_video_do_not_share_a_folder(film, tmp_path):
    with locked(tmp_path, "A test"), pytest.raises(UserError, match="Another summary is writing to"):
        summarize(film, FakePredictor(), tmp_path, options=WHOLE)
    summarize(film, FakePredictor(), tmp_path, options=replace(WHOLE, clip=False))
    before = (tmp_path / "summary.json").read_bytes()
    other = make_video(tmp_path.parent / "other.mp4", scenes(20, 200))
    with pytest.raises(UserError, match="holds the summary of another video: choose another --out"):
        summarize(other, FakePredictor(), tmp_path, options=WHOLE)
    assert (tmp_path / "summary.json").read_bytes() == before


def test_another_model_or_setting_begins_anew(film, tmp_path):
    summarize(film, FakePredictor(), tmp_path, options=WHOLE)
    again = FakePredictor(info={"name": "fake", "model_hash": "other", "data": "gray"})
    summarize(film, again, tmp_path, options=WHOLE)
    assert len(again.seen) == 10
    summarize(film, again, tmp_path, options=Options(longest=0.5))
    assert len(again.seen) > 20
    (tmp_path / "shots.jsonl").write_text("nonsense")
    fresh = FakePredictor()
    summarize(film, fresh, tmp_path, options=WHOLE)
    assert len(fresh.seen) == 10


def test_one_frame_and_a_picture(tmp_path, predictor):
    for number, path in enumerate([make_video(tmp_path / "a.mp4", 1), make_image(tmp_path / "b.png", 110)]):
        summary = summarize(path, predictor, tmp_path / str(number))
        assert len(summary.key_shots) == 1 and "No shot fits" in summary.notes[0]
        assert (tmp_path / str(number) / "storyboard.png").is_file()


def test_bad_files(tmp_path, predictor):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("hello")
    for path, reason in (
        (tmp_path / "none.mp4", "No video file"),
        (tmp_path / "empty.mp4", "is empty"),
        (tmp_path / "text.mp4", "is not a video"),
        (make_sound(tmp_path / "sound.mp4"), "no video stream"),
    ):
        with pytest.raises(UserError, match=reason):
            summarize(path, predictor, tmp_path / "out")


def test_a_cut_file_is_summarised_as_far_as_it_goes(tmp_path, predictor):
    path = make_video(tmp_path / "a.mkv", scenes(20, 110, 20, 200, length=20))
    path.write_bytes(path.read_bytes()[:-150])
    summary = summarize(path, predictor, tmp_path / "out")
    assert summary.key_shots and any("a.mkv" in note for note in summary.notes)


def test_a_transcript_that_was_put_right_is_noted(film, tmp_path, predictor):
    said = tmp_path / "a.json"
    said.write_text(
        json.dumps([{"text": "gray 2", "start": 90, "end": 91}, {"text": "gray 20", "start": 3, "end": 4}])
    )
    summary = summarize(film, predictor, tmp_path / "out", said)
    assert len(summary.notes) == 2 and "past the end" in summary.notes[1]


@pytest.mark.parametrize(
    "wrong, message",
    [({"budget": 0}, "budget 0"), ({"budget": 1.5}, "budget 1.5"), ({"longest": 0.1}, "0.1 s is too short"),
     ({"threshold": 0}, "threshold 0"), ({"budget": float("nan")}, "budget nan")],
)  # fmt: skip
def test_bad_options(wrong, message):
    with pytest.raises(UserError, match=message):
        Options(**wrong)


def test_a_folder_that_cannot_be_made(film, tmp_path, predictor):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        summarize(film, predictor, tmp_path / "file" / "out")


def test_a_full_disk(film, tmp_path, predictor, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features.Image.Image, "save", full)
    with pytest.raises(UserError, match="disk is full"):
        summarize(film, predictor, tmp_path)


def test_damaged_json(tmp_path):
    with pytest.raises(UserError, match="holds no summary.json"):
        Summary.load(tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        Summary.load(tmp_path)


def test_choose_by_hand(made):
    """Shots of 1 s, a budget of 2 s: the two highest scores."""
    shots = [features.ShotFeatures(float(t), t + 1.0, "", 1.0, None, None, "") for t in range(10)]
    key, notes = select_key_shots(shots, np.array([0, 5, 1, 9, 2, 0, 0, 0, 0, 0]), 0.2, 25.0)
    assert np.flatnonzero(key).tolist() == [1, 3] and not notes
    assert merge_captions([replace(shots[0], caption="x", confidence=0.4)]) == [(0.0, 1.0, "")]


def test_a_flicker_is_no_key_shot():
    """Shots of 1, 0.1, 1 and 0.1 s under a budget of 1.1 s: the flickers score highest and are left out."""
    ends = [1.0, 1.1, 2.1, 2.2]
    shots = [
        features.ShotFeatures(start, end, "", 1.0, None, None, "") for start, end in zip([0.0, *ends], ends)
    ]
    scores = np.array([1, 9, 2, 9])
    assert select_key_shots(shots, scores, 0.5, 10.0)[0].tolist() == [False, False, True, False]
    key, [note] = select_key_shots(shots, scores, 0.1, 10.0)  # nothing but a flicker fits
    assert key.tolist() == [False, False, True, False] and "1.00 s long" in note
    assert select_key_shots(shots[1:2], scores[1:2], 1.0, 10.0)[0].tolist() == [True]  # there is nothing else


def test_a_storyboard_tells_how_many_it_leaves_out(made):
    summary, folder = made
    # 60 shots, of which 48 are shown.
    shots = [{**shot, "key": True, "score": place} for place, shot in enumerate(summary.shots * 6)]
    some, all_of_them = (storyboard(shots[:count], folder, "film") for count in (60, 48))
    assert some.size == all_of_them.size == (1280, 16 + 18 + 26 + 36 + 12 * (200 + 4 * 18 + 16))
    title = np.asarray(some)[:30] != np.asarray(all_of_them)[:30]
    assert title[:, 60:].any() and not title[:, :40].any()  # more words, after the same one
