# SPDX-License-Identifier: GPL-2.0-only
"""Makes the system calls of the tool's jobs fail, one run each, and judges how each run ends.

A run must end in time, with status 0, 1, 2 or 4; with 0 only if its result is right all the same,
and otherwise with a message that names the error. The NIC must be as before. Where the call that
fails is one that brings it back, the run says so, and `--restore` brings it back. Only where the
kernel says that there is nothing to bring back, the run may believe it.
"""

from __future__ import annotations

import functools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from testbed import tool
from testbed.harness import Failed, expect
from testbed.hosts import NIC, reload_nic
from testbed.recovery import expect_back, is_back
from testbed.state import expect_released, nic_state

from . import tracing
from .errnos import BELIEVED, ERRNOS, IN_OTHER_WORDS, LEFT_OUT, ONCE, name
from .jobs import JOBS, Ending

# The places of each job's calls, by their kind.
Places = dict[str, dict[str, list[int]]]


@dataclass(frozen=True)
class Trial:
    """One run: a job, the kind of call, the error, and at which call: `3` the third one of a
    thread, `3+` that and all that follow."""

    job: str
    kind: str
    error: str
    when: str

    @property
    def call(self) -> str:
        """The call's name."""
        return self.kind.split()[0]

    @property
    def words(self) -> str:
        """The options that repeat the run."""
        return f"--job {self.job} --call '{self.kind}' --error {self.error} --when {self.when}"


def places(jobs: list[str]) -> Places:
    """Which calls each job makes, by a run of each without a failure."""
    found = {}
    for job in jobs:
        ending = JOBS[job](tracing.traced)
        text = f"{ending.result.stderr}{ending.others}"
        expect(not ending.result.code and not ending.wrong, f"{job}: {ending.wrong}: {text}")
        expect_released()
        found[job] = tracing.places(is_started=job == "guard")
        unknown = [kind for kind in found[job] if kind not in ERRNOS and kind not in LEFT_OUT]
        expect(not unknown, f"{job}: errnos.py knows nothing of {', '.join(unknown)}")
    return found


@dataclass(frozen=True)
class Pair:
    """What is to be covered: a call that fails in a job, once or from then on."""

    job: str
    kind: str
    error: str
    stays: bool

    def trial(self, found: Places, chance: random.Random) -> Trial:
        """A run at one of the places."""
        place = chance.choice(found[self.job][self.kind])
        return Trial(self.job, self.kind, self.error, f"{place}{'+' if self.stays else ''}")


def plan(found: Places, chance: random.Random) -> list[Pair]:
    """What there is to cover, in this order: each call with each error, in any job; in each job;
    once and from then on, in each."""
    by_call: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for kind in sorted({kind for kinds in found.values() for kind in kinds}):
        jobs = [job for job in found if kind in found[job]]
        for error in ERRNOS.get(kind, ()):
            first = [
                Pair(job, kind, error, kind not in ONCE and chance.random() < 0.5) for job in jobs]
            chance.shuffle(first)
            by_call[kind, error] = first + [
                Pair(pair.job, kind, error, not pair.stays) for pair in first if kind not in ONCE]
    depth = max(map(len, by_call.values()))
    layers = [
        [pairs[level] for pairs in by_call.values() if level < len(pairs)]
        for level in range(depth)]
    for layer in layers:
        chance.shuffle(layer)
    return [pair for layer in layers for pair in layer]


# How a run can end.
ENDS = ("0, right", "1, told", "4, told", "2, told", "left, told", "believed", "FAIL")


