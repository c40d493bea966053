# SPDX-License-Identifier: GPL-2.0-only
"""Runs that are killed at random moments, in each of several ways, and what becomes of the NIC."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.harness import Failed, expect, wait_for
from testbed.hosts import LOCAL, NIC, Sender, free_port, pattern, wait_listening
from testbed.recovery import (
    RESTORED, expect_back, guard, journals_with_changes, kill_with_guard)
from testbed.state import expect_released, nic_state
from testbed.tool import BINARY, LITTLE_MEMORY, finish, guards, run, track, wait_for_signals

GROUP = Path("/sys/fs/cgroup/killed")


@dataclass
class Tally:
    """What was seen of one way to kill."""

    kills: int = 0
    undone: int = 0

    def add(self, had_changes: bool) -> None:
        """Counts a kill, after which something was to be undone or not."""
        self.kills += 1
        self.undone += had_changes


def start(port: int) -> subprocess.Popen[bytes]:
    """A receiver in a control group of its own."""
    GROUP.mkdir(exist_ok=True)

    def enter() -> None:
        (GROUP / "cgroup.procs").write_text("0", encoding="ascii")

    return track(subprocess.Popen(
        [BINARY, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=enter))


def wait_for_guard(process: subprocess.Popen[bytes]) -> int:
    """The pid of a run's guard, once it has one."""
    expect(wait_for(lambda: guards() or process.poll() is not None), "there is no guard")
    return guard()


def kill_run(process: subprocess.Popen[bytes]) -> bool:
    """The run alone: its guard brings the NIC back."""
    process.kill()
    return RESTORED in finish(process, 30).expect(-signal.SIGKILL).stderr


def kill_guard(process: subprocess.Popen[bytes]) -> bool:
    """The guard alone: the run undoes its changes itself, at its end."""
    pid = wait_for_guard(process)
    changed = bool(journals_with_changes())
    os.kill(pid, signal.SIGKILL)
    process.terminate()
    # One that comes before the run takes signals ends it at once.
    expect(finish(process, 30).code in (128 + signal.SIGTERM, -signal.SIGTERM), "how it ended")
    # Then nothing was changed, or else there is no way but this one.
    run("--restore", "-f", NIC).expect(0)
    return changed


def kill_both(process: subprocess.Popen[bytes]) -> bool:
    """Both, the guard before it can do anything: `--restore` brings the NIC back."""
    kill_with_guard(process, wait_for_guard(process))
    return RESTORED in run("--restore", "-f", NIC).expect(0).stderr


def kill_group(process: subprocess.Popen[bytes]) -> bool:
    """The whole control group at once, as a container's runtime does."""
    (GROUP / "cgroup.kill").write_text("1", encoding="ascii")
    finish(process, 30).expect(-signal.SIGKILL)
    expect(wait_for(lambda: not guards()), "a guard is left")
    return RESTORED in run("--restore", "-f", NIC).expect(0).stderr


WAYS: dict[str, Callable[[subprocess.Popen[bytes]], bool]] = {
    "run": kill_run,
    "guard": kill_guard,
    "both": kill_both,
    "group": kill_group,
}


def kill(way: str, chance: random.Random, before: str) -> bool:
    """Starts a run, kills it this way at a random moment of its set-up or of its stream, and fails
    unless the NIC is as before. Tells whether there was something to undo."""
    port = free_port()
    process = start(port)
    if chance.random() < 0.5:
        wait_listening(port, process)
        Sender(4, port, pattern(1 << 30)).start()
        time.sleep(chance.uniform(0, 0.5))
    else:
        wait_for_guard(process)
        time.sleep(chance.uniform(0, 1))
    undone = WAYS[way](process)
    expect_back(before)
    expect_released()
    return undone


def kill_often(count: int, seed: int, say: Callable[[str], None] = print) -> dict[str, Tally]:
    """Kills so many runs, each way in turn."""
    chance = random.Random(seed)
    before = nic_state()
    tallies = {way: Tally() for way in WAYS}
    for number in range(count):
        way = list(WAYS)[number % len(WAYS)]
        try:
            tallies[way].add(kill(way, chance, before))
        except Failed as failure:
            raise Failed(f"kill {number} ({way}) of seed {seed}: {failure}") from failure
        if number % 50 == 49:
            say(f"  {number + 1} killed")
    return tallies


def fight(count: int, seed: int) -> dict[str, int]:
    """Starts runs on one interface two at a time, at random distances. Those that probe end by
    themselves, those that receive stay for a while: each does its job or is refused for the other
    one, at least one does its job, and the NIC is as before after each pair."""
    chance = random.Random(seed)
    before = nic_state()
    outcomes = {"done": 0, "refused": 0}
    for number in range(0, count, 2):
        pair = []
        for _ in range(2):
            stays = chance.random() < 0.5
            job = ("-l", "-s", LOCAL[4], "-p", str(free_port())) if stays else ()
            pair.append(track(subprocess.Popen(
                [BINARY, "-f", NIC, *job, *LITTLE_MEMORY], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)))
            time.sleep(chance.uniform(0, 0.5))
        time.sleep(chance.uniform(0, 4))
        done = 0
        for process, other in zip(pair, reversed(pair)):
            wait_for_signals(process)
            process.terminate()
            result = finish(process, 60)
            if result.code == 1:
                result.expect(1, "EBUSY", f"pid {other.pid},")
            else:
                expect(result.code in (0, 128 + signal.SIGTERM), result.stderr)
                done += 1
        expect(done, f"pair {number // 2} of seed {seed}: both were refused")
        outcomes["done"] += done
        outcomes["refused"] += len(pair) - done
        expect_back(before)
    return outcomes
