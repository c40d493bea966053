# SPDX-License-Identifier: GPL-2.0-only
"""Header split on NICs like those in production: it comes back, and so does the carrier."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from testbed.harness import Skipped, case, expect, expect_equal, wait_for
from testbed.hosts import NIC, PARAMETERS, free_port, output, reload_nic
from testbed.state import expect_released, kernel, unchanged
from testbed.tool import guards, listen, receive, run


@contextlib.contextmanager
def nic_like(*parameters: str) -> Iterator[None]:
    """The NIC with the quirks of a driver."""
    if kernel() < (6, 14):
        raise Skipped("this kernel keeps no configured split")
    reload_nic(*parameters)
    try:
        with unchanged():
            yield
    finally:
        reload_nic()


def recreations() -> int:
    """How often the NIC has made its rings anew."""
    return int((PARAMETERS / "ring_recreations").read_text(encoding="ascii"))


def expect_configured(split: str) -> None:
    """Fails the case unless this split is configured: to ask for it then reaches no driver."""
    before = recreations()
    output("ethtool", "-G", NIC, "tcp-data-split", split)
    expect_equal(recreations() - before, 0, f"rings made anew by tcp-data-split {split}")


def check_runs(count: int, own: str | None = "on") -> None:
    """Has a run, a probe and a killed run leave the configured split as it was.

    `count` is how often a run may make the rings anew. `own` is a split that somebody else has
    configured."""
    before = recreations()
    receive(20_000, "-v", "7").expect(0)
    expect_equal(recreations() - before, count, "rings made anew by a run")
    expect_configured("auto")
    run("-f", NIC).expect(0)
    expect_configured("auto")
    process = listen(4, free_port(), "-v", "7")
    process.kill()
    expect(wait_for(lambda: not guards()), "the guard still runs")
    expect_released()
    expect_configured("auto")
    if own:
        output("ethtool", "-G", NIC, "tcp-data-split", own)
        with unchanged():
            run("-f", NIC).expect(0)
            receive(20_000, "-v", "7").expect(0)
        expect_configured(own)
        output("ethtool", "-G", NIC, "tcp-data-split", "auto")


@case("a NIC that always splits, like fbnic's, has no split configured after a run", once=True)
def always() -> None:
    with nic_like("personality=fbnic"):
        check_runs(2)