@dataclass
class Matrix:
    """How the runs ended, by call and error."""

    # Takes a line for each run.
    log: Path | None = None
    ends: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failures: list[str] = field(default_factory=list)
    runs: int = 0
    before: str = field(default_factory=nic_state)

    def run(self, trial: Trial) -> bool:
        """Makes a run.

        Returns: Whether the call was met; where threads take turns, it may not be."""
        ending, end, hits = None, "FAIL", []
        started = time.monotonic()
        try:
            ending = JOBS[trial.job](
                functools.partial(tracing.injecting, trial.call, trial.error, trial.when))
            hits = tracing.injected(trial.kind)
            end = self._judge(trial, ending)
        except Failed as failure:
            self._fail(trial, failure, ending)
        self.runs += 1
        is_met = bool(hits) or end == "FAIL"
        kind = hits[0] if hits else trial.kind
        if is_met:
            self.ends[kind, trial.error][end] += 1
        if self.log:
            words = ending.result.stderr.strip().replace("\n", " | ") if ending else ""
            line = (trial.job, kind, trial.error, trial.when,
                    end if is_met else "not met", f"{time.monotonic() - started:.1f} s", words)
            with self.log.open("a", encoding="utf-8") as log:
                log.write("\t".join(line) + "\n")
        return is_met

    def _fail(self, trial: Trial, failure: Failed, ending: Ending | None) -> None:
        """Notes a failure."""
        text = f"{trial.words}: {failure}"
        if ending:
            text += f"\n  status {ending.result.code}: {ending.result.stderr.strip()}"
        print(f"FAIL {text}", flush=True)
        self.failures.append(text)
        self._renew()

    def _renew(self) -> None:
        """Leaves the next run a NIC that was never changed."""
        tool.end_all()
        tool.forget()
        reload_nic()
        self.before = nic_state()

    def _judge(self, trial: Trial, ending: Ending) -> str:
        """How a run ended; fails where it must not end so."""
        code, words = ending.result.code, ending.result.stderr
        expect(code in (0, 1, 2, 4), "it did not end by a status of its own")
        expect_released()
        is_left = not is_back(self.before)
        if is_left:
            restored = tool.run("--restore", "-f", NIC)
            if (trial.call, trial.error) in BELIEVED and not is_back(self.before):
                self._renew()
                return "believed"
            expect(restored.code == 0, f"--restore fails, too: {restored.stderr}")
            expect_back(self.before)
            expect("cannot " in words or (trial.call, trial.error) in BELIEVED,
                   "the NIC stays changed without a word")
        if code == 0:
            expect(not ending.wrong, str(ending.wrong))
            expect(
                not is_left or trial.job == "guard" or (trial.call, trial.error) in BELIEVED,
                "the NIC stays changed")
        else:
            # What ends a check is one of its findings.
            words += ending.result.stdout.decode() if trial.job == "check" else ""
            expect(tells(trial, words), f"nothing names {name(trial.error)}")
        if is_left:
            return "left, told"
        return "0, right" if code == 0 else f"{code}, told"


def tells(trial: Trial, words: str) -> bool:
    """Whether a run that failed says why."""
    if name(trial.error) in words:
        return True
    # An item of a check that could not be looked at ends nothing.
    if trial.job == "check" and "could not check: " in words:
        return True
    return any(
        trial.call in calls.split() and trial.error in errors.split() and text in words
        for calls, errors, text in IN_OTHER_WORDS)


def cover(
    matrix: Matrix, found: Places, budget: float, chance: random.Random, kind: str = "",
    error: str = ""
) -> Iterator[str]:
    """Makes runs until a time is over. Says what was covered, and what was not."""
    deadline = time.monotonic() + budget
    wanted = [
        pair for pair in plan(found, chance)
        if kind in ("", pair.kind) and error in ("", pair.error)]
    reached: set[Pair] = set()
    while time.monotonic() < deadline and wanted:
        for pair in wanted:
            if time.monotonic() > deadline:
                break
            if matrix.run(pair.trial(found, chance)):
                reached.add(pair)
    for what, of in (
            ("of a call and an error", lambda pair: (pair.kind, pair.error)),
            ("of these in a job", lambda pair: (pair.job, pair.kind, pair.error)),
            ("of those, once or from then on", lambda pair: pair)):
        count, all_ = len(set(map(of, reached))), len(set(map(of, wanted)))
        yield f"pairs {what}: {all_}, {count} reached, {all_ - count} not"
    yield f"{matrix.runs} runs, {len(matrix.failures)} failed"


def table(matrix: Matrix) -> Iterator[str]:
    """How the runs ended, a line for each call and error."""
    yield f"{'call':<28}{'error':<17}{'runs':>6}" + "".join(f"{end:>12}" for end in ENDS)
    total: Counter[str] = Counter()
    for (kind, error), ends in sorted(matrix.ends.items()):
        total += ends
        yield row(kind, name(error), ends)
    yield row("all", "", total)
    for kind, reason in LEFT_OUT.items():
        yield f"left out: {kind}, which {reason}"


def row(kind: str, error: str, ends: Counter[str]) -> str:
    """A line of the table."""
    counts = "".join(f"{ends[end] or '-':>12}" for end in ENDS)
    return f"{kind:<28}{error:<17}{ends.total():>6}{counts}"
