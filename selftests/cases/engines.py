# SPDX-License-Identifier: GPL-2.0-only
"""Engines: ordinary sockets in the place of device memory, with the same checks and figures."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from testbed.harness import case, expect, expect_equal
from testbed.hosts import (
    LOCAL, NIC, REMOTE_NIC, Sender, free_port, output, parameter, pattern, wait_for_traffic)
from testbed.pair import check_consistent, in_each_direction, paired
from testbed.recovery import expect_back
from testbed.sending import check_sent
from testbed.state import nic_state, unchanged
from testbed.summary import document
from testbed.tool import Result, finish, listen, receive, run

SOCKETS = ("socket", "socket:zerocopy")


def check_plain(ours: dict, theirs: dict, flows: int, engine: str) -> None:
    """Both ends of a measurement by sockets agree, and name the engine."""
    check_consistent(ours, theirs, flows, through="plain_bytes")
    expect_equal(ours["configuration"]["engine"], engine, "the receiver's engine")
    expect_equal(theirs["peer"]["engine"], engine, "the engine that the sender was told")
    expect_equal(ours["configuration"]["memory"], None, "device memory")
    expect_equal(ours["configuration"]["token_mode"], None, "tokens")


@case("sockets receive byte for byte, validated or to the standard output, and bind nothing",
      binds=False, deadline=240)
def receives() -> None:
    length = (3 << 20) + 77
    for engine in SOCKETS:
        with unchanged():
            result = receive(length, "-v", "7", "--engine", engine, "--json").expect(
                0, "through a socket")
        found = document(result)
        expect_equal(found["engine"], engine, "engine")
        expect_equal(found["plain_bytes"], length, "bytes")
        expect_equal(found["checked_bytes"], length, "checked bytes")
        expect_equal(found["wrong_bytes"], 0, "wrong bytes")
        expect("got dmabuf id=" not in result.stderr, "something was bound")
        expect("memory" not in found, "the run had device memory")
    expected = hashlib.sha256(b"".join(pattern(length, 256))).hexdigest()
    for engine in SOCKETS:
        with tempfile.TemporaryDirectory() as directory, unchanged():
            place = Path(directory, "payload")
            port = free_port()
            with place.open("wb") as file:
                process = listen(
                    4, port, "--engine", engine, "--expect-bytes", str(length),
                    stdout=file.fileno())
            Sender(4, port, pattern(length, 256)).start()
            finish(process).expect(0, f"total_received={length}")
            expect_equal(
                hashlib.sha256(place.read_bytes()).hexdigest(), expected, f"payload by {engine}")


@case("sockets receive by IPv6, too", binds=False)
def receives_by_ipv6() -> None:
    for engine in SOCKETS:
        receive(100_001, "-v", "7", "--engine", engine, version=6).expect(0, "Got connection")


@case("a wrong byte is found by each engine, in its place", binds=False)
def finds_wrong_byte() -> None:
    length = 1 << 20
    for engine in SOCKETS:
        payload = bytearray(b"".join(pattern(length, 7)))
        payload[777_777] ^= 0x40
        port = free_port()
        process = listen(4, port, "-v", "7", "--engine", engine)
        Sender(4, port, iter([bytes(payload)])).start()
        finish(process).expect(1, "wrong byte at 777777:", f"1 of {length} bytes are wrong")


@case("the flows of a pair are received by sockets, checked or dropped, and both ends agree",
      binds=False, deadline=300)
def pairs() -> None:
    for engine in SOCKETS:
        for checks in (("-v", "7"), ()):
            ours, theirs = paired(
                ("--flows", "3", "--bytes", "3M", "--engine", engine),
                ("--engine", engine, *checks))
            check_plain(ours, theirs, 3, engine)
            expect_equal(ours["total"]["bytes"], 9 << 20, "bytes")
            expect_equal(ours["peer"]["engine"], engine, "the engine that the receiver was told")
            expect_equal(theirs["configuration"]["sends_from"], "host memory", "memory")
            checked = sum(flow["checked_bytes"] for flow in ours["flows"])
            expect_equal(checked, (9 << 20) if checks else 0, "checked bytes")
            for flow in theirs["flows"]:
                expect_equal(flow["completions"], flow["sendmsg_calls"], "complete sends")
                if engine == "socket":
                    expect_equal(flow["copied_sends"], flow["sendmsg_calls"], "copied sends")


@case("sockets ask for flows (-R), send and receive at once (--bidir), and exchange messages",
      binds=False, deadline=300)
def directions() -> None:
    in_each_direction("socket")


@case("with -t and -q, the flows of sockets come through these queues, and the NIC is restored",
      deadline=240)
def steers() -> None:
    ours, theirs = paired(
        ("--flows", "2", "--bytes", "2M", "--engine", "socket"),
        ("--engine", "socket", "-v", "7", "-t", "2", "-q", "1"))
    check_plain(ours, theirs, 2, "socket")
    expect_equal(ours["configuration"]["rx_queues"], [2], "queues")
    expect_equal(ours["configuration"]["steering"], "queue", "steering")
    for flow in ours["flows"]:
        expect_equal(flow["rx_queue"], 2, "the queue of a flow")


@case("a run by sockets that is killed leaves nothing behind, steered or not", deadline=240)
def killed() -> None:
    for queues in ((), ("-t", "2", "-q", "1")):
        before = nic_state()
        port = free_port()
        process = listen(4, port, "--engine", "socket:zerocopy", "-v", "7", *queues)
        Sender(4, port, pattern(1 << 30)).start()
        wait_for_traffic(4 << 20)
        process.kill()
        finish(process)
        expect_back(before)


@contextlib.contextmanager
def large_frames(mtu: int) -> Iterator[None]:
    """Both NICs with an MTU, meanwhile."""
    def set_mtu(size: int) -> None:
        output("ip", "link", "set", NIC, "mtu", str(size))
        output("ip", "-n", "remote", "link", "set", REMOTE_NIC, "mtu", str(size))

    set_mtu(mtu)
    try:
        yield
    finally:
        set_mtu(1500)


@case("segments of a page are mapped, not copied; others are copied, and the run says why",
      deadline=240)
def maps() -> None:
    length = 8 << 20
    options = ("-v", "7", "--engine", "socket:zerocopy", "-t", "2", "-q", "1", "--json")
    payload = b"".join(pattern(length, 7))

    def received() -> Result:
        # Of an MSS, the timestamps take 12 bytes. All is sent as one piece: after a short segment,
        # this NIC begins none at the start of a page, and a window that is full makes one.
        port = free_port()
        process = listen(4, port, "--mss", str(4096 + 12), *options)
        Sender(4, port, iter([payload])).start()
        return finish(process)

    with large_frames(4200), unchanged():
        found = document(received().expect(0))
        changed = bytearray(payload)
        changed[4_000_001] ^= 1
        payload = bytes(changed)
        received().expect(1, "wrong byte at 4000001:")
    expect_equal(found["plain_bytes"], length, "bytes")
    expect_equal(found["wrong_bytes"], 0, "wrong bytes")
    if not parameter("rx_buf_len"):
        expect(found["mapped_bytes"] >= 4096, "nothing was mapped")
    with unchanged():
        result = receive(length, *options).expect(0, "the kernel maps whole pages only")
    expect_equal(document(result)["mapped_bytes"], 0, "mapped bytes")


@case("standard input is sent through sockets, copied or not, and arrives", binds=False)
def sends() -> None:
    payload = os.urandom((5 << 20) + 13)
    for engine in SOCKETS:
        found = check_sent(payload, "--engine", engine)
        expect_equal(found["engine"], engine, "engine")
        if engine == "socket":
            expect_equal(found["copied_sends"], found["sendmsg_calls"], "copied sends")


@case("a check for sockets asks for no binding and no memory", binds=False)
def checks() -> None:
    result = run("-f", NIC, "--check", "--engine", "socket", "--json", memory=()).expect(0)
    items = [item["item"] for item in document(result)["items"]]
    expect("link" in items and "bind-rx" not in items and "udmabuf-limit" not in items, str(items))


@case("options of another engine are refused by name", binds=False)
def refuses() -> None:
    for option in (
        ("--memory", "udmabuf"), ("--memory-size", "1M"), ("-b", "16K"), ("-a", "1"), ("-U", "1"),
        ("-L",), ("--allow-plain",), ("--trace",),
    ):
        run("-l", "-f", NIC, "-s", LOCAL[4], "-p", "5201", "--engine", "socket", *option,
            memory=()).expect(2, f"{option[0]}: means nothing with --engine socket")
    run("-l", "-f", NIC, "-s", LOCAL[4], "-p", "5201", "--engine", "rdma", memory=()).expect(
        2, "the engines are devmem, ")
