# SPDX-License-Identifier: GPL-2.0-only
"""Runs that lack something: memory, descriptors, processes, space, files of the kernel's, a steady
clock. Each does its job or says what it lacks, and leaves the NIC as it was."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from testbed.harness import case, expect, expect_equal
from testbed.hosts import LOCAL, NIC, Sender, free_port, pattern, wait_listening
from testbed.pair import paired, sender
from testbed.recovery import expect_back
from testbed.state import expect_released, nic_state
from testbed.tool import BINARY, LITTLE_MEMORY, Result, finish, track

SIZE = 40_000
GROUP = Path("/sys/fs/cgroup/starved")


@contextlib.contextmanager
def limited(**limits: str) -> Iterator[Callable[[], None]]:
    """A control group with limits such as `memory_max`; gives what enters it."""
    Path("/sys/fs/cgroup/cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
    GROUP.mkdir()
    try:
        for name, limit in limits.items():
            (GROUP / name.replace("_", ".", 1)).write_text(limit, encoding="ascii")
        yield lambda: (GROUP / "cgroup.procs").write_text("0", encoding="ascii") and None
    finally:
        # A guard may be at its end.
        for _ in range(100):
            with contextlib.suppress(OSError):
                GROUP.rmdir()
                break
            time.sleep(0.05)


def run_starved(
    *options: str, before: tuple[str, ...] = (), enter: Callable[[], None] | None = None,
    stdout: int = subprocess.PIPE,
) -> Result:
    """Has a run receive a stream, behind some words, or from within something; the NIC must then be
    as it was."""
    state = nic_state()
    port = free_port()
    options = options or ("-v", "7")
    process = track(subprocess.Popen(
        [*before, BINARY, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), *LITTLE_MEMORY,
         *options],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, preexec_fn=enter))
    wait_listening(port, process)
    if process.poll() is None:
        Sender(4, port, pattern(SIZE)).start()
    result = finish(process)
    expect_back(state)
    expect_released()
    return result


def shell(set_up: str) -> tuple[str, ...]:
    """Words that run what follows them in a mount namespace of its own, which a line of shell has
    set up."""
    return ("unshare", "-m", "sh", "-c", f"{set_up} && exec \"$@\"", "sh")


@case("with too few descriptors, a run says so or works", once=True)
def descriptors() -> None:
    outcomes = []
    for limit in range(4, 28):
        def enter(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        result = run_starved(enter=enter)
        outcomes.append(result.code)
        if result.code:
            result.expect(1, "EMFILE")
    print(f"  {outcomes.count(0)} of {len(outcomes)} limits were enough")
    expect_equal(outcomes[-1], 0, "with 27 descriptors")
    expect_equal(outcomes[0], 1, "with 4 descriptors")
    expect(outcomes == sorted(outcomes, reverse=True), f"more descriptors did not help: {outcomes}")


@case("without memory a run is killed, and the NIC is as it was", once=True)
def memory() -> None:
    with limited(memory_max="48M") as enter:
        result = run_starved("-v", "7", "--memory-size", "12M", enter=enter)
        result.expect(0)
        result = run_starved("-v", "7", "--memory-size", "256M", enter=enter)
        expect(result.code in (-signal.SIGKILL, 1), f"exit status {result.code}: {result.stderr}")
        if result.code == 1:
            result.expect(1, "ENOMEM")


@case("without processes to fork, or threads, a run says so", once=True)
def processes() -> None:
    with limited(pids_max="1") as enter:
        run_starved(enter=enter).expect(1, "cannot start the guard of", "EAGAIN")
    with limited(pids_max="2") as enter:
        run_starved(enter=enter).expect(0)
        state = nic_state()
        port, control = free_port(), free_port()
        process = track(subprocess.Popen(
            [BINARY, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "--control", str(control),
             "--timeout", "20"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=enter))
        wait_listening(control, process)
        other = sender(port, "--control", str(control), "--flows", "2", "--bytes", "1M",
                       "--host-memory")
        finish(process).expect(1, "EAGAIN")
        expect(finish(other).code == 1, "the sender succeeded")
        expect_back(state)
        expect_released()


@case("a full disk ends what needs it, and nothing else", once=True)
def full_disk() -> None:
    filled = "mount -t tmpfs -o size=4k none /run && head -c 4096 /dev/zero >/run/full"
    run_starved(before=shell(filled)).expect(1, "ENOSPC", "journal")
    with open("/dev/full", "wb") as full:
        # Payload on the standard output.
        result = run_starved("--timeout", "20", stdout=full.fileno())
        result.expect(1, "ENOSPC")


@case("without /proc, without /sys or with a root that is read-only, a run does its job",
      once=True)
def without_files() -> None:
    for set_up in ("umount -l /proc", "umount -l /sys", "mount -o remount,ro,bind /",
                   "umount -l /sys && umount -l /proc"):
        result = run_starved(before=shell(set_up))
        expect(result.stdout == b"Validated buffer\n", f"{set_up}: {result.stderr}")


@case("a clock that is set to another day changes no figure of a run", once=True)
def clock() -> None:
    def jump(_: object) -> None:
        now = time.time()
        try:
            for shift in (86_400, -86_400, 3_600):
                time.sleep(1)
                time.clock_settime(time.CLOCK_REALTIME, time.time() + shift)
        finally:
            time.clock_settime(time.CLOCK_REALTIME, now + 3)

    before = nic_state()
    ends = paired(("--flows", "2", "--duration", "4", "--host-memory"), ("-v", "7"), watch=jump)
    for end in ends:
        seconds = end["total"]["seconds"]
        expect(3.5 < seconds < 20, f"{end['role']}: {seconds} s")
    expect_back(before)
