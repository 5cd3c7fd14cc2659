"""A pytest plugin: what a run of the tests cost, in three figures below its summary.

The figures are those of `make test`'s bounds: processor time and peak memory of all processes (the workers and what
they start), and how far apart the workers ended.
"""

import contextlib
import resource
import threading
import time

import psutil

SECONDS, GIGABYTES, APART = 1500, 6, 60  # the bounds of the default suite on two workers
SAMPLING_INTERVAL = 0.5
NOTICED = 5e7  # bytes above the peak so far
NEAR = 0.75e9 * GIGABYTES  # bytes from which on the bound is near


class Cost:
    """Watches the process that controls the run; xdist's workers are its children."""

    def __init__(self):
        self.peak, self.used, self.ended, self.stopped = 0, {}, {}, threading.Event()
        self.sampler = threading.Thread(target=self.sample, daemon=True)

    def sample(self):
        """Keeps the most memory that this process and its descendants held, and the time of each."""
        this = psutil.Process()
        while not self.stopped.wait(SAMPLING_INTERVAL):
            resident, processes = 0, [this, *this.children(recursive=True)]
            for process in processes:
                with contextlib.suppress(psutil.Error):  # it ended in the meantime
                    info = process.memory_info()
                    resident += info.rss - info.shared
                    self.used[process] = sum(process.cpu_times()[:2])
            if resident > self.peak + NOTICED:
                near = resident > NEAR  # only then the exact sum, which takes a tenth of a second each
                self.peak = max(self.peak, sum(map(proportional, processes)) if near else resident)

    def pytest_sessionstart(self):
        self.sampler.start()

    def pytest_runtest_logreport(self, report):
        self.ended[getattr(report, "worker_id", "master")] = time.monotonic()

    def pytest_terminal_summary(self, terminalreporter):
        self.stopped.set()
        waited = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        # The first sum lacks processes that nobody waited for, the second what was used since the last sample.
        seconds = max(sum(one.ru_utime + one.ru_stime for one in waited), sum(self.used.values()))
        ends = self.ended.values() or [0]
        default = terminalreporter.config.option.markexpr in terminalreporter.config.getini("addopts")
        seconds_bound, memory_bound, apart_bound = (
            f" (bound {bound:,})" if default else "" for bound in (SECONDS, GIGABYTES, APART)
        )
        terminalreporter.write_line(
            f"{seconds:,.0f} processor seconds{seconds_bound}, {self.peak / 1e9:.1f} GB at peak{memory_bound}, "
            f"{len(ends)} worker(s) ended within {max(ends) - min(ends):.0f} s{apart_bound}"
        )


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Cost(), "cost")


def proportional(process: psutil.Process) -> int:
    """Bytes that a process holds, of pages that several have in common its part (PSS); 0 once it has ended.

    A process that was just forked has all of its parent's pages without taking any memory, and libraries are mapped
    into each process that uses them.
    """
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(found, "pss", found.uss)  # Linux alone knows it
