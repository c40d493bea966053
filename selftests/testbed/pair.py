# SPDX-License-Identifier: GPL-2.0-only
"""The two ends of a measurement: a receiver here and a sender on the remote host."""

from __future__ import annotations

import json
import subprocess
import threading

from .hosts import (
    LOCAL, NIC, REMOTE, REMOTE_NIC, enter_remote, free_port, need, wait_listening)
from .tool import BINARY, finish, start, track


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
    port: int, control: int, receiving: tuple[str, ...], sending: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """A sender on the remote host that listens, and a receiver here that connects."""
    listening = _remote(
        "-l", "-s", REMOTE[4], "-p", str(port), "--control", str(control), *sending)
    # A network namespace is a thread's own matter.
    waiting = threading.Thread(target=lambda: (enter_remote(), wait_listening(control, listening)))
    waiting.start()
    waiting.join()
    calling = start(
        "-f", NIC, "-s", REMOTE[4], "-p", str(port), "--control", str(control), "-R",
        "--timeout", "60", *receiving, memory=())
    return calling, listening


def measure(
    flows: int, receiving: list[str], sending: list[str], seconds: float = 300
) -> dict:
    """What the receiver reports of flows from host memory. Nothing else is printed."""
    port, control = free_port(), free_port()
    ends = ("--control", str(control), "--interval", "0")
    listening = receiver(port, *ends, "--json", *receiving)
    try:
        wait_listening(control, listening)
        talking = sender(port, *ends, "--host-memory", "--flows", str(flows), *sending)
        sent, received = finish(talking, seconds), finish(listening)
    finally:
        listening.kill()
    if received.code or sent.code:
        raise SystemExit(f"receiver: exit status {received.code}\n{received.stderr}\n"
                         f"sender: exit status {sent.code}\n{sent.stderr}")
    return json.loads(received.stdout)
