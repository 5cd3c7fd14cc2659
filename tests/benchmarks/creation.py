"""A simulated user of interactive generation, beside random restarts and beside prompt editing alone.

    python -m tests.benchmarks.creation                        # the shipped model, about an hour on two cores
    python -m tests.benchmarks.creation --model RUN --seeds 1  # another one, quicker
    python -m tests.benchmarks.creation --only-locks           # locked parts alone, some minutes

The user wants digits with a stroke thickness, a slant, a start place or a first movement in the lowest or highest
quarter of what random clips of the same words have. Every round he marks the candidates that match as More (the nearest
one, if none does) and the others as Less. Counted are the new candidates of each round, not those that he kept. Random
restarts draw all candidates anew in every round; prompt editing keeps the noise of the first round and goes through the
other wordings that the model knows, if there are any.

Locked parts: after the part of a candidate that the judge reads as asked was locked and two rounds went by, how many
candidates still have what the part decides. The first frame is compared as it is. Of the motion, the judge must say the
same direction and the first movement must go the same way; of the content, the judge must say the same digit, and
thickness and slant must be nearer to the locked candidate's than half a standard deviation of random clips. What this
judging itself loses of the motion is told by real clips of one digit on one path, in another handwriting each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np

from vtkeras.data.sources.moving_digits import (
    CLIP_FRAMES,
    DIGIT_SIZE,
    FRAME_SIZE,
    HORIZONTAL,
    VERTICAL,
    Actor,
    describe,
    handwriting_of,
    reword,
)
from vtkeras.errors import UserError
from vtkeras.run_files import shipped_model
from vtkeras.serving.generation_rounds import FIRST_FRAME
from vtkeras.serving.generation_session import GenerationSession

ROUNDS, CANDIDATES, SEEDS = 6, 6, 5
ACTORS = (Actor(3, HORIZONTAL), Actor(5, VERTICAL), Actor(7, HORIZONTAL), Actor(2, VERTICAL))
FAR = 10_000  # between the first seeds of sessions
JUDGE = ("multitask", "moving_digits")


def thickness(clip: np.ndarray) -> float:
    """Stroke thickness in pixels: twice the brightness over the sum of its steps from pixel to pixel.

    A stroke of width w and length L has brightness w L and, as its two edges are L long, steps of 2 L.
    """
    gray = _gray(clip)
    steps = np.hypot(np.diff(gray, axis=1)[:, :, :-1], np.diff(gray, axis=2)[:, :-1])
    return float(np.median(2 * gray.sum((1, 2)) / np.maximum(steps.sum((1, 2)), 1e-6)))


def slant(clip: np.ndarray) -> float:
    """Pixels to the right per pixel upwards: minus the covariance of column and row over the rows' variance."""
    weights, rows, columns = _moments(clip)
    down, right = (axis - _mean(weights, axis)[:, None, None] for axis in (rows, columns))
    return float(np.median(-_mean(weights, down * right) / np.maximum(_mean(weights, down * down), 1e-6)))


def centres(clip: np.ndarray) -> np.ndarray:
    """Row and column of the centre of brightness, float (time, 2)."""
    weights, rows, columns = _moments(clip)
    return np.stack([_mean(weights, rows), _mean(weights, columns)], axis=1)


def first_movement(clip: np.ndarray) -> float:
    """Pixels a frame over the first two steps, along the axis on which there is more movement."""
    path = centres(clip)
    axis = int(np.argmax(np.abs(np.diff(path, axis=0)).sum(0)))
    return float((path[2, axis] - path[0, axis]) / 2)


MEASURES = {
    "thickness": thickness,
    "slant": slant,
    "start row": lambda clip: float(centres(clip)[0, 0]),
    "start column": lambda clip: float(centres(clip)[0, 1]),
    "first movement": first_movement,
}


def _gray(clip: np.ndarray) -> np.ndarray:
    """Brightness 0 to 1 without the faint ground, float (time, height, width)."""
    gray = clip.astype("float64").mean(-1) / 255
    return np.where(gray > 0.2, gray, 0)


