# SPDX-License-Identifier: GPL-2.0-only
"""However a run ends, the NIC comes back as it was and nothing stays bound."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator

from testbed.devmem import Buffer, Netlink, until
from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import (
    LOCAL, NIC, Sender, enter_remote, free_port, pattern, wait_for_traffic, wait_listening)
from testbed.state import bound_queues, expect_released, expect_state, kernel, nic_state, unchanged
from testbed.tool import (
    BINARY, LITTLE_MEMORY, finish, guards, listen, receive, run, start, track)


@case("a stop signal ends a run that waits for its connection", once=True)
def stopped_waiting() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with unchanged():
            process = listen(4, free_port(), "-v", "7")
            expect(bound_queues(), "nothing is bound")
            process.send_signal(number)
            finish(process, 20).expect(128 + number)
        expect_released()


@case("a stop signal ends a run under traffic, with its report")
def stopped_receiving() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with unchanged():
            port = free_port()
            process = listen(4, port, "-v", "7")
            Sender(4, port, pattern(1 << 30)).start()
            wait_for_traffic(1 << 20)
            process.send_signal(number)
            result = finish(process, 20).expect(128 + number, "total_received=")
            expect("wrong byte" not in result.stderr, result.stderr)
        expect_released()


@case("a stop does not hide a NIC that stays changed, in either receiver")
def stopped_and_left_changed() -> None:
    if kernel() < (6, 14):
        raise Skipped("this kernel lets header split go while a queue is bound")
    for options in (("-v", "7"), ("--flows", "1")):
        before = nic_state()
        process = listen(4, free_port(), *options)
        # While another program has a binding, the kernel refuses to switch header split off.
        netlink, buffer = Netlink(), Buffer(4 << 20)
        try:
            netlink.bind(buffer, 2, None)
            process.send_signal(signal.SIGINT)
            process.wait(20)
        finally:
            netlink.close()
            buffer.close()
        # The guard tries for some seconds, and holds the standard error so long.
        until(lambda: not guards(), "the guard has not ended")
        finish(process).expect(1, "tcp-data-split", "EINVAL")
        expect_released()
        expect_state(before)


@case("a stop signal ends a run whose reader does not read")
def stopped_writing() -> None:
    with unchanged():
        port = free_port()
        process = listen(4, port)
        Sender(4, port, pattern(1 << 24)).start()
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        finish(process, 20).expect(128 + signal.SIGTERM)
    expect_released()


@contextlib.contextmanager
def full_pipe() -> Iterator[int]:
    """The writer's end of a pipe that has no room, and that nobody reads."""
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, bytes(4096))
        yield writer
    finally:
        os.close(writer)
        os.close(reader)


@case("a standard error that nobody reads holds up neither a stop signal nor the guard", once=True)
def stopped_printing() -> None:
    for number, code in ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        with unchanged(), full_pipe() as writer:
            port = free_port()
            process = track(subprocess.Popen(
                [BINARY, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", "--trace",
                 *LITTLE_MEMORY],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer))
            wait_listening(port, process)
            Sender(4, port, pattern(1 << 30)).start()
            time.sleep(0.5)
            expect_equal(process.poll(), None, "the run")
            start_ = time.monotonic()
            process.send_signal(number)
            expect_equal(process.wait(20), code, "exit status")
            print(f"  ended {time.monotonic() - start_:.1f} s after signal {number}")
            expect(time.monotonic() - start_ < 10, "it took too long")
            until(lambda: not guards(), "the guard has not ended")
        expect_released()


@case("a stop signal that was ignored from the start stays ignored")
def ignored_signals() -> None:
    with unchanged():
        port = free_port()
        process = track(subprocess.Popen(
            ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh", BINARY, "-l", "-f", NIC, "-s",
             LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        wait_listening(port, process)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        expect_equal(process.poll(), None, "the run")
        process.terminate()
        finish(process, 20).expect(128 + signal.SIGTERM)
    expect_released()


@case("a reader that goes away fails the run")
def reader_leaves() -> None:
    with unchanged():
        port = free_port()
        reader, writer = os.pipe()
        process = listen(4, port, stdout=writer)
        os.close(writer)
        os.close(reader)
        Sender(4, port, pattern(1 << 20)).start()
        finish(process, 30).expect(1, "EPIPE")
    expect_released()


@case("a peer that breaks off fails the run with ECONNRESET")
def peer_resets() -> None:
    class Breaker(Sender):
        """A sender that resets its connection."""

        def run(self) -> None:
            enter_remote()
            connection = socket.create_connection(("192.0.2.1", self.port))
            connection.sendall(b"".join(self.pieces))
            time.sleep(0.5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    with unchanged():
        # One that comes and goes without a byte may have looked for open ports.
        for length, options in ((10_000, ()), (0, ()), (0, ("--flows", "1"))):
            port = free_port()
            process = listen(4, port, "-v", "7", *options)
            Breaker(4, port, pattern(length)).start()
            result = finish(process).expect(1, "ECONNRESET")
            expect_equal("readiness probe or a scan" in result.stderr, not length, "explained")
    expect_released()


@case("a silent peer fails the run after --timeout", once=True)
def times_out() -> None:
    with unchanged():
        port = free_port()
        process = listen(4, port, "-v", "7", "--timeout", "1")
        finish(process, 20).expect(1, "ETIMEDOUT")
        port = free_port()
        process = listen(4, port, "-v", "7", "--timeout", "1")
        Sender(4, port, pattern(5000), hold=4).start()
        finish(process, 20).expect(1, "ETIMEDOUT", "5000")
    expect_released()


@case("a run whose address is not there undoes its set-up")
def undoes_setup() -> None:
    with unchanged():
        run("-l", "-f", NIC, "-s", "198.51.100.7", "-p", "5201", "-v", "7").expect(
            1, "EADDRNOTAVAIL")
    expect_released()


@case("a queue that is bound already is refused, and the other run goes on")
def refuses_bound_queue() -> None:
    port = free_port()
    process = listen(4, port, "-v", "7")
    # With -n, for otherwise another run's lock comes first.
    result = run("-l", "-n", "-f", NIC, "-s", "192.0.2.1", "-p", str(free_port()), "-v", "7")
    expect(result.code == 1, f"exit status {result.code}: {result.stderr}")
    expect(len(bound_queues()) == 1, "the other binding is gone")
    Sender(4, port, pattern(100_000)).start()
    finish(process).expect(0)
    expect_released()


@case("runs in a row leave nothing behind")
def many_runs() -> None:
    with unchanged():
        for _ in range(10):
            receive(20_000, "-v", "7").expect(0)
    expect_released()


@case("without privileges the run fails with a hint", binds=False)
def unprivileged() -> None:
    process = subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", BINARY, "-f", NIC],
        capture_output=True, timeout=30, check=False)
    expect_equal(process.returncode, 1, "exit status")
    expect(b"hint:" in process.stderr, process.stderr.decode())
    expect(start("--version").wait(10) == 0, "--version")
