# SPDX-License-Identifier: GPL-2.0-only
"""Boots the VM and runs a command in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def printed(*command: str, kernel: str, deadline: int, options: tuple[str, ...] = ()) -> str:
    """What a command prints that must succeed within so many seconds, booting included. The
    options are those of selftests/vm/run."""
    vm = [CHECKOUT / "selftests/vm/run", "--kernel", kernel, "--timeout", str(deadline)]
    return subprocess.run(
        [*vm, *options, "--", *command], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True,
        check=True).stdout


def host_cpus() -> int:
    """How many CPUs those of the VM share."""
    return len(os.sched_getaffinity(0))
