# SPDX-License-Identifier: GPL-2.0-only
"""What a NIC may do wrong, and what the tool makes of it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

from testbed.harness import case, expect, expect_equal
from testbed.hosts import NIC, Sender, free_port, nic_with, output, pattern, set_fault
from testbed.state import expect_released, unchanged
from testbed.summary import check_summary
from testbed.tool import finish, listen, receive, run


@case("dropped frames are sent again, and nothing is missing")
def drops() -> None:
    set_fault("drop_every", 50)
    receive(2 << 20, "-v", "7").expect(0)
    expect_released()


@case("a corrupted byte is found, with its place")
def corrupts() -> None:
    set_fault("corrupt_every", 100)
    with unchanged():
        result = receive(2 << 20, "-v", "7").expect(1, "wrong byte at ", "fragment ", "token ")
    expect("Validated buffer" not in result.stdout.decode(), "it was validated")
    receive(2 << 20).expect(0)


@case("payload left in the linear part is part of the stream, unless -L forbids it")
def leaves_linear() -> None:
    set_fault("linear_bytes", 13)
    summary = check_summary(receive(1 << 20, "-v", "7", "--json").expect(0), 1 << 20)
    expect(summary["linear_bytes"] > 0, "nothing was linear")
    with unchanged():
        receive(1 << 20, "-v", "7", "-L").expect(1, "-L")
    expect_released()


@case("plain frames fail a stream, with their count and the reason, but for --allow-plain")
def delivers_plain() -> None:
    set_fault("plain_every", 20)
    with unchanged():
        result = receive(1 << 20, "-v", "7", "--json").expect(
            1, f" of {1 << 20} bytes came outside of device memory", "queue 3, which is bound")
        summary = check_summary(result, 1 << 20)
        expect(summary["plain_bytes"] > 0, "nothing was plain")
        expect(b"Validated" not in result.stdout, "it was validated")
        receive(1 << 20, "-v", "7", "-L").expect(1, "plain frames (-L", "queue 3, which is bound")
        receive(1 << 20, "-v", "7", "--flows", "1").expect(
            1, "flow 0: ", "came outside of device memory")
        result = receive(1 << 20, "-v", "7", "--allow-plain", "--json").expect(0)
        expect(check_summary(result, 1 << 20)["plain_bytes"] > 0, "nothing was plain")
    expect_released()


@case("a rule that is lost in mid-run fails the stream, and the reason is the other queue")
def loses_rule() -> None:
    half_sent, rule_lost = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        yield from pattern(70_000)
        # What is on its way comes through the bound queue.
        time.sleep(0.5)
        half_sent.set()
        rule_lost.wait(30)
        yield from pattern(70_000)

    with unchanged():
        port = free_port()
        process = listen(4, port, "-v", "7")
        sender = Sender(4, port, pieces())
        sender.start()
        expect(half_sent.wait(30), "nothing was sent")
        found = re.search(r"Filter: (\d+)", output("ethtool", "-n", NIC))
        expect(found, "no rule")
        output("ethtool", "-N", NIC, "delete", found[1])
        rule_lost.set()
        finish(process, 60).expect(
            1, "70000 of 140000 bytes came outside of device memory", "which is not bound")
        sender.join(10)
    expect_released()


@case("a stream that never reaches device memory fails, with --allow-plain as well")
def never_reaches_device() -> None:
    set_fault("plain_every", 1)
    for options in ((), ("--allow-plain",)):
        receive(1 << 16, "-v", "7", *options).expect(1, "came through device memory")


@case("a NIC that refuses 5-tuple rules gets a 3-tuple rule")
def refuses_5tuple() -> None:
    with nic_with("refuse_5tuple=1"):
        with unchanged():
            receive(100_000, "-v", "7", "-c", "192.0.2.2").expect(0)


@case("a NIC without flow rules is refused before anything is changed", binds=False)
def refuses_ntuple() -> None:
    with nic_with("refuse_ntuple=1"):
        with unchanged():
            result = receive(1000, "-v", "7")
        expect(result.code in (1, 4), f"exit status {result.code}")
        expect("flow rule" in result.stderr, result.stderr)
        expect_released()


@case("a NIC without hds-thresh works")
def no_hds_thresh() -> None:
    with nic_with("no_hds_thresh=1"):
        with unchanged():
            receive(100_000, "-v", "7").expect(0)


@case("a NIC whose header split is a private flag works")
def private_flag() -> None:
    with nic_with("hds_private_flag=1"):
        with unchanged():
            receive(100_000, "-v", "7").expect(0)
            run("-f", NIC).expect(0)


@case("a NIC with one queue is refused", binds=False)
def one_queue() -> None:
    with nic_with("queues=1"):
        with unchanged():
            result = run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-v", "7")
        expect_equal(result.code != 0, True, "refused")
        expect("queue" in result.stderr, result.stderr)
