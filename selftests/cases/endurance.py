# SPDX-License-Identifier: GPL-2.0-only
"""The short forms of what selftests/endurance does at length."""

from __future__ import annotations

import random

from endurance import kills, soak
from testbed.harness import case, expect
from testbed.state import is_upstreams


def seed() -> int:
    """One that is printed, and repeats what follows from it."""
    value = random.randrange(1 << 32)
    print(f"  seed {value}", flush=True)
    return value


@case("killed at random moments, with or without its guard, a run leaves the NIC as it was",
      deadline=600)
def killed() -> None:
    tallies = kills.kill_often(16 if is_upstreams() else 8, seed())
    for way, tally in tallies.items():
        print(f"  {way}: killed {tally.kills} times, {tally.undone} times something to undo")
    expect(any(tally.undone for tally in tallies.values()), "nothing was ever changed")


@case("of two runs on one interface at least one does its job, and neither disturbs the other",
      deadline=300, once=True)
def fights() -> None:
    print(f"  {kills.fight(6, seed())}")


@case("flows on a cable that loses, reorders, repeats and delays leave nothing behind",
      deadline=300, once=True)
def disturbed() -> None:
    print(f"  {soak.flows(8, 10, seed())}")


@case("a link that goes down and comes back under traffic ends nothing", deadline=300, once=True)
def flapping() -> None:
    print(f"  {soak.flaps(5, seed())}")


@case("binding, receiving and unbinding again and again leaves nothing behind", deadline=300,
      once=True)
def cycles() -> None:
    print(f"  {soak.cycles(6)}")
