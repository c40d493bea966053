# SPDX-License-Identifier: GPL-2.0-only
"""Both token modes, on a kernel that has them (the lab kernel: selftests/lab)."""

from __future__ import annotations

import functools
import re
import signal
import time
from collections import Counter
from collections.abc import Callable

from testbed.devmem import Stream, free_deferred
from testbed.habits import steered
from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import NIC, Sender, free_port, pattern
from testbed.state import (
    bound_queues, device_pools, expect_released, token_mode_attribute, unchanged)
from testbed.summary import check_summary
from testbed.tool import finish, listen, receive, run

FRAGMENT = re.compile(r"received frag_page=(\d+), .* token=(\d+), total_received=")


def needs_modes(function: Callable[[], None]) -> Callable[[], None]:
    """Skips a case on kernels that keep tokens in one way only."""

    @functools.wraps(function)
    def wrapper() -> None:
        if not token_mode_attribute():
            raise Skipped("this kernel has no token modes; the lab kernel has")
        function()

    return wrapper


@case("streams are validated in both token modes, every token returned", deadline=600)
@needs_modes
def both_modes() -> None:
    for mode in ("0", "1"):
        for length in (1000, 1 << 20, 16 << 20):
            with unchanged():
                result = receive(length, "-v", "7", "-a", mode, "--json").expect(0)
            check_summary(result, length)
            expect_released()


def traced(*options: str) -> list[tuple[int, int]]:
    """The page and the token of each fragment of a run."""
    result = receive(200_000, "-v", "7", "--trace", "--json", *options).expect(0)
    fragments = [(int(page), int(token)) for page, token in FRAGMENT.findall(result.stderr)]
    summary = check_summary(result, 200_000)
    expect_equal(len(fragments), summary["fragments"], "fragments traced")
    expect_released()
    return fragments


@case(
    "a token is its buffer's number in manual mode, and else, the default, the socket's own",
    deadline=300)
@needs_modes
def token_numbers() -> None:
    for options, pages in (
        (("-a", "0"), 1),
        # One huge page, whose first buffer is the first to be used.
        (("-a", "0", "-b", "16384", "--memory-size", "2M"), 4),
    ):
        fragments = traced(*options)
        expect(all(page // pages == token for page, token in fragments), f"others: {fragments}")
        count = Counter(token for _, token in fragments)
        expect(max(count.values()) > 1, "no buffer with several fragments")
        expect(pages == 1 or count[0] > 1, f"not buffer 0: {count}")
    for options in ((), ("-a", "1")):
        tokens = [token for _, token in traced(*options)]
        expect_equal(min(tokens), 1, "the first token")


@case(
    "in manual mode every token is returned before the close, however the run ends", deadline=300)
@needs_modes
def drains() -> None:
    def to_its_end(port: int) -> None:
        Sender(4, port, pattern(1 << 20)).start()

    def to_a_wrong_byte(port: int) -> None:
        Sender(4, port, pattern(1 << 20, 8)).start()

    def to_a_signal(port: int) -> None:
        Sender(4, port, pattern(1 << 30)).start()
        time.sleep(1)

    for send, code in ((to_its_end, 0), (to_a_wrong_byte, 1), (to_a_signal, 128 + signal.SIGTERM)):
        with unchanged():
            port = free_port()
            process = listen(4, port, "-v", "7", "-a", "0")
            witness = join(*bound_queues())
            send(port)
            if code > 128:
                process.send_signal(signal.SIGTERM)
            finish(process).expect(code)
        # The witness keeps what the tool has received and not returned.
        deadline = time.monotonic() + 20
        while (out := [pool["inflight"] for pool in device_pools()]) != [1]:
            expect(time.monotonic() < deadline, f"{out} buffers are out, not [1]")
            free_deferred()
            time.sleep(0.1)
        witness.close()
        expect_released()


def join(queue: int) -> Stream:
    """A socket that received a fragment from the queue's binding, and keeps it."""
    port = free_port()
    with steered(port, queue):
        stream = Stream(port)
        stream.send(bytes(1000))
        expect_equal(len(stream.receive(1000)), 1, "fragments")
    return stream


@case("a receiver that is killed under traffic leaves no memory in either token mode", deadline=180)
@needs_modes
def killed() -> None:
    for mode in ("0", "1"):
        with unchanged():
            port = free_port()
            process = listen(4, port, "-v", "7", "-a", mode)
            Sender(4, port, pattern(1 << 30)).start()
            time.sleep(1)
            process.kill()
            finish(process).expect(-signal.SIGKILL)
        expect_released()


@case("after an unbind a new receiver is refused in manual mode, and served in the other")
@needs_modes
def unbinds_before() -> None:
    result = receive(1000, "-v", "7", "-U", "1", "-a", "0").expect(0, "total_received=0")
    expect("Validated" not in result.stdout.decode(), "validated nothing")
    expect_released()
    receive(1000, "-v", "7", "-U", "1", "-a", "1").expect(0, "total_received=1000")
    expect_released()


@case("an unbind after the first payload lets the stream end, in both token modes")
@needs_modes
def unbinds_after() -> None:
    for mode in ("0", "1"):
        receive(1000, "-v", "7", "-U", "2", "-a", mode).expect(0)
        expect_released()


@case("a second binding in the other token mode is refused with the kernel's words")
@needs_modes
def refuses_mixture() -> None:
    for mode, other in (("0", "1"), ("1", "0")):
        port = free_port()
        process = listen(4, port, "-v", "7", "-a", mode)
        with unchanged():
            run(
                "-l", "-n", "-f", NIC, "-s", "192.0.2.1", "-p", str(free_port()), "-t", "1",
                "-q", "1", "-a", other).expect(
                    1, f"already configured with autorelease={mode}",
                    "hint: another binding has the other token mode (-a)")
        Sender(4, port, pattern(10_000)).start()
        finish(process).expect(0)
        expect_released()


@case("--autorelease-attribute names the kernel's attribute")
@needs_modes
def numbered_attribute() -> None:
    number = token_mode_attribute().removeprefix("attr-")
    receive(1000, "-v", "7", "-a", "1", "--autorelease-attribute", number).expect(0)
    expect_released()
    with unchanged():
        result = run(
            "-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-a", "1",
            "--autorelease-attribute", "77")
    expect_equal(result.code, 4, "exit status")


@case("runs in both token modes by turns leave nothing behind", deadline=600)
@needs_modes
def by_turns() -> None:
    for _ in range(10):
        for mode in ("0", "1"):
            receive(5000, "-v", "7", "-a", mode).expect(0)
            expect_released()
