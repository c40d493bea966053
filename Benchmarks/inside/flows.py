# SPDX-License-Identifier: GPL-2.0-only
"""Several flows through one binding: what more of them cost."""

from __future__ import annotations

from testbed.pair import measure

from .measure import GIB, MIB
from .process import Memory

FLOWS = (1, 2, 4, 8, 64, 256, 1024)


def several(size: int) -> list[dict]:
    """As many bytes, over more and more flows; gives the receiver's documents."""
    print(f"RX drained, {size // MIB} MiB in all, by flows")
    print(f"  {'flows':>5}{'MiB/s':>10}{'ratio':>8}{'worker s/GiB':>14}{'fragments a recvmsg':>21}"
          f"{'RX KiB a flow':>15}{'TX KiB a flow':>15}")
    alone, memory_alone, reports = None, None, []
    for flows in FLOWS:
        memory = Memory()
        report = measure(flows, [], ["--bytes", str(size // flows)], watch=memory.watch)
        reports.append(report)
        total = report["total"]
        rate = total["bytes"] / MIB / total["seconds"]
        alone = alone or rate
        memory_alone = memory_alone or memory.most
        spent = sum(worker["thread_cpu_seconds"] for worker in report["workers"])
        # What each flow but the first takes.
        more = "".join(
            f"{(most - first) / (flows - 1):15.1f}" if flows > 1 else f"{'-':>15}"
            for most, first in zip(memory.most, memory_alone))
        print(f"  {flows:>5}{rate:10.2f}{rate / alone:8.3f}{spent / total['bytes'] * GIB:14.2f}"
              f"{total['fragments'] / total['recvmsg_calls']:21.1f}{more}", flush=True)
    print(flush=True)
    return reports
