#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""One boot of `power-cuts`, inside the VM: brings back what the last cut left, checks that, and
cuts the power again in the middle of a run unless told to be the last one."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
UPSTREAM, DIRECTORY, SEED, IS_FIRST, IS_LAST = sys.argv[1:6]
os.environ["UPSTREAM"] = UPSTREAM

from testbed.harness import expect, expect_equal  # noqa: E402
from testbed.hosts import NIC, Sender, free_port, output, pattern  # noqa: E402
from testbed.recovery import journals, journals_with_changes  # noqa: E402
from testbed.state import expect_state, nic_state  # noqa: E402
from testbed.tool import RUNTIME, listen, receive, run, start  # noqa: E402


def main() -> None:
    """Checks, and cuts."""
    RUNTIME.mkdir(mode=0o700, exist_ok=True)
    output("mount", "--bind", DIRECTORY, str(RUNTIME))
    # The machine has just booted: its NIC is as the driver made it.
    before = nic_state()
    if IS_FIRST == "0":
        left, changed = len(journals()), journals_with_changes()
        result = run("--restore").expect(0)
        if changed:
            expect("earlier boot" in result.stderr, result.stderr)
        expect_state(before)
        receive(20_000, "-v", "7").expect(0)
        expect_state(before)
        expect_equal(journals(), [], "journals left")
        print(f"after a cut that left {left} journals, the NIC is as before", flush=True)
    if IS_LAST == "1":
        return
    chance = random.Random(SEED)
    if chance.random() < 0.7:
        port = free_port()
        listen(4, port, "-v", "7")
        Sender(4, port, pattern(1 << 30)).start()
        time.sleep(chance.uniform(0, 1))
    else:
        start("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201", "-v", "7")
        time.sleep(chance.uniform(0, 1.5))
    Path("/proc/sysrq-trigger").write_text("b", encoding="ascii")
    time.sleep(60)


if __name__ == "__main__":
    main()
