# SPDX-License-Identifier: GPL-2.0-only
"""What this kernel cannot do ends with exit status 4 and the reason; what it can do works."""

from __future__ import annotations

from testbed.habits import largest_buffer
from testbed.harness import case
from testbed.hosts import NIC, REMOTE, free_port
from testbed.state import (
    bind_rx_attributes, expect_released, has_huge_pages, kernel, unchanged)
from testbed.tool import run


@case("the probe takes -b where the kernel has rx-page-size, and says what it needs elsewhere")
def probes_buffer_size() -> None:
    with unchanged():
        result = run("-f", NIC, "-b", "16384")
        if bind_rx_attributes().get("rx-page-size") != "u32":
            result.expect(4, "Linux 7.3")
        elif not has_huge_pages():
            result.expect(4, "CONFIG_HUGETLBFS")
        elif not largest_buffer():
            result.expect(4, "buffers of one size")
        else:
            result.expect(0)
    expect_released()


@case("sending works from Linux 6.16 on, and says so on older ones", binds=False)
def sends() -> None:
    with unchanged():
        result = run("-f", NIC, "-s", REMOTE[4], "-p", str(free_port()))
        if kernel() >= (6, 16):
            # Nothing listens there, but the binding comes first.
            result.expect(1, "got tx dmabuf id=", "ECONNREFUSED")
        else:
            result.expect(4, "bind-tx", "Linux 6.16")
