# SPDX-License-Identifier: GPL-2.0-only
"""Client and server, each in a machine of its own, with a cable between them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator

from testbed.harness import case, expect, expect_equal, wait_for
from testbed.hosts import (
    LOCAL, NIC, REMOTE, REMOTE_NIC, free_port, output, wait_for_traffic, wait_listening)
from testbed.nic import Gve
from testbed.peer import BOOT, Job, Peer
from testbed.state import expect_released, unchanged
from testbed.summary import check_summary
from testbed.tool import Result, finish, listen, start

MEBIBYTE = 1 << 20
# Beside a second machine the first one is slow.
PATIENCE = ("--timeout", "60")


@contextlib.contextmanager
def two() -> Iterator[Peer]:
    """The other machine, and this one's NIC as it was at the end."""
    with Peer() as peer, unchanged():
        peer.run("true", seconds=BOOT)
        yield peer
        expect_released()


def there(peer: Peer, port: int, *options: str) -> Job:
    """Starts the tool on the other machine, as a sender to this one."""
    return peer.start(
        ".build/release/ncdevmem", "-f", REMOTE_NIC, "-s", LOCAL[4], "-p", str(port), *options)


def measure(peer: Peer, *options: str) -> dict:
    """What this end reports of two flows into two queues."""
    port, control = free_port(), free_port()
    ends = ("--control", str(control), "--interval", "0", *PATIENCE)
    receiver = start(
        "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-t", "2", "-q", "2", "-v", "7", "--json",
        *ends, memory=())
    wait_listening(control, receiver)
    sender = there(peer, port, *ends, "--flows", "2", *options)
    received, sent = finish(receiver, 120), sender.wait()
    expect(not received.code and not sent.code,
           f"receiver: {received.code}, {received.stderr}\nsender: {sent.code}, {sent.stderr}")
    return json.loads(received.stdout)


@case("two machines: client and server measure flows, from host and from device memory",
      deadline=300, once=True)
def throughput() -> None:
    with two() as peer:
        for memory in (("--host-memory",), ()):
            report = measure(peer, "--bytes", str(2 * MEBIBYTE), *memory)
            expect_equal(report["total"]["bytes"], 4 * MEBIBYTE, "bytes received")


def receive_from(peer: Peer, length: int, *options: str) -> tuple[subprocess.Popen[bytes], Job]:
    """Starts a receiver here, and a sender of a pattern there that knows nothing of it."""
    port = free_port()
    process = listen(4, port, "-v", "7", "--json", *PATIENCE, *options)
    sender = peer.start("python3", "-c", SENDER, LOCAL[4], str(port), str(length))
    return process, sender


SENDER = """
import socket, sys
unit = (bytes(range(1, 7)) + b"\\n") * 8192
left = int(sys.argv[3])
host, port = sys.argv[1], int(sys.argv[2])
# The port of the receiver: that is what a flow rule with -c names.
with socket.create_connection((host, port), 60, ("", port)) as connection:
    while left:
        piece = unit[:left]
        connection.sendall(piece)
        left -= len(piece)
"""


@case("two machines: -c takes the connection of the one, and refuses an address that it lacks",
      deadline=180, once=True)
def client_address() -> None:
    with two() as peer:
        process, sender = receive_from(peer, MEBIBYTE, "-c", REMOTE[4])
        check_summary(finish(process, 90).expect(0), MEBIBYTE)
        sender.wait()
        process, sender = receive_from(peer, MEBIBYTE, "-c", "192.0.2.77")
        expect(sender.wait().code != 0, "the connection was taken")
        process.terminate()
        finish(process).expect(143, "only 192.0.2.77 may connect")


@case("two machines: a cable that is pulled and put back costs the stream nothing but time",
      deadline=180, once=True)
def cable() -> None:
    length = 24 * MEBIBYTE
    with two() as peer:
        process, sender = receive_from(peer, length)
        wait_for_traffic(MEBIBYTE)
        gve = Gve()
        gve.order("set 0 link_down 1")
        expect(wait_for(lambda: "NO-CARRIER" in output("ip", "link", "show", NIC)), "still a link")
        time.sleep(2)
        gve.order("set 0 link_down 0")
        result = finish(process, 120).expect(0)
        report = check_summary(result, length)
        expect_equal(report["carrier_changes_in_transfer"], 2, "changes of the carrier")
        expect("lost its carrier once during the transfer" in result.stderr, result.stderr)
        expect_equal(sender.wait().code, 0, "exit status of the sender")


def lose(peer: Peer, key: str) -> Result:
    """How a run ends whose peer does what a key of SysRq asks for, and so closes nothing."""
    process, _ = receive_from(peer, 1 << 30, "--timeout", "15")
    expect(wait_for(lambda: "ESTAB" in output("ss", "-tn"), 60), "no connection")
    peer.start("sh", "-c", f"echo {key} >/proc/sysrq-trigger")
    result = finish(process, 120)
    expect_released()
    return result


@case("two machines: one that reboots in mid-run fails the run, and serves the next one",
      deadline=400, once=True)
def reboot() -> None:
    with two() as peer:
        lose(peer, "b").expect(1, "no data for 15 s")
        peer.wait_ready()
        process, sender = receive_from(peer, MEBIBYTE)
        check_summary(finish(process, 90).expect(0), MEBIBYTE)
        sender.wait()


@case("two machines: one that is switched off takes the link along, and the run says so",
      deadline=300, once=True)
def switched_off() -> None:
    # The last case of two machines: nobody switches this one on again.
    with Peer() as peer:
        lose(peer, "o").expect(1, "lost its carrier once during the transfer")
