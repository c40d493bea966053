# SPDX-License-Identifier: GPL-2.0-only
"""A run ends with its interface, and begins only on one that is up."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from testbed import nic
from testbed.harness import Skipped, case, expect, expect_equal, wait_for
from testbed.hosts import (
    LOCAL, NIC, REMOTE, REMOTE_NIC, Sender, free_port, output, pattern, reload_nic,
    wait_for_traffic, wait_listening)
from testbed.sending import Receiver, start_sender
from testbed.state import bound_queues, expect_released, has_command, unchanged
from testbed.tool import RUNTIME, finish, guards, listen, run, start

# How long a run may take to notice and to undo, under emulation.
SECONDS = 10
# The length of a stream that does not end before its run.
ENDLESS = 1 << 30


def is_connected(port: int) -> bool:
    """Whether a connection from here to a port is established."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ends_of_lines = [line.split()[2:4] for line in lines]
    return any(peer.endswith(f":{port:04X}") and state == "01" for peer, state in ends_of_lines)


def let_run(length: int) -> None:
    """Waits until streams of this length run, or have come to a stand."""
    if length == ENDLESS:
        wait_for_traffic(1 << 20)
    else:
        time.sleep(1.5)


@contextlib.contextmanager
def down() -> Iterator[None]:
    """Takes the NIC down for a while."""
    output("ip", "link", "set", NIC, "down")
    try:
        yield
    finally:
        output("ip", "link", "set", NIC, "up")


def ends(process: subprocess.Popen[bytes], *texts: str) -> None:
    """Takes the NIC down under a run, which must end for that."""
    with down():
        begin = time.monotonic()
        try:
            # What it prints waits: a reader that starts to read would let a blocked write go on.
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            finish(process, 0.1)
        print(f"  ended after {time.monotonic() - begin:.1f} s")
        result = finish(process)
    result.expect(1, f"{NIC}: ENETDOWN", f"ip link set {NIC} up", *texts)
    expect("cannot undo" not in result.stderr, result.stderr)


@case("a receiver ends when its interface goes down, whatever it waits for")
def receiver_down() -> None:
    with unchanged():
        ends(listen(4, free_port(), "-v", "7"))
    expect_released()
    # A stream that is silent, one that runs, and one that nobody reads.
    for options, length in ((("-v", "7"), 50_000), (("-v", "7"), ENDLESS), ((), 1 << 24)):
        with unchanged():
            port = free_port()
            process = listen(4, port, *options)
            Sender(4, port, pattern(length), hold=30).start()
            let_run(length)
            ends(process, "total_received=")
        expect_released()


@case("a measuring receiver ends when its interface goes down")
def measuring_receiver_down() -> None:
    with unchanged():
        control = free_port()
        process = start(
            "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()), "--control", str(control))
        wait_listening(control, process)
        ends(process)
    for length in (50_000, ENDLESS):
        with unchanged():
            port = free_port()
            process = listen(4, port, "--flows", "2", "-v", "7", "--interval", "0")
            for _ in range(2):
                Sender(4, port, pattern(length), hold=30).start()
            let_run(length)
            ends(process)
        expect_released()


@case("a sender ends when its interface goes down", binds=False)
def sender_down() -> None:
    kinds: list[tuple[str, ...]] = [("--flows", "1", "--host-memory", "--duration", "60")]
    if has_command("bind-tx"):
        kinds += [(), ("--flows", "1", "--duration", "60")]
    for options in kinds:
        receiver = Receiver(4, free_port())
        receiver.start()
        receiver.listening.wait(10)
        process = start_sender(4, receiver.port, *options)
        expect(wait_for(lambda: is_connected(receiver.port)), "it does not connect")
        ends(process)


@case("a run on an interface that is down is refused before it changes anything", binds=False)
def refused() -> None:
    with unchanged():
        with down():
            address = ("-s", LOCAL[4], "-p", str(free_port()))
            for options in (
                    (), ("-l", *address), ("-l", "-n", *address), ("-l", "--flows", "1", *address),
                    ("-s", REMOTE[4], "-p", "5201"),
                    ("-s", REMOTE[4], "-p", "5201", "--flows", "1", "--host-memory")):
                result = run("-f", NIC, *options).expect(
                    1, f"{NIC}: ENETDOWN", f"ip link set {NIC} up")
                expect("undo" not in result.stderr, result.stderr)


@case("a carrier that is lost, and other news of the interface, do not end a run")
def goes_on() -> None:
    with unchanged():
        port = free_port()
        process = listen(4, port, "-v", "7")
        for setting in (("promisc", "on"), ("promisc", "off"), ("alias", "x"), ("alias", "")):
            output("ip", "link", "set", NIC, *setting)
        for state in ("down", "up"):
            output("ip", "-n", "remote", "link", "set", REMOTE_NIC, state)
            time.sleep(1.5)
        expect(bound_queues(), "nothing is bound")
        Sender(4, port, pattern(50_000)).start()
        finish(process).expect(0)
    expect_released()


@case("a receiver ends when its interface is unplugged, and nothing is left to bring back")
def unplugged() -> None:
    process = listen(4, free_port(), "-v", "7")
    try:
        output("rmmod", nic.AT_HAND.driver)
        result = finish(process, SECONDS).expect(1, f"{NIC}: ENODEV", "the interface is gone")
        print(result.stderr)
        expect_equal(result.stderr.count("cannot undo"), 1, "failures to undo")
        expect_equal(guards(), [], "guards")
        expect_equal(list(RUNTIME.iterdir()), [], "journals")
    finally:
        reload_nic()


@case("a receiver ends when its interface moves to another network namespace")
def moved() -> None:
    process = listen(4, free_port(), "-v", "7")
    try:
        moving = subprocess.run(
            ["ip", "link", "set", NIC, "netns", "remote"], capture_output=True, check=False)
        if moving.returncode:
            raise Skipped(f"the kernel does not move it: {moving.stderr.decode().strip()}")
        result = finish(process, SECONDS).expect(
            1, f"{NIC}: ENODEV", "moved to another network namespace", "set them by hand")
        expect_equal(result.stderr.count("cannot undo"), 1, "failures to undo")
        expect_equal(guards(), [], "guards")
        expect_equal(list(RUNTIME.iterdir()), [], "journals")
    finally:
        reload_nic()
