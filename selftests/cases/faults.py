# SPDX-License-Identifier: GPL-2.0-only
"""What a NIC may do wrong, and what the tool makes of it."""

from __future__ import annotations

from testbed.harness import case, expect, expect_equal
from testbed.hosts import NIC, reload_nic, set_fault
from testbed.state import expect_released, unchanged
from testbed.summary import check_summary
from testbed.tool import receive, run


@case("dropped frames are sent again, and nothing is missing")
def drops() -> None:
    set_fault("drop_every", 50)
    receive(2 << 20, "-v", "7").expect(0)
    expect_released()


@case("a corrupted byte is found, with its place")
def corrupts() -> None:
    set_fault("corrupt_every", 100)
    with unchanged():
        result = receive(2 << 20, "-v", "7").expect(1, "wrong byte at ", "fragment ", "token ")
    expect("Validated buffer" not in result.stdout.decode(), "it was validated")
    receive(2 << 20).expect(0)


@case("payload left in the linear part is part of the stream, unless -L forbids it")
def leaves_linear() -> None:
    set_fault("linear_bytes", 13)
    summary = check_summary(receive(1 << 20, "-v", "7", "--json").expect(0), 1 << 20)
    expect(summary["linear_bytes"] > 0, "nothing was linear")
    with unchanged():
        receive(1 << 20, "-v", "7", "-L").expect(1, "-L")
    expect_released()


@case("plain frames are part of the stream")
def delivers_plain() -> None:
    set_fault("plain_every", 20)
    summary = check_summary(receive(1 << 20, "-v", "7", "--json").expect(0), 1 << 20)
    expect(summary["plain_bytes"] > 0, "nothing was plain")
    expect_released()


@case("a stream that never reaches device memory fails")
def never_reaches_device() -> None:
    set_fault("plain_every", 1)
    receive(1 << 16, "-v", "7").expect(1, "device memory")


@case("a NIC that refuses 5-tuple rules gets a 3-tuple rule")
def refuses_5tuple() -> None:
    reload_nic("refuse_5tuple=1")
    try:
        with unchanged():
            receive(100_000, "-v", "7", "-c", "192.0.2.2").expect(0)
    finally:
        reload_nic()


@case("a NIC without flow rules is refused before anything is changed")
def refuses_ntuple() -> None:
    reload_nic("refuse_ntuple=1")
    try:
        with unchanged():
            result = receive(1000, "-v", "7")
        expect(result.code in (1, 4), f"exit status {result.code}")
        expect("flow rule" in result.stderr, result.stderr)
        expect_released()
    finally:
        reload_nic()


@case("a NIC without hds-thresh works")
def no_hds_thresh() -> None:
    reload_nic("no_hds_thresh=1")
    try:
        with unchanged():
            receive(100_000, "-v", "7").expect(0)
    finally:
        reload_nic()


@case("a NIC whose header split is a private flag works")
def private_flag() -> None:
    reload_nic("hds_private_flag=1")
    try:
        with unchanged():
            receive(100_000, "-v", "7").expect(0)
            run("-f", NIC).expect(0)
    finally:
        reload_nic()


@case("a NIC with one queue is refused")
def one_queue() -> None:
    reload_nic("queues=1")
    try:
        with unchanged():
            result = run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-v", "7")
        expect_equal(result.code != 0, True, "refused")
        expect("queue" in result.stderr, result.stderr)
    finally:
        reload_nic()
