"""How many damaged files pass as complete: `make bench-damage`.

Of five small files in five codecs, 200 copies each with five flipped bits and 100 each that are cut are read. One
that gives fewer frames than the whole file passes if nothing is said about it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import av
import numpy as np

from tests.fixtures.formats import write
from vtkeras.data.video import read_frames
from vtkeras.errors import UserError

CODECS = {"a.mp4": "libx264", "b.mov": "mpeg4", "c.mkv": "libx265", "d.webm": "libvpx-vp9", "e.avi": "mpeg4"}
FRAMES = 50


def frames_of(path: Path) -> int:
    """How many frames FFmpeg gives, whatever is wrong with others."""
    count = 0
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                try:
                    count += len(packet.decode())
                except Exception:
                    continue
    except Exception:
        return count
    return count


def outcome(path: Path) -> str:
    """What becomes of a damaged file."""
    try:
        told = not read_frames(path, 16).complete
    except UserError:
        return "set aside"
    return "told" if told else "passes" if frames_of(path) < FRAMES else "all frames there"


def damaged(data: bytes, rng: np.random.Generator, flips: int, cuts: int):
    """Copies of a file: with five flipped bits each, and cut at even distances."""
    for _ in range(flips):
        copy = bytearray(data)
        for place in rng.integers(0, len(data), 5):
            copy[place] ^= 1 << int(rng.integers(8))
        yield "flipped", bytes(copy)
    for number in range(1, cuts + 1):
        yield "cut", data[: len(data) * number // (cuts + 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=200, help="copies of each codec")
    parser.add_argument("--cuts", type=int, default=100, help="copies of each codec")
    options = parser.parse_args()
    rng, found = np.random.default_rng(0), Counter()
    squares = rng.integers(0, 255, (8, 20, 3), np.uint8).repeat(6, axis=0).repeat(6, axis=1)
    with tempfile.TemporaryDirectory() as home:
        for name, codec in CODECS.items():
            path = Path(home) / name
            write(path, [squares[:, start : start + 64] for start in range(FRAMES)], codec, g="12")
            assert read_frames(path, 16).complete and frames_of(path) == FRAMES
            whole = path.read_bytes()
            for kind, data in damaged(whole, rng, options.flips, options.cuts):
                path.write_bytes(data)
                found[kind, outcome(path)] += 1
    outcomes = ["set aside", "told", "all frames there", "passes"]
    print(f"| | {' | '.join(outcomes)} |\n| --- |" + " ---: |" * len(outcomes))
    for kind in ("flipped", "cut"):
        print(f"| {kind} | " + " | ".join(str(found[kind, one]) for one in outcomes) + " |")


if __name__ == "__main__":
    main()
