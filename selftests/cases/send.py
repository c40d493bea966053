# SPDX-License-Identifier: GPL-2.0-only
"""Sending from device memory: what comes out is what went in, and nothing is left outstanding."""

from __future__ import annotations

import functools
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable

from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import NIC, REMOTE, enter_remote, free_port
from testbed.state import has_command, unchanged
from testbed.tool import BINARY, Result, finish, run, track

SUMMARY = re.compile(
    r"sent (?P<bytes>\d+) bytes .* (?P<sends>\d+) calls of sendmsg, (?P<complete>\d+) complete in")


class Receiver(threading.Thread):
    """Listens on the remote host, takes one connection and reads it to its end."""

    def __init__(self, version: int, port: int, limit: int | None = None) -> None:
        super().__init__(daemon=True)
        self.version = version
        self.port = port
        self.limit = limit
        self.received = b""
        self.listening = threading.Event()

    def run(self) -> None:
        enter_remote()
        family = socket.AF_INET if self.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((REMOTE[self.version], self.port))
            listener.listen()
            listener.settimeout(60)
            self.listening.set()
            connection, _ = listener.accept()
        with connection:
            connection.settimeout(60)
            pieces = []
            while self.limit is None or sum(map(len, pieces)) < self.limit:
                piece = connection.recv(1 << 20)
                if not piece:
                    break
                pieces.append(piece)
            self.received = b"".join(pieces)
            if self.limit is not None:
                # An orderly end would leave the sender with an acknowledged stream.
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def start(
    version: int, port: int, *options: str, descriptors: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Starts the tool as a sender."""
    return track(subprocess.Popen(
        [BINARY, "-f", NIC, "-s", REMOTE[version], "-p", str(port), *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=descriptors))


def send(
    payload: bytes, *options: str, version: int = 4, descriptors: tuple[int, ...] = ()
) -> tuple[Result, Receiver]:
    """Has the tool send something."""
    receiver = Receiver(version, free_port())
    receiver.start()
    receiver.listening.wait(10)
    process = start(version, receiver.port, *options, descriptors=descriptors)
    try:
        stdout, stderr = process.communicate(payload, timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
    receiver.join(30)
    return Result(process.returncode, stdout, stderr.decode(errors="replace")), receiver


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


def check(
    payload: bytes, *options: str, version: int = 4, descriptors: tuple[int, ...] = ()
) -> re.Match[str]:
    """Sends, and expects it to arrive with every send complete."""
    with unchanged():
        result, receiver = send(payload, *options, version=version, descriptors=descriptors)
    result.expect(0)
    expect_equal(len(receiver.received), len(payload), "bytes received")
    expect(receiver.received == payload, "other bytes were received")
    summary = SUMMARY.search(result.stderr)
    assert summary, result.stderr
    expect_equal(int(summary["bytes"]), len(payload), "bytes in the summary")
    expect_equal(summary["complete"], summary["sends"], "complete sends")
    return summary


@case("lines are sent, over IPv4 and IPv6")
@needs_bind_tx
def sends_lines() -> None:
    for version in (4, 6):
        check(b"hello\nworld\n", version=version)


@case("binary input of any size is sent, more than the device memory holds")
@needs_bind_tx
def sends_binary() -> None:
    check(b"")
    check(b"\0")
    check(os.urandom(3 << 20), "--memory-size", "1M")


@case("-z names the payload in small pieces")
@needs_bind_tx
def sends_chunks() -> None:
    check(b"hello\nworld\n", "-z", "3")
    check(os.urandom(100_000), "-z", "4096")


@case("sending from a given address uses the given port")
@needs_bind_tx
def sends_from() -> None:
    check(b"from here", "-c", "192.0.2.1")


@case("many sends are in flight at once")
@needs_bind_tx
def keeps_window() -> None:
    summary = check(os.urandom(8 << 20))
    expect(int(summary["sends"]) > 20, "hardly any sends")


@case("a port where nobody listens is told of")
@needs_bind_tx
def refused() -> None:
    result = run("-f", NIC, "-s", REMOTE[4], "-p", str(free_port()))
    result.expect(1, "ECONNREFUSED")


@case("a peer that breaks off ends the sender with an error")
@needs_bind_tx
def broken_off() -> None:
    result, _ = send_to_breaker()
    expect(result.code == 1, f"exit status {result.code}: {result.stderr}")
    expect("EPIPE" in result.stderr or "ECONNRESET" in result.stderr, result.stderr)


def send_to_breaker() -> tuple[Result, Receiver]:
    """Sends to a peer that resets the connection after some bytes."""
    receiver = Receiver(4, free_port(), limit=10_000)
    receiver.start()
    receiver.listening.wait(10)
    process = start(4, receiver.port)
    try:
        stdout, stderr = process.communicate(bytes(64 << 20), timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
    return Result(process.returncode, stdout, stderr.decode(errors="replace")), receiver


@case("a stop signal ends a sender that waits for its input")
@needs_bind_tx
def stopped() -> None:
    receiver = Receiver(4, free_port())
    receiver.start()
    receiver.listening.wait(10)
    process = start(4, receiver.port)
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    process.stdin = None
    finish(process, 20).expect(128 + signal.SIGTERM)
