# SPDX-License-Identifier: GPL-2.0-only
"""The figures of a run that runs are compared by."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from .measurement import GIB, Interval
from .runs import Run


@dataclass(frozen=True)
class Quantity:
    """A figure with its unit, and which values of it are better, if any are."""

    name: str
    unit: str
    better: str = ""

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


THROUGHPUT = Quantity("throughput", "Gbit/s", "more")
IDLE = Quantity("idle time of the workers' CPUs", "%", "more")
RECEIVER_CPU = Quantity("CPU time of the receiver's threads", "s/GiB", "less")
SENDER_CPU = Quantity("CPU time of the sender's threads", "s/GiB", "less")
FLOW_SPREAD = Quantity("spread of the flows' throughput", "% of their mean")
FRAGMENT = Quantity("payload of a fragment", "bytes")
PER_CALL = Quantity("fragments of a recvmsg", "")
DEVICE = Quantity("payload in device memory", "%", "more")
RETRANSMITS = Quantity("retransmits", "per GiB", "less")
DROPS = Quantity("packets that queues dropped", "per GiB", "less")
MEDIAN_LATENCY = Quantity("latency, median", "µs", "less")
LATENCY_OF_99 = Quantity("latency, 99 %", "µs", "less")


def _flow_spread(run: Run) -> float | None:
    rates = [flow.gigabits for flow in run.main.flows]
    if len(rates) < 2 or not any(rates):
        return None
    return statistics.stdev(rates) / statistics.fmean(rates) * 100


def _fragment(run: Run) -> float | None:
    end = run.receiver
    if not end or not end.fragments:
        return None
    return end.kinds.get("device", 0) / end.fragments


def _per_call(run: Run) -> float | None:
    end = run.receiver
    if not end or end.fragments is None or not end.recvmsg_calls:
        return None
    return end.fragments / end.recvmsg_calls


def _device(run: Run) -> float | None:
    end = run.receiver
    return end.kinds.get("device", 0) / end.bytes * 100 if end and end.bytes else None


def _retransmits(run: Run) -> float | None:
    end = run.sender
    return end.retransmits / end.bytes * GIB if end and end.bytes else None


def _drops(run: Run) -> float | None:
    end = run.receiver
    if not end or end.drops is None or not end.bytes:
        return None
    return end.drops / end.bytes * GIB


OF_A_RUN: dict[Quantity, Callable[[Run], float | None]] = {
    THROUGHPUT: lambda run: run.main.gigabits,
    IDLE: lambda run: run.main.idle,
    RECEIVER_CPU: lambda run: run.receiver.cpu_seconds_per_gib if run.receiver else None,
    SENDER_CPU: lambda run: run.sender.cpu_seconds_per_gib if run.sender else None,
    FLOW_SPREAD: _flow_spread,
    FRAGMENT: _fragment,
    PER_CALL: _per_call,
    DEVICE: _device,
    RETRANSMITS: _retransmits,
    DROPS: _drops,
    MEDIAN_LATENCY: lambda run: run.latency.median if run.latency else None,
    LATENCY_OF_99: lambda run: run.latency.p99 if run.latency else None,
}

# What the intervals of a run have as well
OF_AN_INTERVAL: dict[Quantity, Callable[[Interval], float | None]] = {
    THROUGHPUT: lambda interval: interval.gigabits,
    IDLE: lambda interval: interval.idle,
}


def values(quantity: Quantity, runs: list[Run]) -> list[float] | None:
    """Of each run its value; None unless all have one."""
    taken = [OF_A_RUN[quantity](run) for run in runs]
    known = [value for value in taken if value is not None]
    return known if known and len(known) == len(taken) else None


def series(quantity: Quantity, run: Run) -> list[float] | None:
    """The values of the whole intervals of a run; None unless all have one."""
    taken = [OF_AN_INTERVAL[quantity](interval) for interval in run.main.whole_intervals()]
    known = [value for value in taken if value is not None]
    return known if known and len(known) == len(taken) else None
