# SPDX-License-Identifier: GPL-2.0-only
"""System calls that fail: other ones each time (`make errors` makes all of them fail)."""

from __future__ import annotations

import functools
import random

from endurance.matrix import Matrix, Trial, cover, places
from testbed.harness import case, expect

# How long each case makes calls fail, in seconds.
BUDGET = 8


def calls_fail(jobs: list[str]) -> None:
    """Makes calls of some jobs fail, for a time."""
    seed = random.randrange(1 << 32)
    print(f"  seed {seed}, {', '.join(jobs)}")
    matrix = Matrix()
    for line in cover(matrix, places(jobs), BUDGET, random.Random(seed)):
        print(f"  {line}")
    expect(matrix.runs, "no call was made to fail")
    expect(not matrix.failures, "; ".join(matrix.failures))


# What is slow to trace is with what is quick.
for group in (["receive", "measure-send", "restore"], ["output", "check", "guard"],
              ["send", "measure-receive", "probe"],
              ["reverse-send", "both-ways", "latency-asks"]):
    case(f"a system call that fails ends {', '.join(group)} in order", deadline=180, once=True)(
        functools.partial(calls_fail, group))


@case("what cannot be asked for is not taken for gone, and a journal that stays is empty",
      deadline=180, once=True)
def at_each_place() -> None:
    matrix = Matrix()
    found = places(["restore", "probe"])
    for job, kind, error, extent in (
            # It is how an interface is found again: the first ones.
            ("restore", "ioctl SIOCGIFNAME", "EPERM", ""),
            # It is how journals are found.
            ("restore", "getdents64", "EIO", ""),
            # The journal.
            ("probe", "unlinkat", "EIO", ""),
            # The guard.
            ("probe", "kill", "EPERM", ""),
            # Messages, for which there never is room.
            ("restore", "write", "EAGAIN", "+")):
        for place in found[job][kind][:4]:
            matrix.run(Trial(job, kind, error, f"{place}{extent}"))
    expect(matrix.runs > 2, "no call was made to fail")
    expect(not matrix.failures, "; ".join(matrix.failures))
