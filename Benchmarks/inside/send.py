# SPDX-License-Identifier: GPL-2.0-only
"""Sending, against the C tool."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from functools import partial
from pathlib import Path

from testbed.hosts import NIC, REMOTE, enter_remote, free_port
from testbed.tool import BINARY

from .measure import Cost, Row, by_turns, compare, rate, silent, total, user, wait
from .placement import apart, measured

# The C tool sends a line a call, and waits for it to be acknowledged.
LINE = b"x" * 4095 + b"\n"


class Drain(threading.Thread):
    """Takes one connection on the remote host and counts what comes."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.received = 0
        self.listening = threading.Event()

    def run(self) -> None:
        enter_remote()
        with socket.create_server((REMOTE[4], self.port)) as listener:
            listener.settimeout(60)
            self.listening.set()
            connection, _ = listener.accept()
        room = bytearray(1 << 20)
        with connection:
            connection.settimeout(60)
            while count := connection.recv_into(room):
                self.received += count


def tool(binary: str | Path, size: int, source: Path) -> Cost:
    """Has either tool send a file."""
    drain = Drain(free_port())
    drain.start()
    if not drain.listening.wait(10):
        raise SystemExit("nothing listens on the remote host")
    command = [str(binary), "-f", NIC, "-s", REMOTE[4], "-p", str(drain.port)]
    with source.open("rb") as lines:
        begun = time.monotonic()
        with silent(measured(command), stdin=lines) as process:
            cost = wait(process, size, begun)
    drain.join(10)
    if drain.received != size:
        raise SystemExit(f"{command}: {drain.received} bytes received")
    return cost


@apart()
def lines(c_tool: Path, size: int, runs: int) -> None:
    """Lines of a page each, from device memory."""
    source = Path("/run/bench.lines")
    with source.open("wb") as file:
        file.writelines(itertools.repeat(LINE, size // len(LINE)))
    costs = by_turns(runs, partial(tool, c_tool, size, source), partial(tool, BINARY, size, source))
    compare(f"TX of lines of {len(LINE)} bytes", "C tool", costs, Row("MiB/s", rate, at_least=3),
            Row("user s/GiB", user), Row("user + system s/GiB", total, at_most=0.5))
    source.unlink()
