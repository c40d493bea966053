# SPDX-License-Identifier: GPL-2.0-only
"""Receiving by io_uring's zero-copy receive, in the place of device memory."""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import subprocess
from pathlib import Path

from testbed import nic, recovery
from testbed.devmem import free_deferred
from testbed.habits import first_queue, largest_buffer, rules_taken, split, steered
from testbed.harness import Skipped, case, expect, expect_equal, holding, wait_for
from testbed.hosts import (
    LOCAL, NIC, Sender, free_port, output, pattern, reload_nic, set_fault, wait_for_traffic)
from testbed.pair import check_consistent, in_each_direction, paired
from testbed.recovery import RESTORED
from testbed.state import (
    bind_rx_attributes, has_huge_pages, kernel, netdev, nic_state, unchanged)
from testbed.summary import document
from testbed.tool import BINARY, finish, listen, receive, run, track

ZCRX = ("--engine", "zcrx")
# As much as the other cases have: a ring of the NIC, and a socket's largest buffer.
HOST = ("--memory", "host", "--memory-size", "12M")


def ring_queues() -> list[int]:
    """The RX queues whose memory is a ring's, and the page pools that still are."""
    index = socket.if_nametoindex(NIC)
    queues = netdev().dump("queue-get", {"ifindex": index})
    pools = netdev().dump("page-pool-get", {})
    return [queue["id"] for queue in queues if "io-uring" in queue] + [
        pool["id"] for pool in pools if pool.get("ifindex") == index and "io-uring" in pool]


def expect_no_ring() -> None:
    """Fails the case if the kernel keeps something for a ring."""
    def is_gone() -> bool:
        free_deferred()
        return not ring_queues()

    expect(wait_for(is_gone, 20), f"still a ring's: {ring_queues()}")


def need() -> None:
    """Skips where the kernel has no zero-copy receive."""
    if kernel() < (6, 15):
        raise Skipped("io_uring has zero-copy receive from Linux 6.15 on")