def _moments(clip: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    gray = _gray(clip) + 1e-9  # of an empty frame, the middle
    rows, columns = np.mgrid[: gray.shape[1], : gray.shape[2]].astype("float64")
    return gray / gray.sum((1, 2), keepdims=True), rows, columns


def _mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (weights * values).sum((1, 2))


class Want:
    """A quarter of what random clips of a prompt have in one measure.

    Args:
        name: of the measure.
        end: 0 for the lowest quarter, 1 for the highest.
        pool: the random clips.
    """

    def __init__(self, name: str, end: int, pool: np.ndarray):
        self.name, self.end, self._measure = name, end, MEASURES[name]
        self._sign = 1 if end else -1
        self._edge = np.quantile([self._sign * self._measure(clip) for clip in pool], 0.75)

    def distances(self, clips: np.ndarray) -> np.ndarray:
        """How far each clip is from matching; 0 and less for those that do."""
        return np.array([self._edge - self._sign * self._measure(clip) for clip in clips])


def feedback(generator, prompt: str, want: Want, seed: int) -> list[float]:
    """Share of matching new candidates in each round, of a user who marks them."""
    session = GenerationSession(generator, prompt, CANDIDATES, seed)
    shares = []
    for round in range(ROUNDS):
        if round:
            far = want.distances(session.clips)
            more = np.flatnonzero(far <= 0) if (far <= 0).any() else [int(np.argmin(far))]
            session.next(map(int, more), [place for place in range(CANDIDATES) if place not in more])
        shares.append(float(np.mean(want.distances(session.clips[session.now.kept :]) <= 0)))
    return shares


def restarts(generator, prompt: str, seed: int) -> list[np.ndarray]:
    """The clips of each round, all of them new."""
    session = GenerationSession(generator, prompt, CANDIDATES, seed)
    rounds = [session.clips]
    for _ in range(ROUNDS - 1):
        session.next()
        rounds.append(session.clips)
    return rounds


def edits(generator, prompts: list[str], seed: int) -> list[np.ndarray]:
    """The clips of each round, of the same noise in one wording after the other."""
    session = GenerationSession(generator, prompts[0], CANDIDATES, seed)
    wordings = [session.clips]
    for prompt in prompts[1:ROUNDS]:
        session.edit(prompt)
        wordings.append(session.clips)
    return list(itertools.islice(itertools.cycle(wordings), ROUNDS))


def known(generator, prompts: list[str]) -> list[str]:
    """Those that the model can read."""
    readable = []
    for prompt in prompts:
        try:
            readable.append(generator.check(prompt))
        except UserError:
            pass
    return readable


def locks(generator, judge, actor: Actor, pool: np.ndarray, seed: int) -> dict[str, list[bool]]:
    """For each part that can be locked, which candidates have kept what it decides after two more rounds."""
    prompt = describe([actor])
    spread = {name: np.std([MEASURES[name](clip) for clip in pool]) for name in ("thickness", "slant")}
    stays: dict[str, list[bool]] = {}
    for part in ("content", "motion", FIRST_FRAME):
        session = GenerationSession(generator, prompt, CANDIDATES, seed)
        place = clearest(session.clips, judge, prompt)
        chosen = session.clips[place]
        session.lock(part, place)
        session.next(more=[1], less=[2])
        session.next()
        stays[part] = [bool(STAYS[part](clip, chosen, judge, spread)) for clip in session.clips]
    return stays


def clearest(clips: np.ndarray, judge, prompt: str) -> int:
    """The place of the clip that moves fastest at first, of those that the judge reads as asked, if there are any."""
    speeds = np.array([abs(first_movement(clip)) for clip in clips])
    return int(np.argmax(speeds + 1000 * np.array([judge(clip) == prompt for clip in clips])))


def _same_digit(clip, chosen, judge, spread) -> bool:
    near = all(abs(MEASURES[name](clip) - MEASURES[name](chosen)) <= spread[name] / 2 for name in spread)
    return near and judge(clip).split()[:2] == judge(chosen).split()[:2]


def _same_motion(clip, chosen, judge, spread) -> bool:
    return judge(clip).split()[3:] == judge(chosen).split()[3:] and first_movement(clip) * first_movement(chosen) > 0


def judged_alone(judge, actors: tuple[Actor, ...] = ACTORS, pairs: int = 40) -> float:
    """Share of pairs of real clips with one path, each in a handwriting of its own, whose motion the judge calls the
    same: the most that a locked motion can reach."""
    rng = np.random.default_rng(0)
    found = [_same_motion(*_filmed_twice(actor, rng), judge, None) for actor in actors for _ in range(pairs)]
    return float(np.mean(found))


def _filmed_twice(actor: Actor, rng: np.random.Generator) -> list[np.ndarray]:
    room, axis = FRAME_SIZE - DIGIT_SIZE, 0 if actor.direction == VERTICAL else 1
    corners = np.tile(rng.integers(0, room + 1, size=2), (CLIP_FRAMES, 1))
    speed = rng.integers(2, 6) * rng.choice([-1, 1])
    corners[:, axis] = room - np.abs(room - (corners[0, axis] + speed * np.arange(CLIP_FRAMES)) % (2 * room))
    clips = np.zeros((2, CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), "uint8")
    for clip, image in zip(clips, rng.permutation(handwriting_of("test")[actor.digit])[:2]):
        for frame, (top, left) in zip(clip, corners):
            frame[top : top + DIGIT_SIZE, left : left + DIGIT_SIZE] = image[..., None]
    return list(clips)


STAYS = {
    "content": _same_digit,
    "motion": _same_motion,
    FIRST_FRAME: lambda clip, chosen, judge, spread: np.array_equal(clip[0], chosen[0]),
}


def measure_locks(generator, judge, seeds: int = SEEDS, report=print) -> dict:
    """What became of locked parts: shares of candidates, and of all that the judge can find the same."""
    kept: dict[str, list[bool]] = {}
    for number, actor in enumerate(ACTORS):
        pool = np.concatenate(restarts(generator, describe([actor]), FAR**2))
        for seed in range(1, seeds + 1):
            for part, stays in locks(generator, judge, actor, pool, FAR * (1 + seed) + 1000 * number).items():
                kept.setdefault(part, []).extend(stays)
        report(f"{describe([actor])}: {', '.join(f'{part} {np.mean(stays):.1%}' for part, stays in kept.items())}")
    return {
        "locked_stay": {part: float(np.mean(stays)) for part, stays in kept.items()},
        "candidates": len(kept["motion"]),
        "motion_of_real_clips": judged_alone(judge),
    }


def measure(generator, judge, seeds: int = SEEDS, actors: tuple[Actor, ...] = ACTORS, report=print) -> dict:
    """Shares by way and round, of sessions for every actor and measure; and what became of locked parts."""
    shares: dict[str, list] = {"feedback": [], "restarts": [], "editing": []}
    rows, kept, seconds = [], {}, []
    for number, actor in enumerate(actors):
        prompt = describe([actor])
        prompts = known(generator, [prompt, *reword([actor])])
        pool = np.concatenate([*restarts(generator, prompt, FAR**2), *restarts(generator, prompt, 2 * FAR**2)])
        for seed in range(1, seeds + 1):
            first = FAR * (1 + seed) + 1000 * number  # the rule's constants were chosen with seeds below 2 * FAR
            others = restarts(generator, prompt, first + FAR // 2)
            reworded = edits(generator, prompts, first)
            for place, name in enumerate(MEASURES):
                want = Want(name, (place + number + seed) % 2, pool)
                began = time.perf_counter()
                found = feedback(generator, prompt, want, first)
                seconds.append((time.perf_counter() - began) / ROUNDS)
                shares["feedback"].append(found)
                for way, rounds in (("restarts", others), ("editing", reworded)):
                    shares[way].append([float(np.mean(want.distances(clips) <= 0)) for clips in rounds])
                rows.append({"prompt": prompt, "want": name, "end": want.end, "seed": seed, "shares": found})
            for part, stays in locks(generator, judge, actor, pool, first).items():
                kept.setdefault(part, []).extend(stays)
            report(f"{prompt}, seed {seed}: round {ROUNDS} {np.mean([row['shares'][-1] for row in rows]):.1%} so far")
    return {
        "model": generator.info,
        "sessions": len(rows),
        "shares": {way: np.mean(found, axis=0).tolist() for way, found in shares.items()},
        "by_want": {
            name: np.mean([row["shares"][-1] for row in rows if row["want"] == name]) for name in MEASURES
        },
        "locked_stay": {part: float(np.mean(stays)) for part, stays in kept.items()},
        "seconds_a_round": float(np.median(seconds)),
        "rows": rows,
    }


def to_markdown(found: dict) -> str:
    """The table of shares, and what became of locked parts."""
    head = " | ".join(f"round {round}" for round in range(1, ROUNDS + 1))
    titles = {"feedback": "more and less", "restarts": "random restarts", "editing": "prompt editing alone"}
    lines = [f"| | {head} |", f"| --- |{' ---: |' * ROUNDS}"]
    for way, shares in found["shares"].items():
        lines.append(f"| {titles[way]} | {' | '.join(f'{share:.1%}' for share in shares)} |")
    wants = ", ".join(f"{name} {share:.1%}" for name, share in found["by_want"].items())
    stays = ", ".join(f"{part} {share:.1%}" for part, share in found["locked_stay"].items())
    return "\n".join(
        [
            *lines,
            "",
            f"{found['sessions']} sessions; round {ROUNDS} by what was wanted: {wants}.",
            f"Locked parts that stay: {stays}. {found['seconds_a_round']:.2f} s a round.",
        ]
    )


def main() -> None:
    from vtkeras.serving.generator import Generator
    from vtkeras.serving.predictor import Predictor

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a run folder with an exported generator; default the shipped one")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only-locks", action="store_true", help="measure locked parts alone")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "creation.json")
    options = parser.parse_args()
    generator = Generator.load(options.model or shipped_model("text_to_video", "moving_digits"))
    judge = Predictor(shipped_model(*JUDGE))
    if options.only_locks:
        found = measure_locks(generator, lambda clip: judge.caption(clip).text, options.seeds)
        return print(json.dumps(found, indent=1))
    found = measure(generator, lambda clip: judge.caption(clip).text, options.seeds)
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(to_markdown(found))


if __name__ == "__main__":
    main()
