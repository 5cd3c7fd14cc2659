"""Times several ways to do the same thing side by side, in turn, so that a busy machine is busy for all."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path


def measure(systems: dict[str, Callable], rounds: int = 15, budget: float = 6.0) -> dict[str, dict]:
    """Calls every system once a round, after a first call that does not count.

    Args:
        systems: name to a callable without arguments; the first one is what the others are compared with.
        rounds: how often, the median of which counts.
        budget: CPU seconds that one system may take after its first three rounds; the rest go without it.

    Returns:
        name to dict of milliseconds (median of the clock), cpu_milliseconds (median of what the process
        took, which other programs do not lengthen), times (median over rounds of how many times as long
        as the first system, by CPU) and rounds.
    """
    for run in systems.values():
        run()
    taken = {name: [] for name in systems}
    for _ in range(rounds):
        for name, run in systems.items():
            if len(taken[name]) >= 3 and sum(cpu for _, cpu in taken[name]) > budget:
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    first = next(iter(taken.values()))
    return {
        name: {
            "milliseconds": round(1e3 * statistics.median(wall for wall, _ in all_), 2),
            "cpu_milliseconds": round(1e3 * statistics.median(cpu for _, cpu in all_), 2),
            "times": round(statistics.median(cpu / ours for (_, cpu), (_, ours) in zip(all_, first)), 2),
            "rounds": len(all_),
        }
        for name, all_ in taken.items()
    }


def machine(*packages: str) -> dict:
    """Processor, and the versions of what was compared."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    versions = {package: version(package) for package in packages}
    return {"processor": names[0] if names else platform.processor(), "threads": 1, **versions}


def to_markdown(report: dict[str, dict], about: dict) -> str:
    """One table a comparison."""
    parts = [", ".join(f"{name} {value}" for name, value in about.items())]
    for title, results in report.items():
        rows = [
            f"| {name} | {one['cpu_milliseconds']:.1f} | {one['milliseconds']:.1f} | {one['times']:.2f} |"
            for name, one in results.items()
        ]
        head = [f"| {title} | CPU ms | clock ms | times as long |", "| --- | ---: | ---: | ---: |"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts) + "\n"


def write(report: dict[str, dict], about: dict, path: Path) -> None:
    """Writes `path` with `.json` and with `.md`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps({"about": about, **report}, indent=1) + "\n")
    path.with_suffix(".md").write_text(to_markdown(report, about))