@case("a kernel without zero-copy receive says what it takes, and nothing stays changed")
def needs_kernel() -> None:
    if kernel() >= (6, 15):
        raise Skipped("this kernel has it")
    with unchanged():
        result = run("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()), *ZCRX)
        result.expect(4, "has no zero-copy receive", "Linux 6.15")


@case("1 byte, 1 MiB and 64 MiB are received by a ring and validated, by IPv4 and IPv6",
      deadline=400)
def validates() -> None:
    need()
    for length, version in ((1, 4), (1 << 20, 6), (64 << 20, 4)):
        with unchanged():
            result = receive(
                length, *ZCRX, *HOST, "-v", "7", "--json", version=version, seconds=240).expect(0)
            found = document(result)
            expect_equal(found["engine"], "zcrx", "engine")
            expect_equal(found["device_bytes"], length, "bytes in the ring's memory")
            expect_equal(found["plain_bytes"], 0, "bytes that were copied")
            expect_equal(found["checked_bytes"], length, "bytes checked")
            expect_equal(found["tokens_returned"], found["fragments"], "pieces given back")
    expect_no_ring()


@case("by a ring, too, the payload goes to the standard output byte for byte", deadline=240)
def to_stdout() -> None:
    need()
    length = (5 << 20) + 7
    with unchanged():
        result = receive(length, *ZCRX, *HOST, "--json", period=256).expect(0)
    expected = hashlib.sha256(b"".join(pattern(length, 256))).hexdigest()
    expect_equal(hashlib.sha256(result.stdout).hexdigest(), expected, "payload")


@case("a ring takes huge pages with large buffers, and dma-bufs", deadline=300)
def memories() -> None:
    need()
    length = 3 << 20
    kinds: list[tuple[str, ...]] = [("--memory", "udmabuf", "--memory-size", "12M")]
    if has_huge_pages():
        kinds.append(("--memory", "host:huge=2M", "--memory-size", "12M"))
        if largest_buffer() >= 16384:
            kinds.append(("--memory", "host", "--memory-size", "12M", "-b", "16384"))
    for kind in kinds:
        with unchanged():
            result = receive(length, *ZCRX, *kind, "-v", "7", "--json", seconds=240).expect(0)
            expect_equal(document(result)["device_bytes"], length, f"bytes of {kind}")
    expect_no_ring()


@case("a wrong byte is found in a ring's memory, with its place")
def finds_wrong_byte() -> None:
    need()
    set_fault("corrupt_every", 100)
    with unchanged():
        result = receive(1 << 20, *ZCRX, *HOST, "-v", "7")
        result.expect(1)
    expect(re.search(r"wrong byte at \d+: expected \d+, got \d+ \(fragment \d+", result.stderr),
           f"no wrong byte in: {result.stderr}")


@case("frames left whole or split wrongly are copied into a ring's memory, in their places")
def copies() -> None:
    need()
    for fault, value in (("plain_every", 20), ("linear_bytes", 13)):
        set_fault(fault, value)
        with unchanged():
            receive(1 << 20, *ZCRX, *HOST, "-v", "7").expect(0)
        set_fault(fault, 0)


@case("what comes through another queue is copied, counted, and not taken for what a ring received",
      deadline=240)
def counts_copies() -> None:
    need()
    if kernel() < (7, 3):
        raise Skipped("the kernel counts what it copies from Linux 7.3 on")
    length = 1 << 20
    for options, text in (((), "which is not bound"), (("-L",), "-L")):
        port = free_port()
        with rules_taken(), split(), steered(port, first_queue()), unchanged():
            process = listen(
                4, port, *ZCRX, *HOST, "-n", "-t", "2", "-q", "1", "-v", "7", "--json", *options)
            Sender(4, port, pattern(length)).start()
            found = document(finish(process).expect(1, text))
        # What a driver copies by itself, in the linear part of a frame, the kernel does not count.
        expect(found["plain_bytes"] > 100 * found["device_bytes"], str(found))
        expect_no_ring()


@case("too little memory for a ring still receives all", deadline=240)
def starves() -> None:
    need()
    with unchanged():
        receive(8 << 20, *ZCRX, "--memory-size", "256K", "-v", "7", seconds=200).expect(0)


@case("several flows are received by one ring, and by a ring for each of two queues", deadline=300)
def flows() -> None:
    need()
    for queues, count in ((("-t", "3", "-q", "1"), 1), (("-t", "2", "-q", "2"), 2)):
        ours, theirs = paired(
            ("--flows", "8", "--bytes", "2M", "--host-memory"), ("-v", "7", *ZCRX, *queues))
        check_consistent(ours, theirs, 8)
        expect_equal(ours["configuration"]["engine"], "zcrx", "the receiver's engine")
        expect(len(ours["workers"]) <= count, f"threads: {ours['workers']}")
        expect_no_ring()


@case("a measured flow that nobody checks is dropped in a ring's memory, which the NIC wrote")
def drops() -> None:
    need()
    ours, theirs = paired(("--flows", "2", "--bytes", "2M", "--host-memory"), ZCRX)
    check_consistent(ours, theirs, 2)
    expect_no_ring()


@case("rings receive what is asked for (-R), while both ends send (--bidir), and messages",
      deadline=300)
def directions() -> None:
    need()
    in_each_direction("zcrx", expect_no_ring)


@case("a run that is killed, or stopped, with a ring in use leaves the NIC as it was", deadline=240)
def killed() -> None:
    need()
    before = nic_state()
    port = free_port()
    process = listen(4, port, *ZCRX, *HOST, "-v", "7")
    Sender(4, port, pattern(1 << 30)).start()
    wait_for_traffic(1 << 20)
    expect(ring_queues(), "no queue is a ring's")
    process.kill()
    finish(process, 30).expect(-signal.SIGKILL, RESTORED)
    recovery.expect_back(before)
    expect_no_ring()
    process = listen(4, port := free_port(), *ZCRX, *HOST, "-v", "7")
    Sender(4, port, pattern(1 << 30)).start()
    wait_for_traffic(1 << 20)
    process.send_signal(signal.SIGTERM)
    finish(process, 30).expect(128 + signal.SIGTERM)
    recovery.expect_back(before)
    expect_no_ring()


@case("a run by a ring ends when its interface goes down, and when that is unplugged")
def interface_ends() -> None:
    need()
    process = listen(4, free_port(), *ZCRX, *HOST, "-v", "7")
    try:
        output("ip", "link", "set", NIC, "down")
        finish(process, 30).expect(1, "ENETDOWN")
        reload_nic()
        process = listen(4, free_port(), *ZCRX, *HOST, "-v", "7")
        output("rmmod", nic.AT_HAND.driver)
        finish(process, 30).expect(1, "ENODEV", "the interface is gone")
    finally:
        reload_nic()


@case("a check says whether the kernel has zero-copy receive, and nothing of bindings")
def checks() -> None:
    with unchanged():
        result = run("--check", "-f", NIC, *ZCRX)
    lines = {line.split()[1]: line.split()[0] for line in result.stdout.decode().splitlines()
             if len(line.split()) > 1}
    expect_equal(lines["io-uring"], "ok" if kernel() >= (6, 15) else "missing", "io-uring")
    expect("bind-rx" not in lines, f"bindings: {lines}")
    if kernel() < (6, 15):
        result.expect(1)


@case("where the limit of locked memory or the header split forbids a ring, the run says so")
def limits() -> None:
    need()
    where = ("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()))
    with unchanged():
        run(*where, *ZCRX, *HOST, "-n", "-t", "2", "-q", "1").expect(
            1, "EINVAL", "header split must be on")
        # The capability to set the NIC up, and none to exceed the limit.
        command = [
            "setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin", "prlimit",
            "--memlock=65536", BINARY, *where, *ZCRX, *HOST]
        result = finish(track(subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)))
        result.expect(1, "ENOMEM", "ulimit -l")
    expect_no_ring()


@case("what a ring cannot do is refused, with what would help")
def refuses() -> None:
    need()
    where = ("-f", NIC, "-s", LOCAL[4], "-p", str(free_port()))
    with unchanged():
        run("-l", *where, *ZCRX, "--memory", "udmabuf", "-t", "2", "-q", "2").expect(
            4, "takes it whole", "--memory host")
        run("-l", *where, *ZCRX, "-a", "1").expect(2, "-a: means nothing with --engine zcrx")
        run("-l", *where, "--memory", "host").expect(2, "needs --engine zcrx")
        run(*where, *ZCRX).expect(2, "only receives")
        with holding(Path("/proc/sys/kernel/io_uring_disabled"), "2"):
            run("-l", *where, *ZCRX).expect(4, "io_uring_disabled")
    if bind_rx_attributes().get("rx-page-size") == "u32" and largest_buffer():
        with unchanged():
            run("-l", *where, *ZCRX, "--memory", "host", "-b", str(largest_buffer() * 2)).expect(
                1, "-b")
