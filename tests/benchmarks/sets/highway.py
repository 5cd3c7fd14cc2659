"""Clips of the driving simulator highway-env (Leurent, 2018), seen from above: 16 frames in which a green car drives
on a motorway or turns at a crossroads. Each has a sentence, made of what the simulator says of its cars, and a label.
"""

import functools
from pathlib import Path

import numpy as np
from highway_env.envs import HighwayEnv, IntersectionEnv
from highway_env.vehicle.behavior import IDMVehicle

from tests.benchmarks.sets.writing import Clip, split_sizes, write_set

FRAMES, FPS, WIDTH, HEIGHT = 16, 4, 192, 128
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
CLIPS = 300
NUMBERS = ("no", "one", "two", "three", "four", "five")
SPEEDS = (16.0, 22.0, 28.0, 34.0)  # m/s of the green car; the others drive at about 22
KEEP, LEFT, RIGHT, FASTER = "IDLE", "LANE_LEFT", "LANE_RIGHT", "FASTER"
DRAWN = {
    "screen_width": WIDTH, "screen_height": HEIGHT, "centering_position": [0.5, 0.5], "offscreen_rendering": True,
    "policy_frequency": FPS, "simulation_frequency": 3 * FPS, "duration": FRAMES,
}  # fmt: skip


class CrossingCar(IDMVehicle):
    """The crossroads set how all cars of a class drive; those of the motorway are to stay as they are."""


def make(out: Path, clips: int | None, seed: int) -> None:
    """Drives the clips and writes them as mp4 files, with captions.csv beside them."""
    write_set(out, split_sizes(clips or CLIPS, SHARES), FPS, functools.partial(play, seed))


def play(seed: int, split: str, index: int) -> tuple[np.ndarray, Clip]:
    """One clip, the same for the same arguments: uint8 (16, 128, 192, 3), and what is said of it."""
    rng = np.random.default_rng([seed, list(SHARES).index(split), index])
    drive = motorway if rng.random() < 0.8 else crossroads
    found = None
    while found is None:
        found = drive(rng)
    frames, caption, label = found
    return frames, Clip("", split, caption, label)


def motorway(rng: np.random.Generator) -> tuple[np.ndarray, str, str] | None:
    """A car changes lanes or does not, and passes others or is passed; None after a crash."""
    lanes, way, changes = int(rng.integers(2, 5)), str(rng.choice([KEEP, LEFT, RIGHT])), int(rng.integers(1, 3))
    road = _road(HighwayEnv, IDMVehicle, 3.5)
    _reset(road, rng, {"lanes_count": lanes, "vehicles_count": int(rng.integers(6, 16))})
    own, others = road.vehicle, [car for car in road.road.vehicles if car is not road.vehicle]
    own.position[0] = rng.choice([car.position[0] for car in others]) + rng.uniform(-10, 10)
    own.target_speed = own.speed = float(rng.choice(SPEEDS))
    if any(np.linalg.norm(car.position - own.position) < 8 for car in others):
        return None
    start, before = own.lane_index[2], _ahead(own, others)
    turns = dict.fromkeys((2, 8) if changes == 2 else (int(rng.integers(2, 8)),), way)
    frames = _drive(road, [turns.get(step, KEEP) for step in range(FRAMES - 1)])
    after, changed = _ahead(own, others), own.lane_index[2] - start
    passed, passed_by = int(sum((before > 0) & (after < 0))), int(sum((before < 0) & (after > 0)))
    unclear = any(abs(after) < 5) or (passed and passed_by) or max(passed, passed_by) >= len(NUMBERS)
    if frames is None or unclear:
        return None
    label = "stays in its lane" if not changed else f"moves to the {'right' if changed > 0 else 'left'}"
    move = label if abs(changed) < 2 else f"{label} by {NUMBERS[abs(changed)]} lanes"
    other = f"is passed by {_cars(passed_by)}" if passed_by else f"passes {_cars(passed)}"
    return frames, f"on a motorway of {NUMBERS[lanes]} lanes the green car {move} and {other}", label


def crossroads(rng: np.random.Generator) -> tuple[np.ndarray, str, str] | None:
    """A car turns or goes straight on; None after a crash, or if it does not get across."""
    road = _road(IntersectionEnv, CrossingCar, 2.6)
    _reset(road, rng, {"initial_vehicle_count": int(rng.integers(2, 14)), "destination": f"o{rng.integers(1, 4)}"})
    own = road.vehicle
    own.position[1] -= 15  # nearer to the crossing, which it reaches from below
    frames = _drive(road, [FASTER] * (FRAMES - 1))
    if frames is None or not own.lane_index[0].startswith("il"):
        return None
    turned = np.angle(np.exp(1j * (own.heading + np.pi / 2)))  # y points down
    label = "goes straight on" if abs(turned) < 0.5 else f"turns {'right' if turned > 0 else 'left'}"
    return frames, f"at a crossroads the green car {label}", label


@functools.cache
def _road(kind: type, cars: type, scaling: float):
    config = {**DRAWN, "other_vehicles_type": f"{cars.__module__}.{cars.__name__}", "scaling": scaling}
    return kind(config=config, render_mode="rgb_array")


def _reset(road, rng: np.random.Generator, options: dict) -> None:
    np.random.seed(rng.integers(2**32))  # the simulator asks NumPy itself where a car goes next
    road.configure(options)
    road.reset(seed=int(rng.integers(2**31)))


def _drive(road, actions: list[str]) -> np.ndarray | None:
    """The frames; None after a crash."""
    indices = {name: index for index, name in road.action_type.actions.items()}
    frames = [road.render()]
    for action in actions:
        road.step(indices.get(action, indices[KEEP]))
        frames.append(road.render())
    return None if any(car.crashed for car in road.road.vehicles) else np.stack(frames)


def _ahead(own, others: list) -> np.ndarray:
    """How far each car is ahead of the green one, in metres."""
    return np.array([car.position[0] - own.position[0] for car in others])


def _cars(count: int) -> str:
    return f"{NUMBERS[count]} {'car' if count == 1 else 'cars'}"
