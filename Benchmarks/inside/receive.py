# SPDX-License-Identifier: GPL-2.0-only
"""Receiving: against the C tool, and against the least that it can cost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from testbed.devmem import Buffer, Netlink
from testbed.habits import split
from testbed.hosts import LOCAL, NIC, Sender, free_port, output, pattern, wait_listening
from testbed.tool import BINARY

from .measure import Cost, Row, by_turns, compare, rate, silent, spent, system, total, user, wait
from .placement import apart, measured

# Where computing costs what it costs the host, and a system call 50 times that. All CPU time is
# the system's there.
USER_MODE = "User Mode Linux" in Path("/proc/cpuinfo").read_text(encoding="ascii")

FLOOR = ".build/floor"
# As the tool does by default
MEMORY = 16000 * 4096
PERIOD = 7
VALIDATING = ("-v", str(PERIOD))


def take(command: list[str], port: int, size: int, inherits: tuple[int, ...] = ()) -> Cost:
    """Has a program that listens at a port receive a stream. What it cost to get there does not
    count: process.py measures that."""
    with silent(measured(command), inherits=inherits) as process:
        wait_listening(port, process)
        before = spent(process)
        sender = Sender(4, port, pattern(size, PERIOD))
        begun = time.monotonic()
        sender.start()
        cost = wait(process, size, begun, before)
        sender.join(10)
    if sender.error or sender.sent != size:
        raise SystemExit(f"{command}: {sender.sent} bytes sent, {sender.error}")
    return cost


def tool(binary: str | Path, size: int, *options: str) -> Cost:
    """Has either tool receive a stream."""
    port = free_port()
    command = [str(binary), "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), *options]
    return take(command, port, size)


@contextlib.contextmanager
def bound(port: int) -> Iterator[Buffer]:
    """Memory bound to the last queue, to which the flows to a port are steered."""
    # A kernel for one processor shows no RX queues; there is a TX queue for each.
    queue = len(list(Path(f"/sys/class/net/{NIC}/queues").glob("tx-*"))) - 1
    with split():
        output("ethtool", "-X", NIC, "equal", str(queue))
        rule = ("flow-type", "tcp4", "dst-port", str(port), "action", str(queue), "loc", "0")
        output("ethtool", "-N", NIC, *rule)
        netlink, buffer = Netlink(), Buffer(MEMORY)
        try:
            netlink.bind(buffer, queue, None)
            yield buffer
        finally:
            netlink.close()
            buffer.close()
            output("ethtool", "-N", NIC, "delete", "0")
            output("ethtool", "-X", NIC, "default")


def bare(size: int, validating: bool = False) -> Cost:
    """Has the bare receiver take a stream."""
    port = free_port()
    command = [FLOOR, LOCAL[4], str(port)]
    with bound(port) as buffer:
        if not validating:
            return take(command, port, size)
        return take([*command, str(buffer.fd), str(PERIOD)], port, size, inherits=(buffer.fd,))


@apart()
def validated(c_tool: Path, size: int, runs: int) -> None:
    """Every byte checked."""
    costs = by_turns(runs, partial(tool, c_tool, size, *VALIDATING),
                     partial(tool, BINARY, size, *VALIDATING))
    compare("RX validated (-v 7)", "C tool", costs,
            Row("MiB/s", rate, at_least=6 if USER_MODE else 1), *against_c_tool(0.05))


def against_c_tool(user_limit: float) -> list[Row]:
    """What CPU time is compared, and how."""
    if USER_MODE:
        return [Row("user + system s/GiB", total, at_most=1)]
    return [Row("user s/GiB", user, at_most=user_limit),
            Row("system s/GiB", system, at_most=1), Row("user + system s/GiB", total)]


@apart()
def piped(c_tool: Path, size: int, runs: int) -> None:
    """Every byte to the standard output."""
    costs = by_turns(runs, partial(tool, c_tool, size), partial(tool, BINARY, size))
    compare("RX to /dev/null", "C tool", costs, Row("MiB/s", rate, at_least=1),
            *against_c_tool(0.02))


@apart()
def floor(size: int, runs: int) -> None:
    """What the tool costs beyond the minimum: calls, and one memcmp a fragment."""
    ours = partial(tool, BINARY, size)
    least, least_checked, plain, checked = by_turns(
        runs, partial(bare, size), partial(bare, size, validating=True), ours,
        partial(ours, *VALIDATING))
    for title, reference, costs, limit in (
            ("RX to /dev/null", "bare receiver", [least, plain], 1.10),
            ("RX validated (-v 7)", "bare receiver", [least, checked], 1.25),
            ("RX validated (-v 7)", "bare and memcmp", [least_checked, checked], None)):
        if USER_MODE:
            rows = [Row("MiB/s", rate, at_least=limit and 0.85), Row("user + system s/GiB", total)]
        else:
            rows = [Row("MiB/s", rate), Row("user s/GiB", user), Row("system s/GiB", system),
                    Row("user + system s/GiB", total, at_most=limit)]
        compare(title, reference, costs, *rows)
