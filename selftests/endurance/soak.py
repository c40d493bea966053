# SPDX-License-Identifier: GPL-2.0-only
"""Long runs, and what grows meanwhile: memory, descriptors, page pools, the kernel's objects."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from testbed.harness import expect, expect_equal, wait_for
from testbed.holdings import LAZY, Kernel
from testbed.hosts import REMOTE_NIC, Sender, free_port, output, pattern, wait_for_traffic
from testbed.pair import check_consistent, paired
from testbed.state import (
    bound_queues, device_pools, expect_released, nic_state, token_mode_attribute)
from testbed.summary import check_summary
from testbed.tool import finish, listen, receive

# What comes and goes with processes.
UNSTABLE = LAZY | {"pid", "task_struct", "filp", "dentry", "vm_area_struct", "anon_vma"}


@dataclass
class Holdings:
    """What a process has."""

    kilobytes: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Holdings:
        """What a process has now."""
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return cls(
            # Not the device memory that it maps, of which it sees more and more.
            int(fields["RssAnon"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")),
            int(fields["Threads"]))


@dataclass
class Samples:
    """What a run had, from time to time."""

    taken: list[Holdings] = field(default_factory=list)

    def add(self, pid: int) -> None:
        """Looks, unless the run has just ended."""
        try:
            self.taken.append(Holdings.of(pid))
        except (OSError, KeyError):
            return

    def expect_flat(self, what: str) -> str:
        """Fails unless the last third of the time has no more than the one before, but for noise;
        tells what there was."""
        third = len(self.taken) // 3
        expect(third, f"{what} was over before it could be looked at")
        early, late = self.taken[third:2 * third], self.taken[2 * third:]
        kilobytes = [max(sample.kilobytes for sample in part) for part in (early, late)]
        descriptors = [max(sample.descriptors for sample in part) for part in (early, late)]
        expect(kilobytes[1] <= kilobytes[0] + 1024, f"{what} grew from {kilobytes} KiB")
        # A look at something has a descriptor for a moment.
        least = min(sample.descriptors for sample in late)
        expect(least <= descriptors[0], f"{what} has {least} descriptors, {descriptors[0]} before")
        return (f"{kilobytes[0]} then {kilobytes[1]} KiB, {descriptors[1]} descriptors, "
                f"{max(sample.threads for sample in self.taken)} threads")


@contextlib.contextmanager
def small_pages() -> Iterator[None]:
    """For a while, a process that touches a page of a large buffer for the first time does not seem
    to grow by 2 MiB: the kernel backs none with a huge page."""
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not setting.exists():
        yield
        return
    words = setting.read_text(encoding="ascii")
    setting.write_text("never", encoding="ascii")
    try:
        yield
    finally:
        setting.write_text(words[words.index("[") + 1:words.index("]")], encoding="ascii")


def measured(
    options: tuple[str, ...], flows: int, disturb: Callable[[], None]
) -> tuple[dict, str]:
    """A validated measurement from the remote host, looked at twice a second while `disturb` is
    called; what it reports, and what it had."""
    samples = [Samples(), Samples()]

    def look(ends: list[subprocess.Popen[bytes]]) -> None:
        while all(end.poll() is None for end in ends):
            for sample, end in zip(samples, ends):
                sample.add(end.pid)
            disturb()
            time.sleep(0.5)

    quiet = ("--interval", "0")
    with small_pages():
        ours, theirs = paired(
            ("--host-memory", "--flows", str(flows), *quiet, *options), ("-v", "7", *quiet),
            watch=look)
    check_consistent(ours, theirs, flows)
    return ours, "; ".join(
        sample.expect_flat(name) for sample, name in zip(samples, ("the receiver", "the sender")))


def volume(gigabytes: float) -> str:
    """So many GB, validated, through one binding."""
    amount = int(gigabytes * 1e9)
    ours, had = measured(("--bytes", str(amount)), 1, lambda: None)
    expect_equal(ours["total"]["bytes"], amount, "bytes")
    expect_equal(ours["flows"][0]["checked_bytes"], amount, "checked bytes")
    rate = amount / ours["total"]["seconds"] / (1 << 20)
    return f"{amount} bytes checked, {rate:.0f} MiB/s; receiver and sender had {had}"


DISTURBANCES = (
    "loss 1%", "delay 2ms 1ms reorder 25% 50%", "duplicate 2%", "delay 10ms",
    "loss 0.5% duplicate 1% delay 3ms 2ms reorder 10%", "")


def disturbances(chance: random.Random) -> Iterator[None]:
    """Has the sender's side of the cable lose, reorder, repeat and delay packets, in turn."""
    command = ("tc", "-netns", "remote", "qdisc")
    while True:
        for words in DISTURBANCES:
            output(*command, "replace", "dev", REMOTE_NIC, "root",
                   *(("netem", *words.split(), "limit", "10000") if words else ("pfifo",)))
            until = time.monotonic() + chance.uniform(2, 5)
            while time.monotonic() < until:
                yield


