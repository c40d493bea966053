# SPDX-License-Identifier: GPL-2.0-only
"""What a run asks of the kernel before and after its stream."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from testbed.habits import NTUPLE_OFF
from testbed.harness import case, expect
from testbed.hosts import (
    LOCAL, NIC, Sender, free_port, parameter, pattern, wait_listening)
from testbed.state import unchanged
from testbed.tool import BINARY, LITTLE_MEMORY, finish, track

# What a whole run may ask, set-up and undo: ethtool's requests by ioctl, and requests by netlink.
REQUESTS, MESSAGES = 45, 28
# What it may ask besides where rules or the split are refused until a feature is on.
REQUESTS_FOR_FEATURE = 15


def limits() -> dict[str, int]:
    """How often a run may ask for what, on the NIC as it is loaded."""
    needs_feature = parameter("ntuple") == NTUPLE_OFF or parameter("split_needs_gro_hw")
    most = {"SIOCETHTOOL": REQUESTS + (REQUESTS_FOR_FEATURE if needs_feature else 0)}
    # While the carrier is away, a run looks for it some times a second.
    if not parameter("carrier_ms"):
        most["sendto("] = MESSAGES
    return most


@case("a run asks the kernel for no setting more often than it must", once=True)
def requests() -> None:
    port = free_port()
    with unchanged(), tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "calls"
        process = track(subprocess.Popen(
            ["strace", "-o", str(log), "-e", "trace=ioctl,sendto", BINARY, "-l", "-f", NIC, "-s",
             LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        wait_listening(port, process)
        # Given up before the stream, its pages would be taken from it one by one.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
        files = [os.readlink(path) for path in Path(f"/proc/{int(children)}/fd").iterdir()]
        expect(any(name.startswith("/memfd:ncdevmem") for name in files), f"no memory in {files}")
        Sender(4, port, pattern(1000)).start()
        finish(process).expect(0)
        calls = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for word, limit in limits().items():
        count = sum(word in call for call in calls)
        print(f"  {count} calls with {word!r}, of at most {limit}")
        expect(0 < count <= limit, f"{count} calls with {word!r}, more than {limit}")
