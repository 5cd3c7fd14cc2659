"""Searching clips: the order by hand with a model of a few lines, and as a user with the tiny one."""

import json

import numpy as np
import pytest
from fixtures.videos import make_video
from test_cli import call, refused

from vtkeras.errors import UserError
from vtkeras.search import search as searching
from vtkeras.search.search import search
from vtkeras.serving.results import Query

SHADES = {"dark": 40, "grey": 120, "light": 200}


class Shades:
    """Embeds a clip by how light it is; its captioner finds "dark" likelier the darker the clip, and so on."""

    folder, clip_size, reading = "", {"num_frames": 4, "max_side": 32}, "4-32-None"
    angles = {name: shade / 255 * np.pi / 2 for name, shade in SHADES.items()}

    def __init__(self, captioner=True):
        self.captioner, self.read = captioner, 0

    def can(self, endpoint):
        return self.captioner

    def check_search(self):
        pass

    def embed_text(self, text):
        angle = self.angles[text]
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    def embed_video(self, clip):
        return self.embed_videos([clip])[0]

    def embed_videos(self, clips):
        self.read += len(clips)
        angles = [clip.mean() / 255 * np.pi / 2 for clip in clips]
        return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)

    def likelihoods(self, clips, texts):
        return np.array([-abs(clip.mean() - SHADES[text]) for clip, text in zip(clips, texts)])


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(searching, "model_hash", lambda folder: "shades")
    monkeypatch.setattr(searching, "read_query", lambda model, text: Query(text, text))
    return [
        make_video(tmp_path / f"{name}.mp4", np.full((4, 32, 32, 3), shade, np.uint8)) for name, shade in SHADES.items()
    ]


def names(found):
    return [match.video.rsplit("/", 1)[1] for match in found]


@pytest.mark.parametrize("captioner", [True, False])
def test_words_find_the_clip_that_fits_best(clips, captioner):
    matches = search(Shades(captioner), clips, "light")
    assert names(matches.found) == ["light.mp4", "grey.mp4", "dark.mp4"] and not matches.faults
    chances = [match.chance for match in matches.found]
    if captioner:
        assert sum(chances) == pytest.approx(1) and chances == sorted(chances, reverse=True)
    else:
        assert chances == [None] * 3
    assert matches.found[0].cosine == pytest.approx(1, abs=1e-3)


def test_the_captioner_outweighs_cosines_that_hardly_differ(clips, monkeypatch):
    monkeypatch.setattr(Shades, "embed_videos", lambda self, clips: np.array([[1, 0], [0.999, 0.045], [0.998, 0.063]]))
    assert names(search(Shades(False), clips, "light").found)[0] == "light.mp4"
    monkeypatch.setattr(Shades, "embed_text", lambda self, text: np.array([1.0, 0.0]))
    assert names(search(Shades(False), clips, "light").found)[0] == "dark.mp4"
    assert names(search(Shades(True), clips, "light").found)[0] == "light.mp4"


def test_words_that_no_captioner_reads_are_found_by_vectors(clips, monkeypatch):
    monkeypatch.setattr(searching, "read_query", lambda model, text: Query(text, "", ["A note."]))
    matches = search(Shades(), clips, "light")
    assert names(matches.found)[0] == "light.mp4" and matches.notes == ["A note."]
    assert [match.chance for match in matches.found] == [None] * 3


def test_a_clip_with_no_others_beside_it_has_no_chance(clips):
    [match] = search(Shades(), clips[:1], "light").found
    assert match.chance is None and match.cosine < 0.7  # a dark clip
    assert [match.chance for match in search(Shades(), clips[:2], "light").found] == pytest.approx([1, 0], abs=1e-3)


def test_a_clip_finds_those_that_are_like_it(clips):
    assert names(search(Shades(), clips, like=clips[0]).found) == ["grey.mp4", "light.mp4"]


def test_a_clip_alone_has_none_that_is_like_it(clips):
    with pytest.raises(UserError, match="no clip but .*dark.mp4 to search among"):
        search(Shades(), clips[:1], like=clips[0])


def test_a_second_search_reads_new_clips_alone(clips, tmp_path):
    shades, counts = Shades(), []
    search(shades, clips[:2], "dark", progress=lambda done, count: counts.append((done, count)))
    assert shades.read == 2 and counts == [(2, 2)]
    assert names(search(shades, clips, "dark").found) == ["dark.mp4", "grey.mp4", "light.mp4"] and shades.read == 3


