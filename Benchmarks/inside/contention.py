# SPDX-License-Identifier: GPL-2.0-only
"""Times the return of fragments in manual mode, where threads may meet at one buffer's counter."""

from __future__ import annotations

import struct
import threading
import time
from socket import MSG_PEEK, SOL_SOCKET

from testbed.devmem import SO_DEVMEM_DONTNEED, Buffer, Netlink, Stream, libc
from testbed.habits import change, rules_taken, split, steered

PORT, QUEUE = 5300, 1
MANUAL = bytes(4)
# The ranges that one call takes (net/core/sock.c, MAX_DONTNEED_TOKENS)
RANGES = 128
FRAGMENTS = 20_000
THREADS = (1, 2)
# Not more than the receive buffer holds unread
DATA = bytes(range(250)) * 160


def contention(runs: int) -> list[dict]:
    """Nanoseconds a fragment, with all fragments of one buffer and with those of many."""
    change("-X", "equal", "1")
    taken = []
    with rules_taken(), split(), steered(PORT, QUEUE):
        buffer, netlink = Buffer(1 << 20), Netlink()
        netlink.bind(buffer, QUEUE, MANUAL)
        stream = Stream(PORT)
        stream.send(DATA)
        for number in range(runs):
            for threads in THREADS:
                for length in (100, len(DATA)):
                    taken.append({
                        "run": number, "threads": threads, "one_buffer": length == 100,
                        "nanoseconds": timed(stream, length, threads)})
        stream.close()
        netlink.close()
        buffer.close()
    return taken


def timed(stream: Stream, length: int, threads: int) -> float:
    """Threads return in parallel what looks at the first bytes have handed out, each the fragments
    of its own buffers if there is more than one."""
    handed_out = 0
    while handed_out < FRAGMENTS:
        fragments = stream.receive(length, MSG_PEEK)
        handed_out += len(fragments)
    tokens = sorted({fragment.token for fragment in fragments})
    start = threading.Barrier(threads + 1)

    def give_back(mine: list[int]) -> None:
        value = b"".join(struct.pack("=II", token, 1) for token in (mine * RANGES)[:RANGES])
        number = stream.receiver.fileno()
        start.wait()
        while libc.setsockopt(number, SOL_SOCKET, SO_DEVMEM_DONTNEED, value, len(value)) > 0:
            pass

    workers = [
        threading.Thread(target=give_back, args=(tokens[index::threads] or tokens,))
        for index in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.monotonic_ns()
    for worker in workers:
        worker.join()
    return (time.monotonic_ns() - began) / handed_out
