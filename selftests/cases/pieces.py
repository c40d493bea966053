# SPDX-License-Identifier: GPL-2.0-only
"""Sending by an interface whose packets have few fragments."""

from __future__ import annotations

import time

from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import PARAMETERS, free_port, reload_nic
from testbed.sending import Receiver, send, start_sender
from testbed.state import has_command
from testbed.tool import finish

LINES = [b"line %d\n" % number for number in range(400)]


@case("short lines arrive where a packet takes nine fragments; pieces of -z that do not are explained",
      once=True)
def few_fragments() -> None:
    if not has_command("bind-tx"):
        raise Skipped("this kernel has no bind-tx")
    reload_nic("max_tx_frags=9")
    try:
        expect_equal((PARAMETERS / "max_tx_frags").read_text(encoding="ascii").strip(), "9",
                     "fragments that the NIC takes")
        _short_lines()
        # Four pieces in all, as the kernel's own test has them.
        result, receiver = send(b"hello\nworld\n", "-z", "3")
        result.expect(0)
        expect_equal(receiver.received, b"hello\nworld\n", "received")
        result, _ = send(bytes(60_000), "-z", "100", "--timeout", "3")
        result.expect(1, "warning: with -z 100, packets of 1448 bytes have up to 16 pieces",
                      "ETIMEDOUT", "(tx_dropped)", "leave -z out, or raise it")
    finally:
        reload_nic()


def _short_lines() -> None:
    """Sends lines, one a write and a bit apart, faster than they are acknowledged."""
    receiver = Receiver(4, free_port())
    receiver.start()
    receiver.listening.wait(10)
    process = start_sender(4, receiver.port, "--timeout", "20")
    assert process.stdin
    for line in LINES:
        process.stdin.write(line)
        process.stdin.flush()
        time.sleep(0.002)
    finish(process).expect(0)
    receiver.join(20)
    expect(receiver.received == b"".join(LINES), f"{len(receiver.received)} bytes were received")
