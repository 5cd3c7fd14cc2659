"""`python -m tests.benchmarks.sets NAME --out DIR`."""

import argparse
from pathlib import Path

from tests.benchmarks.sets import SETS, maker

parser = argparse.ArgumentParser(
    prog="python -m tests.benchmarks.sets",
    description="Writes a set to develop or to measure on.",
    epilog="; ".join(f"{name}: {told}" for name, told in SETS.items()),
)
parser.add_argument("name", choices=SETS)
parser.add_argument("--out", type=Path, required=True, help="folder for the media files and captions.csv")
parser.add_argument("--clips", type=int, help="fewer clips than the set has")
parser.add_argument("--seed", type=int, default=0, help="another seed makes other clips")
given = parser.parse_args()
maker(given.name)(given.out, given.clips, given.seed)
print(f"{given.out}; next: vtkeras data ingest {given.out} --captions {given.out}/captions.csv --out DATA")
