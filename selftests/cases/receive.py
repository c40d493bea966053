# SPDX-License-Identifier: GPL-2.0-only
"""Receiving: every byte is checked or passed on, every token returned."""

from __future__ import annotations

import hashlib
import json
import re

from testbed.harness import case, expect, expect_equal
from testbed.hosts import (
    LOCAL, NIC, REMOTE, STRANGER, Sender, free_port, pattern, stranger, wait_listening)
from testbed.state import bound_queues, device_pools, expect_released, unchanged
from testbed.summary import check_summary
from testbed.tool import finish, listen, receive, run, start

# What the tool prints for people at the end.
LINE = re.compile(
    r"received (?P<total>\d+) bytes .*: (?P<device>\d+) in device memory \((?P<fragments>\d+) "
    r"fragments\), (?P<linear>\d+) linear, (?P<plain>\d+) plain; "
    r"(?P<tokens>\d+) tokens returned in (?P<calls>\d+) calls")


def validated(length: int, version: int) -> None:
    """A run with -v 7 of so many bytes into the default memory, and what it prints for people."""
    with unchanged():
        result = receive(length, "-v", "7", version=version, seconds=240, memory=()).expect(0)
        expect(b"Validated buffer" in result.stdout, "no 'Validated buffer'")
        found = LINE.search(result.stderr)
        expect(found, f"no summary in: {result.stderr}")
        assert found
        expect_equal(int(found["total"]), length, "bytes in the summary")
        expect_equal(found["tokens"], found["fragments"], "tokens in the summary")
        expect(f"total_received={length}\n" in result.stderr, "no total_received")
        expect_equal(int(found["device"]), length, "bytes in device memory")
    expect_released()


for _version in (4, 6):
    for _name, _length in (("1 KiB", 1 << 10), ("1 MiB", 1 << 20), ("256 MiB", 1 << 28)):
        case(f"{_name} over IPv{_version} is received and validated", deadline=300)(
            lambda length=_length, version=_version: validated(length, version))


@case("without -v the payload goes to the standard output, byte for byte")
def to_stdout() -> None:
    length = 5 << 20
    result = receive(length, "--json", period=256).expect(0)
    expected = hashlib.sha256(b"".join(pattern(length, 256))).hexdigest()
    expect_equal(hashlib.sha256(result.stdout).hexdigest(), expected, "payload")
    check_summary(result, length)


@case("the keys that scripts look for are on the standard error")
def keeps_keys() -> None:
    result = receive(1000, "-v", "7").expect(
        0, "got dmabuf id=", "binding to address 192.0.2.1:", "Waiting or connection on ",
        "Got connection from 192.0.2.2:", "total_received=1000")
    expect("frag_page" not in result.stderr, "the tool prints fragments without --trace")


@case("--trace prints each fragment as the C tool does")
def traces() -> None:
    result = receive(1000, "-v", "7", "--trace").expect(0)
    expect(
        re.search(r"received frag_page=\d+, in_page_offset=\d+, frag_offset=\d+, frag_size=1000, "
                  r"token=\d+, total_received=1000, dmabuf_id=\d+", result.stderr),
        f"no trace line in: {result.stderr}")


@case("-c steers only the peer's connection, from the same port")
def steers_peer() -> None:
    receive(100_000, "-v", "7", "-c", REMOTE[4]).expect(0)
    receive(100_000, "-v", "7", "-c", REMOTE[6], version=6).expect(0)


@case("-c takes the peer's connection only: a stranger's is closed, and the run goes on")
def takes_peer() -> None:
    port = free_port()
    with stranger(), unchanged():
        process = listen(4, port, "-v", "7", "-c", REMOTE[4])
        other = Sender(4, port, iter(()), source=STRANGER)
        other.start()
        other.join(20)
        sender = Sender(4, port, pattern(100_000), source_port=port)
        sender.start()
        result = finish(process).expect(
            0, f"closed the connection from {STRANGER}:", f"only {REMOTE[4]} may connect (-c)")
    expect(f"Got connection from {STRANGER}" not in result.stderr, "it was taken")
    expect_released()


@case("-L passes where the NIC splits as it should", deadline=300)
def strict_split() -> None:
    for version in (4, 6):
        for size in (1, 2, 64, 1024, 1448, 4096, 8192):
            receive(size, "-v", "7", "-L", version=version).expect(0)


@case("a binding shows on its queue and page pool while it lives, and no longer")
def shows_binding() -> None:
    port = free_port()
    process = listen(4, port, "-v", "7")
    queues = bound_queues()
    pools = device_pools()
    sender = Sender(4, port, pattern(70_000))
    sender.start()
    result = finish(process).expect(0)
    expect_equal(len(queues), 1, "bound queues")
    (queue, binding), = queues.items()
    expect_equal(queue, 3, "the default queue, the last one")
    expect(f"got dmabuf id={binding}\n" in result.stderr, "another id")
    expect(any(pool["dmabuf"] == binding for pool in pools), f"no pool has it: {pools}")
    expect_released()


@case("-t and -q choose the queues, -n leaves the NIC alone")
def chooses_queues() -> None:
    port = free_port()
    process = listen(4, port, "-v", "7", "-t", "1", "-q", "2")
    queues = bound_queues()
    Sender(4, port, pattern(70_000)).start()
    finish(process).expect(0)
    expect_equal(sorted(queues), [1, 2], "bound queues")
    expect_released()


@case("a stream of another length than --expect-bytes, or none at all, fails")
def expects_length() -> None:
    receive(5000, "-v", "7", "--expect-bytes", "5000").expect(0)
    receive(5000, "-v", "7", "--expect-bytes", "5001").expect(1, "5000", "5001")
    receive(5000, "--expect-bytes", "4999").expect(1, "5000", "4999")
    receive(0, "-v", "7").expect(1, "no payload", "readiness probe or a scan", "-c ADDR")
    receive(0).expect(0, "readiness probe or a scan")


@case("another pattern fails, with at most 20 wrong bytes reported")
def refuses_pattern() -> None:
    with unchanged():
        result = receive(10_000, "-v", "7", period=8).expect(
            1, "wrong byte at 6: expected 10, got 7 (fragment 0, token ")
    expect_equal(result.stderr.count("wrong byte at"), 20, "bytes reported")


@case("--json gives the summary to programs")
def json_summary() -> None:
    result = receive(123_456, "-v", "7", "--json").expect(0)
    summary = json.loads(result.stdout.splitlines()[-1])
    expect_equal(summary["bytes"], 123_456, "bytes")
    expect_equal(summary["device_bytes"], 123_456, "device_bytes")
    expect_equal(summary["tokens_returned"], summary["fragments"], "tokens")


@case("a host's name does for its address", once=True)
def named() -> None:
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        print(LOCAL[4], "receiver.test", file=hosts)
    port = free_port()
    with unchanged():
        process = start("-l", "-f", NIC, "-s", "receiver.test", "-p", str(port), "-v", "7")
        wait_listening(port, process)
        Sender(4, port, pattern(7000)).start()
        finish(process).expect(0, f"Waiting or connection on {LOCAL[4]}:{port}")
        run("-l", "-f", NIC, "-s", "nobody.test", "-p", str(port)).expect(
            1, "cannot look up nobody.test: ")
