# SPDX-License-Identifier: GPL-2.0-only
"""Runs `measure` in a VM with the lab kernel."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = CHECKOUT / "selftests/vm/run"


def measure(words: list[str], deadline: int, cpus: int = 2, plugin: str = "") -> list[dict]:
    """The reports of the receiver."""
    command = [RUN, "--kernel", "lab", "--timeout", str(deadline), "--cpus", str(cpus)]
    if plugin:
        command += ["--plugin", plugin]
    command += ["--", "selftests/headline/measure", *words]
    output = subprocess.run(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(output)


def host_cpus() -> int:
    """How many CPUs the VM's ones share."""
    return len(os.sched_getaffinity(0))
