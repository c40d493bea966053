# SPDX-License-Identifier: GPL-2.0-only
"""The two ends of a measurement: a receiver here and a sender on the remote host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence

from .harness import expect, expect_equal
from .hosts import (
    LOCAL, NIC, REMOTE, REMOTE_NIC, free_port, need, wait_listening, wait_listening_remotely)
from .schema import validate
from .state import expect_released, unchanged
from .tool import BINARY, Result, finish, start, track


# What either end says first on the control connection.
HELLO = b"hello version=4\n"


def receiver(port: int, *options: str, version: int = 4) -> subprocess.Popen[bytes]:
    """Starts a measuring receiver, with the memory that several flows need."""
    need(version)
    return start(
        "-l", "-f", NIC, "-s", LOCAL[version], "-p", str(port), "--timeout", "60", *options,
        memory=())


def sender(port: int, *options: str, version: int = 4) -> subprocess.Popen[bytes]:
    """Starts a measuring sender on the remote host."""
    return _remote("-s", LOCAL[version], "-p", str(port), *options)


def _remote(*options: str) -> subprocess.Popen[bytes]:
    """Starts the tool on the remote host."""
    return track(subprocess.Popen(
        ["ip", "netns", "exec", "remote", BINARY, "-f", REMOTE_NIC, "--timeout", "60", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


def reversed_pair(
    port: int, control: int, receiving: tuple[str, ...], sending: tuple[str, ...] = (),
    by: str = "-R",
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """A sender on the remote host that listens, and a receiver here that connects; both do both
    `by` --bidir."""
    listening = _remote(
        "-l", "-s", REMOTE[4], "-p", str(port), "--control", str(control), *sending)
    wait_listening_remotely(control, listening)
    calling = start(
        "-f", NIC, "-s", REMOTE[4], "-p", str(port), "--control", str(control), by,
        "--timeout", "60", *receiving, memory=())
    return calling, listening


def both_ends(
    receiving: Sequence[str], sending: Sequence[str], seconds: float, version: int = 4,
    watch: Callable[[list[subprocess.Popen[bytes]]], None] = lambda _: None,
) -> tuple[Result, Result]:
    """How receiver and sender of a measurement end that agree by a control connection. Meanwhile
    `watch` is called with both, and may take as long as they do."""
    port, control = free_port(), free_port()
    listening = receiver(port, "--control", str(control), *receiving, version=version)
    try:
        wait_listening(control, listening)
        talking = sender(port, "--control", str(control), *sending, version=version)
        watch([listening, talking])
        sent = finish(talking, seconds)
        return finish(listening, 60), sent
    finally:
        listening.kill()


def measure(
    flows: int, receiving: list[str], sending: list[str], seconds: float = 300,
    watch: Callable[[list[subprocess.Popen[bytes]]], None] = lambda _: None
) -> dict:
    """What the receiver reports of flows from host memory. Nothing else is printed."""
    quiet = ("--interval", "0")
    received, sent = both_ends(
        (*quiet, "--json", *receiving),
        (*quiet, "--host-memory", "--flows", str(flows), *sending), seconds, watch=watch)
    if received.code or sent.code:
        raise SystemExit(f"receiver: exit status {received.code}\n{received.stderr}\n"
                         f"sender: exit status {sent.code}\n{sent.stderr}")
    return json.loads(received.stdout)


def paired(
    sending: tuple[str, ...], receiving: tuple[str, ...] = (), version: int = 4,
    watch: Callable[[list[subprocess.Popen[bytes]]], None] = lambda _: None,
) -> tuple[dict, dict]:
    """A measurement whose ends agree, and that changes nothing; gives what receiver and sender say
    of it."""
    with unchanged():
        received, sent = both_ends(
            ("--json", *receiving), ("--json", *sending), 100, version, watch)
        expect(not sent.code and not received.code, f"{sent.stderr}\n{received.stderr}")
        ours, theirs = document(received, "receive"), document(sent, "send")
    expect_released()
    return ours, theirs


def in_each_direction(engine: str, then: Callable[[], None] = lambda: None) -> None:
    """Two flows that an engine asks for (-R), that both ends send at once (--bidir), and that are
    exchanges of messages; the other end has sockets. After each, `then` is called."""
    for by, load in (("-R", ("--bytes", "2M")), ("--bidir", ("--bytes", "2M")),
                     ("-R", ("--latency", "--duration", "1"))):
        with unchanged():
            calling, listening = reversed_pair(
                free_port(), free_port(),
                ("--flows", "2", "--engine", engine, "--json", "-v", "7", *load),
                ("--engine", "socket", "--json"), by)
            finish(calling, 100).expect(0)
            finish(listening, 60).expect(0)
        then()


def document(result: Result, role: str, verdict: str = "ok") -> dict:
    """The document that a run printed, which is as the schema says."""
    lines = result.stdout.decode().splitlines()
    expect_equal(len(lines), 1, f"lines on the standard output of {role}")
    parsed = json.loads(lines[0])
    validate(parsed, "bidirectional" if role == "both" else "measurement")
    if role == "both":
        for part in "receive", "send":
            alone = parsed | {"schema": "ncdevmem-measurement-2", "role": part} | parsed[part]
            del alone["receive"], alone["send"]
            validate(alone, "measurement")
    expect_equal(parsed["role"], role, "role")
    expect_equal(parsed["verdict"], verdict, f"verdict of {role}: {parsed['failure']}")
    return parsed


def check_consistent(
    ours: dict, theirs: dict, flows: int, through: str = "device_bytes"
) -> None:
    """Both ends report the same bytes, flow by flow, all of which came `through` the same way, and
    all tokens are back."""
    expect_equal(len(ours["flows"]), flows, "flows of the receiver")
    expect_equal(len(theirs["flows"]), flows, "flows of the sender")

    def by_port(document_: dict) -> dict[int, int]:
        return {flow["caller_port"]: flow["bytes"] for flow in document_["flows"]}

    for other in (theirs, ours["peer"], theirs["peer"]):
        expect_equal(by_port(other), by_port(ours), "bytes by port")
    for flow in ours["flows"]:
        expect(flow["bytes"] > 0, f"nothing came from flow {flow['flow']}")
        expect_equal(flow[through], flow["bytes"], through)
        expect_equal(flow["tokens_returned"], flow["fragments"], "tokens returned")
        expect_equal(flow["tokens_outstanding"], 0, "tokens outstanding")
        expect_equal(flow["wrong_bytes"], 0, "wrong bytes")
    total = sum(flow["bytes"] for flow in ours["flows"])
    for document_ in (ours, theirs):
        expect_equal(document_["total"]["bytes"], total, "the sum")
        if document_["intervals"]:
            each = [interval["total"]["bytes"] for interval in document_["intervals"]]
            # The tool reports what is left of the last interval only if it has a tenth of a second,
            # in which no more comes than in a whole one.
            expect(total - max(each) <= sum(each) <= total, f"intervals: {each} of {total} bytes")
