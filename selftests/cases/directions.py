# SPDX-License-Identifier: GPL-2.0-only
"""Measurements in which the end that connects receives, by -R, or both ends do, by --bidir."""

from __future__ import annotations

import resource

from testbed.harness import case, expect, expect_equal
from testbed.hosts import free_port, parameter
from testbed.pair import check_consistent, document, reversed_pair
from testbed.state import expect_released, has_command, remote_unchanged, unchanged
from testbed.tool import finish


@case("a receiver that connects has the end that listens send, by -R, and both ends agree",
      deadline=240)
def reverse() -> None:
    device = () if has_command("bind-tx") else ("--host-memory",)
    # The first restarts a queue that is not the last: its NAPI keeps its place among the others.
    for queues, memory in (("-t", "2", "-q", "1"), ("--host-memory",)), (
            ("-t", "2", "-q", "2"), device):
        port, control = free_port(), free_port()
        with unchanged():
            calling, listening = reversed_pair(
                port, control,
                ("--json", "--flows", "4", "--bytes", "2M", "-v", "9", *queues, *memory),
                ("--json",))
            received, sent = finish(calling, 100), finish(listening, 60)
            expect(not sent.code and not received.code, f"{sent.stderr}\n{received.stderr}")
        ours, theirs = document(received, "receive"), document(sent, "send")
        check_consistent(ours, theirs, 4)
        expect_equal(ours["total"]["bytes"], 8 << 20, "bytes")
        for end in ours, theirs:
            expect(end["configuration"]["reversed"], "not reversed")
        expect_equal(theirs["configuration"]["pattern_period"], 9, "pattern")
        expect_equal(
            theirs["configuration"]["sends_from"],
            "host memory" if memory else "device memory", "memory")
        if queues[-1] == "2":
            expect_equal(ours["configuration"]["steering"],
                         "context" if parameter("contexts") else "rules", "steering")
    expect_released()


@case("both ends send to each other at once, by --bidir, and agree on both directions",
      deadline=240)
def both_ways() -> None:
    device = () if has_command("bind-tx") else ("--host-memory",)
    for options, listener in (
            (("--bytes", "1M", "--host-memory", "-v", "9"), ("-v", "9")),
            (("--duration", "2", "--pattern", "8", *device), ("-v", "8"))):
        port, control = free_port(), free_port()
        with unchanged(), remote_unchanged():
            calling, listening = reversed_pair(
                port, control, ("--json", "--flows", "2", *options), ("--json", *listener),
                by="--bidir")
            called, listened = finish(calling, 100), finish(listening, 60)
            expect(not called.code and not listened.code, f"{called.stderr}\n{listened.stderr}")
            ours, theirs = document(called, "both"), document(listened, "both")
        for receiver_, sender_ in ((ours, theirs), (theirs, ours)):
            check_consistent(receiver_["receive"], sender_["send"], 2)
            for direction in receiver_["receive"], sender_["send"]:
                expect(direction["configuration"]["bidirectional"], "not bidirectional")
        ports = [{flow["caller_port"] for flow in ours[role]["flows"]}
                 for role in ("receive", "send")]
        expect_equal(len(ports[0] | ports[1]), 4, "ports")
        for role in "receive", "send":
            expect(f"the whole run, {role}:" in called.stderr, called.stderr)
        expect_equal(ours["send"]["configuration"]["pattern_period"],
                     theirs["receive"]["configuration"]["checked_pattern_period"], "pattern")
    expect_released()


@case("both ends have room for the descriptors of both directions", deadline=120, once=True)
def both_ways_many() -> None:
    port, control = free_port(), free_port()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (120, hard))
    try:
        with unchanged():
            calling, listening = reversed_pair(
                port, control,
                ("--flows", "100", "--host-memory", "--bytes", "16K", "-v", "7", "--json"),
                ("--json",), by="--bidir")
            called, listened = finish(calling, 100), finish(listening, 60)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    ours, theirs = document(called, "both"), document(listened, "both")
    check_consistent(ours["receive"], theirs["send"], 100)
    check_consistent(theirs["receive"], ours["send"], 100)
    expect_released()


@case("where one direction of --bidir fails, both ends do, and both NICs are left alone",
      deadline=120, once=True)
def both_ways_fail() -> None:
    port, control = free_port(), free_port()
    with unchanged(), remote_unchanged():
        calling, listening = reversed_pair(
            port, control, ("--flows", "1", "--host-memory", "--bytes", "1M", "--json"),
            ("-v", "8"), by="--bidir")
        finish(calling, 60).expect(1, "the peer expects another pattern (-v)")
        finish(listening, 60).expect(1, "cannot agree with the peer: it offers pattern 7")


@case("a receiver that connects and goes away, or cannot get ready, ends the sender", once=True)
def reverse_fails() -> None:
    port, control = free_port(), free_port()
    with unchanged():
        calling, listening = reversed_pair(
            port, control, ("--flows", "1", "--host-memory", "-t", "900", "-q", "1"))
        finish(calling, 60).expect(2)
        finish(listening, 60).expect(1, "the peer closed the control connection")
        calling, listening = reversed_pair(
            port, control, ("--flows", "1", "--host-memory", "-v", "9"), ("-v", "8"))
        finish(calling, 60).expect(1, "the sender expects another pattern")
        finish(listening, 60).expect(1, "cannot agree with the receiver: it offers pattern 9")
