# SPDX-License-Identifier: GPL-2.0-only
"""Other ways to receive: unbinding early, several queues, large buffers, token modes."""

from __future__ import annotations

import re

from testbed.habits import largest_buffer
from testbed.harness import Skipped, case, expect
from testbed.hosts import NIC
from testbed.state import (
    bind_rx_attributes, expect_released, has_huge_pages, token_mode_attribute, unchanged)
from testbed.summary import check_summary
from testbed.tool import receive, run


@case("a stream goes on when its binding ends before or after the first payload")
def unbinds_early() -> None:
    for mode in ("0", "1", "2"):
        with unchanged():
            receive(1000, "-v", "7", "-U", mode).expect(0)
        expect_released()


@case("several queues share flows, and the NIC comes back")
def several_queues() -> None:
    with unchanged():
        receive(200_000, "-v", "7", "-t", "1", "-q", "3").expect(0)
    expect_released()


@case("a sample of the stream is checked, with busy polling, and says how much it was")
def samples() -> None:
    with unchanged():
        result = receive(1 << 20, "-v", "7", "--validate-every", "10", "--busy-poll", "50")
    found = re.search(r"; (\d+) bytes checked; ", result.expect(0).stderr)
    expect(found is not None, f"no count of what was checked: {result.stderr}")
    share = int(found[1]) / (1 << 20)
    expect(0.05 < share < 0.2, f"{share:.3f} of the stream was checked, not a tenth")


@case("buffers above a page are received into, where the kernel has them", deadline=120)
def large_buffers() -> None:
    if bind_rx_attributes().get("rx-page-size") != "u32":
        result = run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-b", "16384")
        result.expect(4, "-b")
        raise Skipped("this kernel has no rx-page-size; the refusal is as it should be")
    if not has_huge_pages():
        result = run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-b", "16384")
        result.expect(4, "CONFIG_HUGETLBFS")
        raise Skipped("this kernel has no huge pages; the refusal is as it should be")
    largest = largest_buffer()
    if not largest:
        with unchanged():
            result = run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-b", "16384")
        result.expect(4, "buffers of one size")
        raise Skipped("this driver has buffers of one size; the refusal is as it should be")
    for size in ("16384", str(largest)):
        for length in (1024, 16384, 65536, 1 << 20):
            with unchanged():
                summary = check_summary(
                    receive(length, "-v", "7", "-b", size, "--json").expect(0), length)
            expect(summary["device_bytes"] == length, "not all of it in device memory")
            expect_released()
    run("-f", NIC, "-b", "16384").expect(0)


@case("a kernel without token modes takes -a 1 and refuses -a 0")
def token_modes() -> None:
    if token_mode_attribute():
        raise Skipped("this kernel has token modes")
    receive(1000, "-v", "7", "-a", "1").expect(0)
    with unchanged():
        run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-a", "0").expect(4, "-a 0")
        run(
            "-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-a", "0",
            "--autorelease-attribute", "5").expect(4, "attribute 5")
