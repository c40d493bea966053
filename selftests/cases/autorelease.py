# SPDX-License-Identifier: GPL-2.0-only
"""Both token modes, on a kernel that has them (the lab kernel: selftests/lab)."""

from __future__ import annotations

import functools
from collections.abc import Callable

from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import NIC, Sender, free_port, pattern
from testbed.state import bind_rx_attributes, expect_released, unchanged
from testbed.tool import finish, listen, receive, run

from cases.receive import check_summary


def needs_modes(function: Callable[[], None]) -> Callable[[], None]:
    """Skips a case on kernels that keep tokens in one way only."""

    @functools.wraps(function)
    def wrapper() -> None:
        if "u8" not in bind_rx_attributes().values():
            raise Skipped("this kernel has no token modes; the lab kernel has")
        function()

    return wrapper


@case("streams are validated in both token modes, every token returned", deadline=180)
@needs_modes
def both_modes() -> None:
    for mode in ("0", "1"):
        for length in (1000, 1 << 20, 16 << 20):
            with unchanged():
                result = receive(length, "-v", "7", "-a", mode).expect(0)
            check_summary(result.stderr, length)
            expect_released()


@case("without -a a kernel with token modes keeps tokens by binding")
@needs_modes
def default_mode() -> None:
    check_summary(receive(1 << 20, "-v", "7").expect(0).stderr, 1 << 20)
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
    port = free_port()
    process = listen(4, port, "-v", "7", "-a", "0")
    with unchanged():
        run(
            "-l", "-n", "-f", NIC, "-s", "192.0.2.1", "-p", str(free_port()), "-t", "1", "-q", "1",
            "-a", "1").expect(1, "already configured with autorelease=0", "hint:")
    Sender(4, port, pattern(10_000)).start()
    finish(process).expect(0)
    expect_released()


@case("--autorelease-attribute names the kernel's attribute")
@needs_modes
def numbered_attribute() -> None:
    (name,) = [name for name, type_ in bind_rx_attributes().items() if type_ == "u8"]
    number = name.removeprefix("attr-")
    receive(1000, "-v", "7", "-a", "1", "--autorelease-attribute", number).expect(0)
    expect_released()
    with unchanged():
        result = run(
            "-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-a", "1",
            "--autorelease-attribute", "77")
    expect_equal(result.code, 4, "exit status")


@case("runs in both token modes by turns leave nothing behind", deadline=180)
@needs_modes
def by_turns() -> None:
    for _ in range(10):
        for mode in ("0", "1"):
            receive(5000, "-v", "7", "-a", mode).expect(0)
            expect_released()
