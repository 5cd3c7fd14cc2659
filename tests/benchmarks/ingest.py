"""Ingest beside raw decoding: `make bench-ingest`.

Both read the same clips in one run, in turn: PyAV decodes every frame and does nothing with them, in this process and
with its default threads; `ingest` does all that it does, to the shards on disk, and its start counts. The clips are as
people bring them: several codecs and sizes, turned, with wide pixels, transparent, HDR. Prints frames of the clips for
each second of the clock, and for each second that processors worked, which other programs do not lengthen.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from fractions import Fraction  # noqa: E402
from pathlib import Path  # noqa: E402

import av  # noqa: E402
import numpy as np  # noqa: E402

from tests.fixtures.formats import WIDE, write  # noqa: E402
from vtkeras.data.ingest import ingest  # noqa: E402

FRAMES = 250
KINDS: dict[str, dict] = {
    "plain.mp4": {},
    "large.mp4": {"size": (1280, 720)},
    "turned.mov": {"codec": "libx264", "turn": (90, False)},
    "wide_pixels.mkv": {"aspect": Fraction(64, 45)},
    "small.webm": {"size": (320, 240)},
    "old.avi": {},
    "hdr.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le", "color": WIDE["PQ"]},
    "transparent.mov": {"codec": "prores_ks", "pix_fmt": "yuva444p10le", "size": (320, 240), "alpha": True},
}


def make(path: Path, size: tuple[int, int] = (640, 480), alpha: bool = False, **options) -> None:
    """A clip of coloured clouds that drift."""
    width, height = size
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (height // 16, width // 16, 4 if alpha else 3), np.uint8)
    picture = small.repeat(16, axis=0).repeat(16, axis=1)
    write(path, (np.roll(picture, 3 * number, axis=1) for number in range(FRAMES)), **options)


def decode_all(folder: Path) -> None:
    """Every frame of every clip by PyAV."""
    for path in sorted(folder.iterdir()):
        with av.open(str(path)) as container:
            for _ in container.decode(video=0):
                pass


def ingest_all(folder: Path) -> None:
    """Ingests the clips into a new folder."""
    with tempfile.TemporaryDirectory() as home:
        captions = Path(home) / "captions.csv"
        rows = [f"{path.name},clouds" for path in sorted(folder.iterdir())]
        captions.write_text("\n".join(["path,caption", *rows]), encoding="utf-8")
        manifest = ingest(folder, captions, Path(home) / "out")
        assert not manifest.set_aside and not manifest.partial, (manifest.set_aside, manifest.partial)


def seconds(run: Callable[[], None]) -> tuple[float, float]:
    """Seconds of a call: of the clock, and of work by this process and its children."""
    begin, worked = time.perf_counter(), _worked()
    run()
    return time.perf_counter() - begin, _worked() - worked


def _worked() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=12, help="of each clip")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        systems = {"PyAV, every frame decoded": lambda: decode_all(folder), "ingest": lambda: ingest_all(folder)}
        for name, clip in KINDS.items():
            make(folder / name, **clip)
            for copy in range(1, options.copies):
                (folder / f"{copy}_{name}").write_bytes((folder / name).read_bytes())
        taken = [[seconds(run) for run in systems.values()] for _ in range(options.rounds)]
        total = FRAMES * len(KINDS) * options.copies
    print("| | frames a second | times PyAV | frames a second of work | times PyAV |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for place, name in enumerate(systems):
        cells = []
        for kind in range(2):
            speed = total / statistics.median(one[place][kind] for one in taken)
            times = statistics.median(one[0][kind] / one[place][kind] for one in taken)
            cells += [f"{speed:,.0f}", f"{times:.2f}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
