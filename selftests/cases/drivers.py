# SPDX-License-Identifier: GPL-2.0-only
"""On a NIC that behaves as each of the drivers does, the main jobs; `selftests/drivers` has all."""

from __future__ import annotations

from testbed import drivers
from testbed.harness import case
from testbed.hosts import nic_with
from testbed.nic import SoftwareNic

JOBS = ("check", "receive", "send", "kill")


def _register(personality: str) -> None:
    @case(
        f"on a NIC like {personality}: {', '.join(JOBS)}", deadline=240, once=True, binds=False)
    def jobs() -> None:
        with nic_with(f"personality={personality}"):
            for job in JOBS:
                with drivers.failures_by_name(job):
                    drivers.do(job, personality)


for _personality in SoftwareNic.personalities[1:]:
    _register(_personality)
