# SPDX-License-Identifier: GPL-2.0-only
"""Runs that lack something: memory, descriptors, processes, space, files of the kernel's, a steady
clock. Each does its job or says what it lacks, and leaves the NIC as it was."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from testbed.harness import Skipped, case, expect, expect_equal, wait_for
from testbed.hosts import (
    LOCAL, NIC, Sender, free_port, nic_with, output, parameter, pattern, statistic, wait_listening)
from testbed.pair import paired, sender
from testbed.recovery import expect_back, is_back
from testbed.state import expect_released, netdev, nic_state
from testbed.tool import BINARY, LITTLE_MEMORY, Result, finish, receive, run, start, track

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


FAULTS = Path("/sys/kernel/debug/fail_function")
ALLOCATION = "page_pool_alloc_netmems"


@contextlib.contextmanager
def failing_allocations(interval: int) -> Iterator[None]:
    """Has each allocation of so many fail that drivers make in page pools
    (`Documentation/fault-injection`)."""
    def write(**settings: int) -> None:
        for name, value in settings.items():
            (FAULTS / name).write_text(f"{value}\n", encoding="ascii")

    if not FAULTS.exists():
        raise Skipped("this kernel cannot let functions fail; the lab kernel lab-debug can")
    (FAULTS / "inject").write_text(f"{ALLOCATION}\n", encoding="ascii")
    write(verbose=0, interval=interval, probability=100, times=-1)
    try:
        yield
    finally:
        write(probability=0, times=0)
        (FAULTS / "inject").write_text("\n", encoding="ascii")


def failed_allocations() -> int:
    """How many allocations the NIC's driver could not make."""
    [counters] = netdev().dump("qstats-get", {"ifindex": socket.if_nametoindex(NIC)})
    return counters["rx-alloc-fail"]


@case("a stream comes through while the page pool has no memory now and then, or for a while",
      deadline=600)
def page_pool() -> None:
    # With 1, each fails.
    for interval, size in ((511, 4_000_000), (64, 2_000_000), (7, 500_000), (1, 4_000_000)):
        state, port = nic_state(), free_port()
        process = start("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7")
        wait_listening(port, process)
        before, came = failed_allocations(), statistic("rx_bytes")
        with failing_allocations(interval):
            sender_ = Sender(4, port, pattern(size))
            sender_.start()
            if interval == 1:
                expect(wait_for(lambda: failed_allocations() > before), "none failed")
                time.sleep(2)
                expect(process.poll() is None, "the run ended")
            else:
                # A NIC without a buffer drops the packet, and the sender repeats it.
                expect(wait_for(lambda: statistic("rx_bytes") > came + size, 120), "no end")
        result = finish(process, 120).expect(0)
        expect_equal(result.stdout, b"Validated buffer\n", "output")
        failed = failed_allocations() - before
        print(f"  each {interval}: {failed} allocations failed")
        # A ring of buffers makes up for single ones, which the driver then does not miss.
        expect(failed or interval > 1 and parameter("prefill"), "no allocation failed")
        expect_back(state)
        expect_released()


@case("a run whose set-up meets a page pool without memory works, or says so", deadline=300)
def page_pool_at_the_start() -> None:
    def poor_starts() -> int:
        return output("dmesg").count("starts with too few buffers")

    codes, before = [], poor_starts()
    # A queue that takes buffers when it is started.
    with nic_with("prefill=256"):
        for interval in (1000, 100, 10, 3):
            state = nic_state()
            with failing_allocations(interval):
                result = run("-f", NIC)
            codes.append(result.code)
            if result.code:
                result.expect(1, "ENOMEM")
            if not is_back(state):
                expect(result.code == 1, f"the NIC stays changed without a word: {result.stderr}")
                run("--restore").expect(0)
            expect_back(state)
            expect_released()
        receive(SIZE, "-v", "7").expect(0)
    print(f"  exit statuses {codes}, {poor_starts() - before} starts with too few buffers")
    expect(poor_starts() > before, "no allocation failed")


@case("a udmabuf that the driver refuses is explained", once=True)
def udmabuf() -> None:
    parameters = Path("/sys/module/udmabuf/parameters")
    before = {path: path.read_text(encoding="ascii") for path in parameters.iterdir()}
    state = nic_state()
    try:
        (parameters / "size_limit_mb").write_text("11", encoding="ascii")
        remedy = f"write 12 to {parameters}/size_limit_mb"
        for kind in ("udmabuf", "udmabuf:huge=2M"):
            run("-f", NIC, "--memory", kind, "--memory-size", "12M").expect(
                1, "cannot make a udmabuf of 12582912 bytes: EINVAL", remedy)
        check = run("--check", "-f", NIC, "--memory-size", "12M")
        expect(remedy in check.stdout.decode(), f"{check.stdout!r}")
        (parameters / "size_limit_mb").write_text("12", encoding="ascii")
        # Of pieces, which it limits, a run has one.
        (parameters / "list_limit").write_text("0", encoding="ascii")
        run("-f", NIC, "--memory-size", "12M").expect(0)
    finally:
        for path, value in before.items():
            path.write_text(value, encoding="ascii")
    # What the kernel would have to end processes for.
    for kind in ("udmabuf", "heap:system"):
        for size in ("64G", "64000G"):
            result = run("-f", NIC, "--memory", kind, "--memory-size", size)
            result.expect(1, "the host has ", " MiB available", "--memory-size")
    check = run("--check", "-f", NIC, "--memory-size", "64G")
    check.expect(1, "missing: ", "available-memory")
    expect_back(state)
