# SPDX-License-Identifier: GPL-2.0-only
"""A machine that is the kernel itself, as a program."""

import os
from pathlib import Path

from machine import KERNEL_ARGUMENTS, LOG, STDERR, STDOUT, STATUS, TERMINAL, Machine

# The serial lines, by number. There is none for the standard input: the end of
# one would hang the line up, and take with it what has not been read.
LINES = {LOG: 0, STDOUT: 1, STDERR: 2, STATUS: 3, TERMINAL: 4}


class UserMode(Machine):
    """One processor, serial lines and hostfs."""

    SETTINGS = {
        "files": "hostfs",
        "terminal": "/dev/ttyS4",
        "stdout": "/dev/ttyS1",
        "stderr": "/dev/ttyS2",
        "status": "/dev/ttyS3",
        "stdin": "/run/vm/stdin",
    }

    def __init__(self, *, image: Path, memory: str, **streams) -> None:
        super().__init__(**streams)
        self._image = image
        self._memory = memory

    def command(self, initrd: str, ends: dict[str | int, int]) -> list[str]:
        # The kernel and each process in it are processes of the host, and take
        # turns: a system call costs six times as much when the turn goes to
        # another processor. With ptrace instead of seccomp it costs more too.
        processor = max(os.sched_getaffinity(0))
        return [
            # A panic is its end by SIGABRT, from which the first process of a
            # namespace would be safe.
            *("sh", "-c", 'ulimit -c 0; "$@"; exit', "sh"),
            *("taskset", "--cpu-list", str(processor), str(self._image)),
            *(f"mem={self._memory}", f"initrd={initrd}", "seccomp=on", *KERNEL_ARGUMENTS),
            *("con=null", "ssl=null"),
            *(f"ssl{LINES[stream]}=fd:{descriptor}" for stream, descriptor in ends.items()),
        ]
