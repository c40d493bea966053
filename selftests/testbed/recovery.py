# SPDX-License-Identifier: GPL-2.0-only
"""What runs leave behind that end before they have undone their changes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from .harness import expect, expect_equal, wait_for
from .hosts import NIC
from .state import expect_state, nic_state
from .tool import RUNTIME, Result, finish, guards

# What is printed by whoever brings the NIC back.
RESTORED = f"brought back {NIC}"


def guard() -> int:
    """The pid of the one guard."""
    pids = guards()
    expect_equal(len(pids), 1, "guards")
    return pids[0]


def kill_with_guard(process: subprocess.Popen[bytes], pid: int) -> Result:
    """Kills a run, and its guard before that can do anything."""
    # Stopped, it cannot be quicker than the second signal.
    os.kill(pid, signal.SIGSTOP)
    process.kill()
    os.kill(pid, signal.SIGKILL)
    return finish(process, 30).expect(-signal.SIGKILL)


def journals() -> list[Path]:
    """What the runtime directory holds."""
    return sorted(RUNTIME.iterdir()) if RUNTIME.exists() else []


def journals_with_changes() -> list[Path]:
    """The journals that list changes. Killed before it has a guard, a run leaves one without any to
    the next one."""
    return [path for path in journals() if "\nchanges " in path.read_text(encoding="ascii")]


def is_back(before: str) -> bool:
    """Whether the NIC is as it was, and neither guard nor changes are left."""
    # It closes its standard error a little before it is gone.
    return nic_state() == before and not journals_with_changes() and wait_for(lambda: not guards())


def expect_back(before: str) -> None:
    """Fails the case unless the NIC is as it was, and neither guard nor changes are left."""
    expect_state(before)
    expect(wait_for(lambda: not guards()), "a guard is left")
    expect_equal(journals_with_changes(), [], "journals left")
