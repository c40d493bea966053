# SPDX-License-Identifier: GPL-2.0-only
"""Several flows through one binding, each with a worker of its own."""

from __future__ import annotations

from testbed.pair import measure

from .measure import GIB, MIB

FLOWS = (1, 2, 4, 8)


def several(size: int) -> list[dict]:
    """As many bytes, over more and more flows; gives the receiver's documents."""
    print(f"RX drained, {size // MIB} MiB in all, by flows")
    print(f"  {'flows':>5}{'MiB/s':>10}{'ratio':>8}{'worker s/GiB':>14}{'fragments a recvmsg':>21}")
    alone, reports = None, []
    for flows in FLOWS:
        report = measure(flows, [], ["--bytes", str(size // flows)])
        reports.append(report)
        total = report["total"]
        rate = total["bytes"] / MIB / total["seconds"]
        alone = alone or rate
        spent = sum(worker["thread_cpu_seconds"] for worker in report["workers"])
        print(f"  {flows:>5}{rate:10.2f}{rate / alone:8.3f}{spent / total['bytes'] * GIB:14.2f}"
              f"{total['fragments'] / total['recvmsg_calls']:21.1f}")
    print(flush=True)
    return reports
