# SPDX-License-Identifier: GPL-2.0-only
"""Runs the tool as a sender, against a receiver on the remote host."""

from __future__ import annotations

import socket
import subprocess
import threading
import time

from .harness import expect, expect_equal
from .hosts import REMOTE, enter_remote, free_port, need
from .state import unchanged
from .summary import document
from .tool import BINARY, LITTLE_MEMORY, Result, on_nic, track


class Receiver(threading.Thread):
    """Listens on the remote host, takes one connection and reads it to its end."""

    def __init__(
        self, version: int, port: int, limit: int | None = None, hold: float = 0
    ) -> None:
        """With a limit, resets the connection after so many bytes, and after so many seconds."""
        super().__init__(daemon=True)
        self.version = version
        self.port = port
        self.limit = limit
        self.hold = hold
        self.received = b""
        self.listening = threading.Event()
        self.connected = threading.Event()

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
        self.connected.set()
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
                time.sleep(self.hold)
                # An orderly end would leave the sender with an acknowledged stream.
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def start_sender(
    version: int, port: int, *options: str, descriptors: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Starts the tool as a sender, with little memory unless the options are about that."""
    if not {"--memory", "--memory-size", "--host-memory", "--engine"} & set(options):
        options += LITTLE_MEMORY
    return track(subprocess.Popen(
        [BINARY, *on_nic(options), "-s", REMOTE[version], "-p", str(port), *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=descriptors))


def send(
    payload: bytes, *options: str, version: int = 4, limit: int | None = None, hold: float = 0,
    descriptors: tuple[int, ...] = ()
) -> tuple[Result, Receiver]:
    """Has the tool send something, to a peer that resets the connection after so many bytes, and
    so many seconds, if there is a limit."""
    need(version)
    receiver = Receiver(version, free_port(), limit, hold)
    receiver.start()
    receiver.listening.wait(10)
    process = start_sender(version, receiver.port, *options, descriptors=descriptors)
    try:
        stdout, stderr = process.communicate(payload, timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
    receiver.join(30)
    return Result(process.returncode, stdout, stderr.decode(errors="replace")), receiver


def check_sent(
    payload: bytes, *options: str, version: int = 4, descriptors: tuple[int, ...] = ()
) -> dict:
    """Sends, and fails the case unless all of it arrives and every send completes; returns the
    run's document."""
    with unchanged():
        result, receiver = send(
            payload, "--json", *options, version=version, descriptors=descriptors)
    result.expect(0)
    expect_equal(len(receiver.received), len(payload), "bytes received")
    expect(receiver.received == payload, "other bytes were received")
    summary = document(result)
    expect_equal(summary["bytes"], len(payload), "bytes in the summary")
    expect_equal(summary["completions"], summary["sendmsg_calls"], "complete sends")
    return summary
