# SPDX-License-Identifier: GPL-2.0-only
"""What a run cost, and how two kinds of run compare."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import IO

MIB, GIB = 1 << 20, 1 << 30


@dataclass
class Cost:
    """One run: seconds of time and of CPU for so many bytes."""

    size: int
    elapsed: float
    user: float
    system: float


def rate(cost: Cost) -> float:
    """MiB/s."""
    return cost.size / MIB / cost.elapsed


def user(cost: Cost) -> float:
    """Seconds of user CPU time per GiB."""
    return cost.user / cost.size * GIB


def system(cost: Cost) -> float:
    """Seconds of system CPU time per GiB."""
    return cost.system / cost.size * GIB


def total(cost: Cost) -> float:
    """Seconds of CPU time per GiB."""
    return user(cost) + system(cost)


def spent(process: Popen[bytes]) -> tuple[float, float]:
    """Seconds of user and of system CPU time that a process has used so far, with those of its
    children that have ended."""
    stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii")
    fields = stat.rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    own_user, own_system, of_children_user, of_children_system = map(int, fields[11:15])
    return (own_user + of_children_user) / tick, (own_system + of_children_system) / tick


def silent(
    command: list[str], stdin: int | IO[bytes] = subprocess.DEVNULL, inherits: tuple[int, ...] = ()
) -> Popen[bytes]:
    """Starts a program whose output costs as little as output can."""
    null = subprocess.DEVNULL
    return Popen(command, stdin=stdin, stdout=null, stderr=null, pass_fds=inherits)


def wait(
    process: Popen[bytes], size: int, begun: float,
    before: tuple[float, float] = (0, 0)
) -> Cost:
    """Waits for the end of a process, and fails unless it succeeded. What it had spent before
    does not count."""
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{process.args}: exit status {process.returncode}")
    # The memory of this run must be back before the next one.
    time.sleep(0.5)
    return Cost(size, elapsed, usage.ru_utime - before[0], usage.ru_stime - before[1])


@dataclass
class Row:
    """A quantity to compare: its title, its value, and what its ratio has to be."""

    title: str
    value: Callable[[Cost], float]
    at_most: float | None = None
    at_least: float | None = None
    # What no run of the tool may exceed, whatever the reference does.
    limit: float | None = None

    @property
    def better(self) -> str:
        """Which values are better: "more" or "less". What is no rate is a cost."""
        return "more" if self.value is rate else "less"

    def verdict(self, ratio: float, most: float) -> str:
        """Whether the targets are met, if there are any."""
        targets = [self._target(ratio)]
        if self.limit is not None:
            outcome = "met" if most <= self.limit else "MISSED"
            targets.append(f"each at most {self.limit}: {outcome}")
        return ", ".join(filter(None, targets))

    def _target(self, ratio: float) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most}: {'met' if ratio <= self.at_most else 'MISSED'}"
        if self.at_least is not None:
            return f"at least {self.at_least}: {'met' if ratio >= self.at_least else 'MISSED'}"
        return ""


# What has been compared so far, for a document (share/report/bench.py reads it)
compared: list[dict] = []


def by_turns(runs: int, *measured: Callable[[], Cost]) -> list[list[Cost]]:
    """Measures each of them so many times, one after the other."""
    costs: list[list[Cost]] = [[] for _ in measured]
    for _ in range(runs):
        for taken, measure in zip(costs, measured):
            taken.append(measure())
    return costs


def compare(title: str, reference: str, costs: list[list[Cost]], *rows: Row) -> None:
    """Prints the cost of the reference, that of the tool, and their ratios."""
    theirs, ours = costs
    kept: list[dict] = []
    size = f", {ours[0].size / MIB:g} MiB" if ours[0].size > 1 else ""
    print(f"{title}{size}, {len(ours)} runs each")
    print(f"  {'':22}{reference:>25}{'ncdevmem':>25}{'ratio':>9}")
    for row in rows:
        cells = []
        for taken in theirs, ours:
            values = [row.value(cost) for cost in taken]
            middle = statistics.median(values)
            cells.append((middle, f"{middle:.2f} [{min(values):.2f} {max(values):.2f}]"))
        ratio = cells[1][0] / cells[0][0] if cells[0][0] else float("nan")
        most = max(row.value(cost) for cost in ours)
        print(f"  {row.title:22}{cells[0][1]:>25}{cells[1][1]:>25}{ratio:9.3f}"
              f"  {row.verdict(ratio, most)}".rstrip())
        kept.append({
            "title": row.title, "better": row.better,
            "reference": [row.value(cost) for cost in theirs],
            "measured": [row.value(cost) for cost in ours],
            "ratio": None if math.isnan(ratio) else ratio, "target": row.verdict(ratio, most)})
    compared.append({
        "title": title + size, "reference": reference, "measured": "ncdevmem", "rows": kept})
    print(flush=True)
