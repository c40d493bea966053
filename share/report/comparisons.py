# SPDX-License-Identifier: GPL-2.0-only
"""Compares groups of runs, or two runs by their intervals."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass

from .quantities import OF_A_RUN, OF_AN_INTERVAL, Quantity, series, values
from .runs import TOKEN_MODE, Group, Run, differing
from .significance import FEWEST, Judgement, Verdict, judge, judge_series


@dataclass(frozen=True)
class Finding:
    """A quantity on both sides, and what can be said of the difference."""

    quantity: Quantity
    before: list[float]
    after: list[float]
    judgement: Judgement
    # Where one run is compared with one, the values of their intervals
    parts: tuple[list[float], list[float]] | None = None

    @property
    def change(self) -> float:
        """The difference of the means."""
        return statistics.fmean(self.after) - statistics.fmean(self.before)

    @property
    def percent(self) -> float | None:
        """The difference as a part of what was before."""
        before = statistics.fmean(self.before)
        return self.change / before * 100 if before else None

    @property
    def direction(self) -> str:
        """Whether a difference is for the better: "better", "worse", or neither."""
        if self.judgement.verdict is not Verdict.DIFFERS or not self.quantity.better:
            return ""
        return "better" if (self.change > 0) == (self.quantity.better == "more") else "worse"


@dataclass(frozen=True)
class Comparison:
    """Two sides, in the order before and after."""

    title: str
    before: str
    after: str
    findings: list[Finding]
    # What is compared: repetitions, or intervals of one run on each side
    of: str
    notes: list[str]
    by_token_mode: bool = False


def of_groups(before: Group, after: Group) -> Comparison:
    """Compares two groups."""
    sides = before.counting, after.counting
    names = differing([before.conditions, after.conditions])
    notes = [f"They differ in: {', '.join(name.lower() for name in names)}." if names
             else "Their documents show the same conditions."]
    for side in before, after:
        if failed := len(side.runs) - len(side.counting):
            notes.append(f"{side.title}: {failed} failed, and not counted.")
    single = all(len(side) == 1 for side in sides)
    findings = []
    if all(sides):
        for quantity in OF_A_RUN:
            one, other = (values(quantity, side) for side in sides)
            if one is None or other is None:
                continue
            if single:
                findings.append(_of_intervals(
                    quantity, (before.counting[0], after.counting[0]), one, other))
            else:
                findings.append(Finding(quantity, one, other, judge(one, other, "runs")))
    else:
        notes.append("No run of one side counts: there is nothing to compare.")
    if single:
        notes.append(
            "One run of each: throughput and idle time are compared by the intervals within them, "
            "which shows whether these two runs differ. Whether two others would, only "
            f"repetitions show: {FEWEST + 1} or more of each.")
    return Comparison(
        f"{before.title} → {after.title}", before.title, after.title, findings,
        "intervals" if single else "runs", notes, names == [TOKEN_MODE])


def _of_intervals(
    quantity: Quantity, runs: tuple[Run, Run], one: list[float], other: list[float]
) -> Finding:
    """What the intervals of two runs show."""
    if quantity not in OF_AN_INTERVAL:
        judgement = Judgement(Verdict.CANNOT_TELL, None, "one value of each run")
        if one == other:
            judgement = Judgement(Verdict.NONE_SEEN, None, "all the same")
        return Finding(quantity, one, other, judgement)
    parts = tuple(series(quantity, run) for run in runs)
    if parts[0] is None or parts[1] is None:
        judgement = Judgement(Verdict.CANNOT_TELL, None, "not known of each interval")
        return Finding(quantity, one, other, judgement)
    return Finding(
        quantity, one, other, judge_series(parts[0], parts[1]), (parts[0], parts[1]))


def choose(groups: list[Group], baseline: list[Group]) -> list[Comparison]:
    """What is to be compared: each group with its counterpart of the baseline. Without a baseline
    the token modes, where that is all that differs; else each group with the first one."""
    if baseline:
        return [of_groups(one, other) for one, other in counterparts(groups, baseline)]
    modes = [
        (one, other) if one.conditions[TOKEN_MODE] < other.conditions[TOKEN_MODE] else (other, one)
        for one, other in itertools.combinations(groups, 2)
        if differing([one.conditions, other.conditions]) == [TOKEN_MODE]
        and TOKEN_MODE in one.conditions and TOKEN_MODE in other.conditions]
    if modes:
        return [of_groups(one, other) for one, other in modes]
    if len(groups) == 1 and len(groups[0].runs) == 2:
        only = groups[0]
        sides = [Group(f"run {run.key}", only.conditions, [run]) for run in only.runs]
        return [of_groups(*sides)]
    # A receiver is not compared with a sender.
    same_role = [group for group in groups if role(group) == role(groups[0])]
    return [of_groups(same_role[0], other) for other in same_role[1:]]


def role(group: Group) -> str:
    """Which end the figures are of."""
    return group.runs[0].main.role


def counterparts(groups: list[Group], baseline: list[Group]) -> list[tuple[Group, Group]]:
    """Of each group that of the baseline which has the same workload, whatever the host; the only
    one there is, if both sides have one."""
    if len(groups) == 1 and len(baseline) == 1:
        return [(baseline[0], groups[0])]
    taken = []
    for group in groups:
        alike = [other for other in baseline if workload(other) == workload(group)]
        if len(alike) == 1:
            taken.append((alike[0], group))
    return taken


def workload(group: Group) -> tuple:
    """What was to be done, and how: not the machine, and not the version of anything."""
    names = ("Flows", "Threads", "Duration", "Bytes of each flow", TOKEN_MODE, "RX queues",
             "RX buffers", "Checked pattern", "Checked fragments", "Rate of each flow", "Chunk",
             "Sent from", "Busy poll")
    return (role(group), *(group.conditions.get(name) for name in names))
