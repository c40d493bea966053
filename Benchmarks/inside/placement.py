# SPDX-License-Identifier: GPL-2.0-only
"""Who runs where, so that a program is charged for what it does and nothing else.

A kernel that does not account for interrupts on their own (Debian's) charges a process for all
that the network does on its CPU meanwhile, the peer's sending among it: as much again as what the
process does, or nothing, as the hash of the flow's ports has it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from testbed.hosts import NIC, REMOTE_NIC, output

CPUS = sorted(os.sched_getaffinity(0))
ON_REMOTE = ("ip", "netns", "exec", "remote")


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Leaves the first CPU to what is measured. The last one has the peer and all interrupts: the
    software NIC's queues interrupt the CPUs in turn, the tools steer flows to the last queue, the
    peer receives and both send by a queue that interrupts the same CPU."""
    if len(CPUS) == 1:
        yield
        return
    queue = len(list(Path(f"/sys/class/net/{NIC}/queues").glob("tx-*"))) - 1
    everyone = f"{sum(1 << cpu for cpu in CPUS):x}"
    os.sched_setaffinity(0, {queue % len(CPUS)})
    output(*ON_REMOTE, "ethtool", "-X", REMOTE_NIC, "weight", *["0"] * queue, "1")
    _send_by(queue, everyone)
    try:
        yield
    finally:
        _send_by(queue, "0")
        output(*ON_REMOTE, "ethtool", "-X", REMOTE_NIC, "default")
        os.sched_setaffinity(0, CPUS)


def _send_by(queue: int, cpus: str) -> None:
    """Has these CPUs, a mask in hexadecimal, send by a queue on both hosts."""
    for host, nic in ((), NIC), (ON_REMOTE, REMOTE_NIC):
        path = f"/sys/class/net/{nic}/queues/tx-{queue}/xps_cpus"
        output(*host, "sh", "-c", f"echo {cpus} >{path}")


def measured(command: list[str]) -> list[str]:
    """The command line that runs a program on the first CPU."""
    return ["taskset", "--cpu-list", str(CPUS[0]), *command]