def test_clips_are_read_again_for_other_frames(clips, monkeypatch):
    search(Shades(), clips, "light")
    monkeypatch.setattr(Shades, "reading", "4-32-16")
    again = Shades()
    search(again, clips, "light")
    assert again.read == 3


def test_without_a_cache_clips_are_read_each_time(clips, tmp_path, monkeypatch):
    monkeypatch.setenv("VTKERAS_CACHE", str(clips[0] / "cache"))
    shades = Shades()
    for reads in (3, 6):
        matches = search(shades, clips, "light")
        assert names(matches.found)[0] == "light.mp4" and shades.read == reads and not matches.faults
        [note] = matches.notes
        assert note.startswith("The vectors of clips are not kept") and note.endswith("set VTKERAS_CACHE.")


def test_what_does_not_decode_is_told_and_the_others_are_found(clips, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    matches = search(Shades(), [tmp_path / "broken.mp4", *clips, tmp_path / "none.mp4"], "dark")
    assert names(matches.found)[0] == "dark.mp4" and len(matches.found) == 3
    assert "broken.mp4" in matches.faults[0] and "none.mp4" in matches.faults[1]
    with pytest.raises(UserError, match="broken.mp4"):
        search(Shades(), [tmp_path / "broken.mp4"], "dark")
    with pytest.raises(UserError, match="broken.mp4"):
        search(Shades(), clips, like=tmp_path / "broken.mp4")


def test_the_command(exported_run, clips, tmp_path):
    arguments = ("search", tmp_path, "--find", "digit 3 is moving", "--model", exported_run)
    code, output = call(*arguments, "--json")
    found = json.loads(output[output.index("{") :])
    assert code == 0 and found["query"] == {"text": "digit 3 is moving", "like": None}
    assert {match["video"] for match in found["matches"]} == {str(clip) for clip in clips}
    assert sum(match["chance"] for match in found["matches"]) == pytest.approx(1)
    code, output = call(*arguments, "--most", 1)
    best = found["matches"][0]
    assert code == 0 and f"1. {best['video']}: likeness {best['cosine']:.2f}, chance {best['chance']:.0%}" in output


def test_a_name_with_a_line_break_stays_on_its_line(exported_run, clips, tmp_path):
    folder = tmp_path / "two\nlines\t"
    folder.mkdir()
    clips[0].rename(folder / "dark.mp4")
    (folder / "broken.mp4").write_bytes(b"no video")
    code, output = call("search", folder, "--find", "digit 3 is moving", "--model", exported_run)
    assert code == 2 and f"1. {tmp_path}/two\\nlines\\t/dark.mp4: likeness" in output
    assert f"vtkeras: {tmp_path}/two\\nlines\\t/broken.mp4" in output and "\nlines" not in output


@pytest.mark.parametrize(
    "arguments,message",
    [
        ((), "Search for words or for a clip, one of both"),
        (("--find", "x", "--like", "a.mp4"), "Search for words or for a clip, one of both"),
        (("--find", "  "), "--find is empty"),
        (("--like", "none.mp4"), "There is no file or folder none.mp4"),
    ],
)
def test_what_is_refused(monkeypatch, capsys, exported_run, tmp_path, arguments, message):
    assert message in refused(monkeypatch, capsys, "search", tmp_path, *arguments, "--model", exported_run)


@pytest.mark.parametrize("text", ["日本", "zebra"])
def test_words_that_no_model_knows(monkeypatch, capsys, exported_run, clips, tmp_path, text):
    arguments = ("search", tmp_path, "--find", text, "--model", exported_run)
    assert f"knows no word of '{text}'" in refused(monkeypatch, capsys, *arguments).splitlines()[-1]


def test_words_that_a_model_does_not_know_change_nothing(exported_run, clips, tmp_path):
    def ask(text):
        code, output = call("search", tmp_path, "--find", text, "--model", exported_run)
        return code, [line for line in output.splitlines() if line[:2] in ("1.", "2.", "3.") or "vtkeras:" in line]

    code, (told, *found) = ask("Digit 3 is zebra moving.")
    assert code == 0 and told == "vtkeras: The model does not know the word 'zebra', which the search leaves out."
    assert (code, found) == ask("digit 3 is moving") and len(found) == 3