def flows(count: int, seconds: int, seed: int) -> str:
    """Flows for a time, on a cable that loses, reorders, repeats and delays."""
    changes = disturbances(random.Random(seed))
    try:
        ours, had = measured(
            ("--duration", str(seconds)), count, lambda: next(changes))
    finally:
        output("tc", "-netns", "remote", "qdisc", "replace", "dev", REMOTE_NIC, "root", "pfifo")
    retransmits = sum(flow["retransmits"] or 0 for flow in ours["peer"]["flows"])
    expect(retransmits, "nothing was lost")
    return (f"{ours['total']['bytes']} bytes checked, {retransmits} retransmits; "
            f"receiver and sender had {had}")


@small_pages()
def flaps(count: int, seed: int) -> str:
    """Link flaps under traffic: the far port goes down and comes back, and with it this one's
    carrier."""
    chance = random.Random(seed)
    over = threading.Event()
    size = 0

    def stream() -> Iterator[bytes]:
        nonlocal size
        for piece in pattern(1 << 62):
            size += len(piece)
            yield piece
            if over.wait(0.01):
                return

    before = nic_state()
    port = free_port()
    process = listen(4, port, "-v", "7", "--json", "--timeout", "120")
    source = Sender(4, port, stream())
    source.start()
    samples = Samples()
    for _ in range(count):
        # It gets through between two flaps, or nothing is learned from the next one.
        wait_for_traffic(100_000)
        output("ip", "-netns", "remote", "link", "set", REMOTE_NIC, "down")
        time.sleep(chance.uniform(0, 0.1))
        output("ip", "-netns", "remote", "link", "set", REMOTE_NIC, "up")
        samples.add(process.pid)
    over.set()
    source.join(60)
    summary = check_summary(finish(process, 120).expect(0), size)
    lost = summary["carrier_changes_in_transfer"] // 2
    expect(lost >= count * 9 // 10, f"of {count} flaps, {lost} were seen")
    expect_released()
    expect_equal(nic_state(), before, "the NIC")
    had = samples.expect_flat("the receiver")
    return f"{count} flaps, {lost} seen, {size} bytes checked; the receiver had {had}"


def cycles(count: int) -> str:
    """Bind, receive, unbind, again and again, in each token mode that the kernel has."""
    modes = ("0", "1") if token_mode_attribute() else ()
    return "; ".join(
        f"mode {mode}: {cycles_with('-a', mode, count=count)}" for mode in modes
    ) or cycles_with(count=count)


def cycles_with(*options: str, count: int) -> str:
    """Bind, receive, unbind, again and again; every third run is stopped in mid-stream."""
    cycle(0, options)
    for number in range(max(3, count // 10)):
        cycle(number, options)
    before, state = Kernel.now(UNSTABLE), nic_state()
    for number in range(count):
        cycle(number, options)
    expect(wait_for(lambda: not bound_queues() and not device_pools()), "something is bound")
    after = Kernel.now(UNSTABLE)
    name, more = after.growth(before)
    expect_equal(nic_state(), state, "the NIC")
    expect_equal(after.buffers, before.buffers, "dma-bufs")
    # Less than an object in four cycles, and less than a page in one, but for what comes and goes.
    expect(more <= max(250, count // 4), f"{more} objects more ({name})")
    less = (before.free - after.free) >> 10
    expect(less <= 4 * count + (64 << 10), f"{less} KiB of memory less")
    return f"{count} cycles: {more} objects more ({name}), {less} KiB of memory less"


def cycle(number: int, options: tuple[str, ...]) -> None:
    """A run that receives; of three, one gets its end while payload is on its way."""
    if number % 3 < 2:
        receive(9000, "-v", "7", *options).expect(0)
        return
    port = free_port()
    process = listen(4, port, "-v", "7", *options)
    source = Sender(4, port, pattern(1 << 62))
    source.start()
    wait_for_traffic(100_000)
    process.terminate()
    expect_equal(finish(process, 30).code, 128 + signal.SIGTERM, "exit status")
    source.join(60)
