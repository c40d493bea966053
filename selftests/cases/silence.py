# SPDX-License-Identifier: GPL-2.0-only
"""A receiver to which nothing comes any more looks for the reason."""

from __future__ import annotations

import time
from collections.abc import Iterator

from testbed.harness import case, expect
from testbed.hosts import NIC, Sender, free_port, nic_with, pattern, set_fault
from testbed.state import expect_released, unchanged
from testbed.tool import finish, listen


@case("a silence is explained by those counters of lost frames that grew", once=True)
def lost_frames() -> None:
    def pieces() -> Iterator[bytes]:
        yield from pattern(20_000)
        # What is on its way arrives.
        time.sleep(1)
        set_fault("drop_every", 1)
        yield from pattern(20_000)

    # gve's counters, and the kernel's own of the queue's drops
    with nic_with("personality=gve", "no_hw_drops=0"):
        with unchanged():
            port = free_port()
            process = listen(4, port, "-v", "7", "--timeout", "4")
            Sender(4, port, pieces(), hold=10).start()
            result = finish(process, 30).expect(
                1, "no data for 4 s (--timeout) after 20000 bytes", f"{NIC} lost frames: ",
                "rx_dropped grew by ", "rx_queue_drop_cnt[3] grew by ",
                "rx-hw-drops of queue 3 grew by ")
            for other in ("cnt[2]", "of queue 2", "tx_dropped", "no_buffers"):
                expect(other not in result.stderr, f"{other}: {result.stderr}")
            set_fault("drop_every", 0)
        expect_released()
