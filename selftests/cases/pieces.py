# SPDX-License-Identifier: GPL-2.0-only
"""Sending by an interface whose packets have few fragments."""

from __future__ import annotations

import socket
import threading
import time

from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import (
    REMOTE, REMOTE_NIC, enter_remote, free_port, nic_with, output, parameter)
from testbed.sending import Receiver, send, start_sender
from testbed.state import has_command
from testbed.tool import finish

LINES = [b"line %d\n" % number for number in range(150)]


@case("short lines arrive where a packet takes nine fragments; small pieces of -z are explained",
      once=True, binds=False)
def few_fragments() -> None:
    if not has_command("bind-tx"):
        raise Skipped("this kernel has no bind-tx")
    with nic_with("max_tx_frags=9"):
        expect_equal(parameter("max_tx_frags"), 9, "fragments that the NIC takes")
        # Four pieces in all, as the kernel's own test has them.
        result, receiver = send(b"hello\nworld\n", "-z", "3")
        result.expect(0)
        expect_equal(receiver.received, b"hello\nworld\n", "received")
        _short_lines()
        _small_pieces()


def _short_lines() -> None:
    """Sends lines, one a write, and some thirty of them before the first is acknowledged."""
    output("tc", "-netns", "remote", "qdisc", "add", "dev", REMOTE_NIC, "root", "netem", "delay",
           "100ms")
    receiver = Receiver(4, free_port())
    receiver.start()
    receiver.listening.wait(10)
    process = start_sender(4, receiver.port, "--timeout", "20")
    assert process.stdin
    expect(receiver.connected.wait(20), "the tool does not connect")
    for line in LINES:
        process.stdin.write(line)
        process.stdin.flush()
        time.sleep(0.003)
    finish(process).expect(0)
    receiver.join(20)
    expect(receiver.received == b"".join(LINES), f"{len(receiver.received)} bytes were received")


def _small_pieces() -> None:
    """Sends packets that the NIC drops, to a peer that would take them."""
    port = free_port()
    listeners: list[socket.socket] = []

    def listen() -> None:
        enter_remote()
        listeners.append(socket.create_server((REMOTE[4], port)))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    with listeners[0]:
        process = start_sender(4, port, "-z", "100", "--timeout", "3")
        assert process.stdin
        process.stdin.write(bytes(60_000))
        process.stdin.close()
        process.stdin = None
        finish(process).expect(
            1, "warning: with -z 100, packets of 1448 bytes have up to 16 pieces", "ETIMEDOUT",
            "(tx_dropped)", "leave -z out, or raise it")
