import numpy as np
import pytest
from fixtures.videos import gray, make_captions, make_folder, make_video

from vtkeras.data.ingest import ingest
from vtkeras.errors import UserError
from vtkeras.workspace import library


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`videos`, six gray clips with a captions.csv, and `data`, ingested from it."""
    home = tmp_path_factory.mktemp("library")
    make_folder(home / "videos")
    ingest(home / "videos", make_captions(home / "videos" / "captions.csv"), home / "data", clips_per_shard=2)
    return home


def write_csv(folder, text):
    (folder / "captions.csv").write_text(text, encoding="utf-8")


def test_samples_have_their_texts(tmp_path):
    make_folder(tmp_path, 2)
    header = "path,caption,question,answer,label\n"
    write_csv(tmp_path, header + "clip0.mp4,a gray one,how gray?,very,gray|dark\nclip1.mp4,another,,,\n")
    one, two = library.list_clips(tmp_path)
    assert (one.id, one.captions, one.questions, one.answers) == (
        "clip0.mp4",
        ("a gray one",),
        ("how gray?",),
        ("very",),
    )
    assert (one.label, one.split, one.is_file) == ("gray|dark", "", True)
    assert (two.questions, two.label) == ((), "")


def test_splits_are_shown_only_where_given(tmp_path):
    make_folder(tmp_path, 2)
    write_csv(tmp_path, "path,caption,split\nclip0.mp4,a,val\nclip1.mp4,b,train\n")
    assert [clip.split for clip in library.list_clips(tmp_path)] == ["validation", "train"]


def test_ingested_clips_come_with_their_own_frames(folders):
    clips = library.list_clips(folders / "data")
    assert sorted(clip.id for clip in clips) == [f"clip{index}.mp4" for index in range(6)]
    assert {clip.split for clip in clips} == {"train", "validation", "test"}
    for clip in clips:
        level = 20 * (int(clip.id[4]) + 1)  # as make_folder paints them
        frames, times = library.read_clip(clip)
        assert clip.captions == (f"a gray number {clip.id[4]}",) and not clip.is_file
        assert frames.shape == (4, 48, 64, 3) and abs(int(frames.mean()) - level) <= 3
        np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.3], atol=1e-3)


def test_list_is_cut(folders):
    assert len(library.list_clips(folders / "data", most=4)) == 4
    assert len(library.list_clips(folders / "videos", most=4)) == 4


def test_segments_give_their_own_frames(tmp_path):
    make_video(tmp_path / "a.mp4", 20)  # two seconds, frame i is gray(i)
    write_csv(tmp_path, "path,caption,start,end\na.mp4,late,1,2\n")
    frames, times = library.read_clip(library.list_clips(tmp_path)[0], num_frames=2, max_side=16)
    # The middles of 1-1.5 s and 1.5-2 s are 1.25 s and 1.75 s: frames 12 and 17 at ten a second.
    assert [abs(int(frame.mean()) - gray(index)) <= 3 for frame, index in zip(frames, (12, 17))] == [True, True]
    np.testing.assert_allclose(times, [1.2, 1.7], atol=1e-3)
    assert frames.shape == (2, 12, 16, 3)


def test_find_libraries(folders, tmp_path):
    run = tmp_path / "run"
    make_folder(run / "samples", 1)
    write_csv(run / "samples", "path,caption\nclip0.mp4,a\n")
    assert library.find_libraries([folders], [run, tmp_path / "none"]) == [
        run / "samples",
        folders / "data",
        folders / "videos",
    ]
    assert library.find_libraries([tmp_path / "none"]) == []


def test_matches_every_word_anywhere():
    clip = library.Clip("a.mp4", None, ("A Cat sleeps",), ("where?",), ("on the mat",), "animal")
    assert library.matches(clip, "cat MAT") and library.matches(clip, "") and library.matches(clip, "animal")
    assert not library.matches(clip, "cat dog")
    decomposed = library.Clip("Cafe\u0301.mp4", None, (), (), (), "")
    assert library.matches(decomposed, "caf\u00e9") and library.matches(decomposed, "CAF\u00c9")


def test_not_a_library(tmp_path):
    with pytest.raises(UserError, match="neither manifest.json nor captions.csv"):
        library.list_clips(tmp_path)


def test_broken_row_is_named(tmp_path):
    make_folder(tmp_path, 1)
    write_csv(tmp_path, "path,caption\nclip0.mp4,a\nnone.mp4,b\n")
    with pytest.raises(UserError, match="row 3"):
        library.list_clips(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "gone", "flipped"])
def test_damaged_shard_is_an_error(tmp_path, damage):
    make_folder(tmp_path / "videos")
    ingest(tmp_path / "videos", make_captions(tmp_path / "videos" / "captions.csv"), tmp_path / "data")
    [last] = [clip for clip in library.list_clips(tmp_path / "data") if clip.split == "train"][-1:]
    data = last.path.read_bytes()
    if damage == "cut":
        last.path.write_bytes(data[:-20])
    elif damage == "flipped":
        last.path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    else:
        last.path.unlink()
    with pytest.raises(UserError, match="ingest"):
        library.read_clip(last)
