# SPDX-License-Identifier: GPL-2.0-only
"""Header split on NICs like those in production: it comes back, and so does the carrier."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from testbed.habits import change
from testbed.harness import Skipped, case, expect, expect_equal, wait_for
from testbed.hosts import NIC, free_port, nic_with, output, ring_recreations
from testbed.state import expect_released, kernel, unchanged
from testbed.tool import guards, listen, receive, run


@contextlib.contextmanager
def nic_like(*parameters: str) -> Iterator[None]:
    """The NIC with the quirks of a driver."""
    if kernel() < (6, 14):
        raise Skipped("this kernel keeps no configured split")
    with nic_with(*parameters), unchanged():
        yield


def expect_configured(split: str) -> None:
    """Fails the case unless this split is configured: to ask for it then reaches no driver."""
    before = ring_recreations()
    output("ethtool", "-G", NIC, "tcp-data-split", split)
    expect_equal(ring_recreations() - before, 0, f"rings made anew by tcp-data-split {split}")


def expect_link_up(when: str) -> None:
    """Fails the case unless packets can pass now."""
    for name, value in (("carrier", "1"), ("operstate", "up")):
        text = Path(f"/sys/class/net/{NIC}/{name}").read_text(encoding="ascii").strip()
        expect_equal(text, value, f"{name} {when}")


def check_runs(count: int, own: str | None = "on") -> None:
    """Has a run, a probe and a killed run leave the configured split as it was.

    `count` is how often a run may make the rings anew. `own` is a split that somebody else has
    configured."""
    before = ring_recreations()
    receive(20_000, "-v", "7").expect(0)
    expect_equal(ring_recreations() - before, count, "rings made anew by a run")
    expect_configured("auto")
    run("-f", NIC).expect(0)
    expect_configured("auto")
    process = listen(4, free_port(), "-v", "7")
    process.kill()
    expect(wait_for(lambda: not guards()), "the guard still runs")
    expect_released()
    expect_configured("auto")
    if own:
        change("-G", "tcp-data-split", own)
        with unchanged():
            run("-f", NIC).expect(0)
            receive(20_000, "-v", "7").expect(0)
        expect_configured(own)
        change("-G", "tcp-data-split", "auto")


@case("a NIC that always splits, like fbnic's, has no split configured after a run", once=True,
      binds=False)
def always() -> None:
    with nic_like("personality=fbnic"):
        check_runs(2)


@case("a NIC that reports a split which nobody configured, like bnxt's, has none after a run",
      once=True, binds=False)
def reported() -> None:
    with nic_like("personality=bnxt"):
        # Two for the split, two for the RSS table.
        check_runs(4)


@case("a NIC that keeps its split, like gve's, has none after a run, and its carrier is back",
      once=True, binds=False)
def keeping() -> None:
    with nic_like("personality=gve"):
        before = ring_recreations()
        process = listen(4, free_port(), "-v", "7")
        expect_link_up("while the run waits for a connection")
        process.kill()
        expect(wait_for(lambda: not guards()), "the guard still runs")
        expect_link_up("after the guard")
        expect_equal(ring_recreations() - before, 3, "rings made anew by a run that was killed")
        expect_configured("auto")
        result = receive(20_000, "-v", "7", "--json").expect(0, f"{NIC} lost its carrier")
        expect_link_up("after a run")
        expect(json.loads(result.stdout)["carrier_changes"] >= 6, result.stdout.decode())
        expect_configured("auto")


@case("a NIC that splits only with hardware GRO, like mlx5's, gets it for the run", once=True,
      binds=False)
def hardware_gro() -> None:
    with nic_like("personality=mlx5"):
        # Both for hardware GRO, without which nobody can have a split.
        check_runs(2, own=None)
        change("-K", "rx-gro-hw", "on")
        before = ring_recreations()
        with unchanged():
            receive(20_000, "-v", "7").expect(0)
        expect_equal(ring_recreations() - before, 0, "rings made anew where hardware GRO was on")
        change("-K", "rx-gro-hw", "off")
    with nic_like("personality=mlx5", "gro_hw_refused=1"):
        run("-f", NIC).expect(4, "rx-gro-hw", "GRO")


@case("rings and channels that are cut for the split come back", once=True, binds=False)
def cut() -> None:
    with nic_like("personality=plain", "ring_cut=2"):
        receive(20_000, "-v", "7").expect(0)
        port = str(free_port())
        run("-l", "-f", NIC, "-s", "192.0.2.1", "-p", port, "-v", "7", "-t", "3", "-q", "1").expect(
            1, "has dropped queue 3 for the header split")
