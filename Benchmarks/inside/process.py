# SPDX-License-Identifier: GPL-2.0-only
"""The process itself: its start, its memory, and the validator beside memcmp."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

from testbed.hosts import LOCAL, NIC, Sender, enter_remote, free_port, pattern, wait_listening
from testbed.tool import BINARY

from .measure import MIB, Cost, Row, by_turns, compare, compared, silent, wait

VALIDATOR = ".build/release/validator-benchmark"


def one_start(binary: str | Path) -> Cost:
    """Starts a receiver, and has it end as soon as it listens."""
    port = free_port()
    command = [str(binary), "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port)]
    begun = time.monotonic()
    with silent(command) as process:
        wait_listening(port, process, pause=0.002)
        elapsed = time.monotonic() - begun
        knock = threading.Thread(target=connect, args=(port,))
        knock.start()
        cost = wait(process, 1, begun)
        knock.join(10)
    return Cost(1, elapsed, cost.user, cost.system)


def connect(port: int) -> None:
    """A stream without a byte."""
    enter_remote()
    socket.create_connection((LOCAL[4], port), 10).close()


# How long the kernel's own tests wait for a listener (`wait_port_listen` of `net/lib/py/utils.py`):
# the tool is to be there in that time on lab-debug, too, where each page costs most.
LISTENER_LIMIT = 5


def start(c_tool: Path, runs: int) -> None:
    """From the start of the process to its listening, and the CPU time of an empty run."""
    costs = by_turns(runs, partial(one_start, c_tool), partial(one_start, BINARY))
    compare("Start", "C tool", costs,
            Row("s until it listens", lambda cost: cost.elapsed, at_most=1, limit=LISTENER_LIMIT),
            Row("user s", lambda cost: cost.user), Row("system s", lambda cost: cost.system))


def own_memory(pid: int) -> int:
    """A process's memory that is not the dma-buf's, in KiB: what is mapped of that is shared."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return sum(int(fields.get(kind, "0 kB").split()[0]) for kind in ("RssAnon", "RssFile"))


class Memory:
    """The most memory of processes that is not the dma-buf's, in KiB, read 20 times a second."""

    def __init__(self) -> None:
        self.most: list[int] = []

    def watch(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """Reads until one has ended."""
        self.most = [0] * len(processes)
        while all(process.poll() is None for process in processes):
            self.most = [max(most, own_memory(process.pid))
                         for most, process in zip(self.most, processes)]
            time.sleep(0.05)


def peak(binary: str | Path, size: int) -> int:
    """The most memory of a run that is not the dma-buf's, in KiB."""
    port = free_port()
    command = [str(binary), "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7"]
    memory_ = Memory()
    with silent(command) as process:
        wait_listening(port, process)
        sender = Sender(4, port, pattern(size))
        sender.start()
        memory_.watch([process])
        sender.join(10)
    if process.returncode or sender.error:
        raise SystemExit(f"{command}: exit status {process.returncode}, {sender.error}")
    return memory_.most[0]


def memory(c_tool: Path, size: int) -> None:
    """The process's own memory while it validates."""
    limit = 16
    theirs, ours = (peak(binary, size) / 1024 for binary in (c_tool, BINARY))
    print(f"Memory beyond the dma-buf while {size // MIB} MiB are validated, in MiB")
    target = f"at most {limit}: {'met' if ours <= limit else 'MISSED'}"
    print(f"  C tool {theirs:.1f}, ncdevmem {ours:.1f}  {target}\n", flush=True)
    compared.append({
        "title": f"Memory beyond the dma-buf, {size // MIB} MiB validated", "reference": "C tool",
        "measured": "ncdevmem", "rows": [{
            "title": "MiB", "better": "less", "reference": [theirs], "measured": [ours],
            "ratio": ours / theirs, "target": target}]})


def validator(runs: int) -> None:
    """The validator beside memcmp on the same bytes."""
    subprocess.run([VALIDATOR, str(runs)], check=True)
