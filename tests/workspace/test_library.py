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
        frames, times, _ = library.read_clip(clip)
        assert clip.captions == (f"a gray number {clip.id[4]}",) and not clip.is_file
        assert frames.shape == (4, 48, 64, 3) and abs(int(frames.mean()) - level) <= 3
        np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.3], atol=1e-3)


def test_no_clip_is_left_out_of_a_long_list(tmp_path):
    """2,500 segments of one video."""
    make_folder(tmp_path, 1)
    rows = "".join(f"clip0.mp4,a,{number / 10000},{(number + 1) / 10000}\n" for number in range(2500))
    write_csv(tmp_path, "path,caption,start,end\n" + rows)
    assert len(library.list_clips(tmp_path)) == 2500


def test_frames_are_skipped_while_stored_clips_are_listed(folders, monkeypatch):
    read = []
    monkeypatch.setattr(library, "parse_clip", read.append)
    assert len(library.list_clips(folders / "data")) == 6 and not read


def test_segments_give_their_own_frames(tmp_path):
    make_video(tmp_path / "a.mp4", 20)  # two seconds, frame i is gray(i)
    write_csv(tmp_path, "path,caption,start,end\na.mp4,late,1,2\n")
    clip = library.list_clips(tmp_path)[0]
    frames, times, reason = library.read_clip(clip, num_frames=2, max_side=16)
    # The middles of 1-1.5 s and 1.5-2 s are 1.25 s and 1.75 s: frames 12 and 17 at ten a second.
    assert [abs(int(frame.mean()) - gray(index)) <= 3 for frame, index in zip(frames, (12, 17))] == [True, True]
    np.testing.assert_allclose(times, [1.2, 1.7], atol=1e-3)
    assert frames.shape == (2, 12, 16, 3) and reason == "" and library.describe(clip).duration == 2.0
    # Plain frames show nothing: the first one is taken, of the middle of a third of a second, 1.17 s, frame 11.
    small = library.read_thumbnail(clip, 8)
    assert small.shape == (8, 8, 3) and abs(int(small.mean()) - gray(11)) <= 3


def test_a_clip_that_stalls_the_decoder_is_an_error(tmp_path, monkeypatch):
    make_folder(tmp_path, 1)
    write_csv(tmp_path, "path,caption\nclip0.mp4,a\n")
    [clip] = library.list_clips(tmp_path)
    monkeypatch.setattr(library.media.sys, "executable", "false")  # as a process that a file makes crash
    monkeypatch.setattr(library, "_decoders", lambda: library.DecoderPool(1))
    for read in (library.read_clip, library.describe, lambda clip: library.read_thumbnail(clip, 8)):
        with pytest.raises(UserError, match="clip0.mp4 makes the decoder crash"):
            read(clip)


def test_what_is_missing_of_a_file_is_told(tmp_path):
    path = make_video(tmp_path / "a.avi", np.random.default_rng(0).integers(0, 256, (12, 48, 64, 3), "uint8"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    write_csv(tmp_path, "path,caption\na.avi,a\n")
    frames, _, reason = library.read_clip(library.list_clips(tmp_path)[0])
    assert len(frames) and reason.startswith(f"{path} ends after")


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
    if damage != "flipped":  # which is within the frames, and those are skipped
        with pytest.raises(UserError, match="ingest"):
            library.list_clips(tmp_path / "data")
