"""What the pages share, without a page."""

import os

import av
import numpy as np
import pytest
from fixtures.videos import gray_frames, make_video

from dashboards import clips, common
from vtkeras.workspace import library, media


def clip_of(path, **segment):
    return library.Clip(path.name, path, (), (), (), "", **segment)


def test_a_preview_of_a_long_film_keeps_its_times(tmp_path):
    times = 20.0 * np.arange(64) + 10  # the middles of 64 parts of 1,280 s
    frames = gray_frames(1) + np.arange(64, dtype="uint8")[:, None, None, None]
    (tmp_path / "a.mp4").write_bytes(common.as_mp4(frames, times))
    assert media.probe(tmp_path / "a.mp4").duration == pytest.approx(1280)
    # At 100 s the sixth part begins, whose frame has the level 10 + 5.
    assert media.read_frames(tmp_path / "a.mp4", 1, 100.5, 101).frames.mean() == pytest.approx(15, abs=1.5)


def test_a_file_that_browsers_play_is_named_and_not_held(tmp_path):
    path = make_video(tmp_path / "a.mp4", 4)
    assert common.clip_video(clip_of(path)) == str(path)
    assert isinstance(common.clip_video(clip_of(path, start=0.1, end=0.3)), bytes)


def test_previews_are_made_in_another_process(tmp_path, monkeypatch):
    """And pictures and facts of clips, too: a file that stalls or crashes a decoder leaves the pages alone."""
    clip = clip_of(make_video(tmp_path / "a.avi", 4))
    opened, av_open = [], av.open
    monkeypatch.setattr(av, "open", lambda path, *how, **more: opened.append(path) or av_open(path, *how, **more))
    assert isinstance(common.clip_video(clip), bytes)
    assert common.read_thumbnail(clip, 8).shape == (8, 8, 3) and common.describe(clip).codec == "mpeg4"
    assert not any("a.avi" in str(path) for path in opened)


def test_a_segment_is_told_with_its_seconds(tmp_path):
    path = make_video(tmp_path / "talk.mp4", 40)  # 4 seconds
    chosen = clips.from_library(clip_of(path, start=1.0, end=2.5), {"num_frames": 2, "max_side": 32})
    assert chosen.source == f"{path}#1-2.5" and chosen.duration == 1.5
    assert chosen.facts.startswith("1.00 to 2.50 s of 4.00 s · ")
    whole = clips.from_library(clip_of(path), {"num_frames": 2, "max_side": 32})
    assert whole.source == str(path) and whole.duration == 4.0 and whole.facts.startswith("4.00 s · ")


def test_a_clip_that_is_replaced_is_read_again(tmp_path):
    path = make_video(tmp_path / "a.avi", np.full((4, 48, 64, 3), 40, "uint8"))
    before = common.read_clip(clip_of(path), 1)[0].mean(), common.clip_video(clip_of(path))
    make_video(path, np.full((4, 48, 64, 3), 200, "uint8"))
    os.utime(path, ns=(2**60, 2**60))
    after = common.read_clip(clip_of(path), 1)[0].mean(), common.clip_video(clip_of(path))
    assert (before[0], after[0]) == (pytest.approx(40, abs=3), pytest.approx(200, abs=3)) and before[1] != after[1]


def test_roots_of_one_name_are_told_apart(tmp_path, monkeypatch):
    for name in ("ann/data", "bob/data", "models"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("VTKERAS_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("VTKERAS_DATA", f"{tmp_path}/ann/data:{tmp_path}/bob/data")
    assert common.short(tmp_path / "models" / "a") == "models/a"
    assert common.short(tmp_path / "ann/data/x") == f"{tmp_path}/ann/data/x"
    assert common.short(tmp_path / "bob/data/x") == f"{tmp_path}/bob/data/x"


def test_a_path_that_cannot_be_looked_up_has_no_version(tmp_path):
    assert common.version(tmp_path / ("x" * 300)) == common.version(tmp_path / "none") == 0


def test_a_preview_is_told(tmp_path):
    info = media.probe(make_video(tmp_path / "a.avi", 4))
    assert clips.spell_facts(info, b"mp4") == clips.spell_facts(info) + clips.PREVIEW
    assert clips.spell_facts(info, str(tmp_path / "a.avi")) == clips.spell_facts(info)


def test_bytes_that_are_no_text_are_escaped():
    assert common.escaped(os.fsdecode(b"caf\xe9 .mp4")) == "caf\\xe9 .mp4"
