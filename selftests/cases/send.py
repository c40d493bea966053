# SPDX-License-Identifier: GPL-2.0-only
"""Sending from device memory: what comes out is what went in, and nothing is left outstanding."""

from __future__ import annotations

import functools
import os
import re
import signal
import time
from collections.abc import Callable

from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import NIC, REMOTE, free_port, output
from testbed.sending import Receiver, check_sent, send, start_sender
from testbed.state import has_command
from testbed.tool import BINARY, finish, run, wait_for_signals

# What the tool prints for people at the end.
LINE = re.compile(
    r"sent (?P<bytes>\d+) bytes .* (?P<sends>\d+) calls of sendmsg, (?P<complete>\d+) complete in")


def needs_bind_tx(function: Callable[[], None]) -> Callable[[], None]:
    """Skips a case on kernels that cannot send, once the tool has said so."""

    @functools.wraps(function)
    def wrapper() -> None:
        if has_command("bind-tx"):
            function()
            return
        result = run("-f", NIC, "-s", REMOTE[4], "-p", "5201")
        result.expect(4, "bind-tx")
        raise Skipped("this kernel has no bind-tx; the refusal is as it should be")

    return wrapper


@case("lines are sent, over IPv4 and IPv6", binds=False)
@needs_bind_tx
def sends_lines() -> None:
    lines = b"hello\nworld\n"
    for version in (4, 6):
        check_sent(lines, version=version)
    result, _ = send(lines)
    found = LINE.search(result.expect(0).stderr)
    expect(found, f"no summary in: {result.stderr}")
    assert found
    expect_equal(int(found["bytes"]), len(lines), "bytes in the summary for people")
    expect_equal(found["complete"], found["sends"], "complete sends")


@case("with the standard input closed, there is nothing to send", binds=False)
@needs_bind_tx
def sends_nothing() -> None:
    port = free_port()
    receiver = Receiver(4, port)
    receiver.start()
    expect(receiver.listening.wait(20), "the receiver does not listen")
    output("sh", "-c", f"{BINARY} -f {NIC} -s {REMOTE[4]} -p {port} <&-")
    receiver.join(20)
    expect_equal(receiver.received, b"", "received")


@case("binary input of any size is sent, more than the device memory holds", binds=False)
@needs_bind_tx
def sends_binary() -> None:
    check_sent(b"")
    check_sent(b"\0")
    check_sent(os.urandom(3 << 20), "--memory-size", "1M")


@case("-z names the payload in small pieces", binds=False)
@needs_bind_tx
def sends_chunks() -> None:
    check_sent(b"hello\nworld\n", "-z", "3")
    check_sent(os.urandom(100_000), "-z", "4096")


@case("sending from a given address uses the given port", binds=False)
@needs_bind_tx
def sends_from() -> None:
    check_sent(b"from here", "-c", "192.0.2.1")


@case("many sends are in flight at once", binds=False)
@needs_bind_tx
def keeps_window() -> None:
    summary = check_sent(os.urandom(8 << 20))
    expect(summary["sendmsg_calls"] > 20, "hardly any sends")


@case("a port without a listener is reported", binds=False)
@needs_bind_tx
def refused() -> None:
    result = run("-f", NIC, "-s", REMOTE[4], "-p", str(free_port()))
    result.expect(1, "ECONNREFUSED")


@case("a peer that breaks off ends the sender with an error", binds=False)
@needs_bind_tx
def broken_off() -> None:
    result, _ = send(bytes(64 << 20), limit=10_000)
    expect(result.code == 1, f"exit status {result.code}: {result.stderr}")
    expect("EPIPE" in result.stderr or "ECONNRESET" in result.stderr, result.stderr)


@case("a peer that resets the connection without reading fails a sender whose sends were all taken",
      binds=False)
@needs_bind_tx
def unread() -> None:
    # What is sent fits into the peer's receive buffer and this end's send buffer: by the reset all
    # of it is gone from the latter, and each send is complete.
    for payload, options in (
        (bytes(200_000), ()), (b"", ("--flows", "1", "--bytes", "200000")),
        (b"", ("--flows", "1", "--bytes", "200000", "--host-memory")),
    ):
        result, _ = send(payload, *options, limit=0, hold=2)
        result.expect(1, "ECONNRESET", " of 200000 bytes were acknowledged")


@case("a stop signal ends a sender that waits for its input", binds=False)
@needs_bind_tx
def stopped() -> None:
    receiver = Receiver(4, free_port())
    receiver.start()
    receiver.listening.wait(10)
    process = start_sender(4, receiver.port)
    wait_for_signals(process)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.stdin = None
    finish(process, 20).expect(128 + signal.SIGTERM)
