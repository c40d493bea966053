# SPDX-License-Identifier: GPL-2.0-only
"""What is drawn, whichever library draws it: courses over time, dots in rows, bars."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from .comparisons import Comparison, Finding
from .quantities import (
    IDLE, OF_A_RUN, OF_AN_INTERVAL, RECEIVER_CPU, SENDER_CPU, THROUGHPUT, Quantity)
from .runs import Group
from .significance import Verdict
from .tables import entries, label, mean_and_spread, number, totals, verdict

# Each stands out from white paper and from a dark screen, and from the others for those who do not
# see red or green (after Okabe and Ito). Dashes and markers differ as well.
COLOURS = ("#0072b2", "#c8591a", "#0b8a68", "#a8619a", "#8a7a00", "#6f7782")
# The names that plotly has
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
MARKERS = ("circle", "diamond", "square", "triangle-up", "x", "star", "cross")
# Of so many runs, with so many flows each, every flow has a line of its own.
MOST_WITH_FLOWS, MOST_FLOWS = 2, 16
# A line has this many markers at most.
MOST_MARKERS = 60


@dataclass(frozen=True)
class Line:
    """A value over time, in the middle of each interval, or over something else; None where it is
    not known."""

    label: str
    style: int
    times: list[float]
    values: list[float | None]
    spans: list[str]
    omitted: list[bool]
    # A flow of a run whose sum is drawn, too
    thin: bool = False
    # What the legend shows of lines of one style
    legend: str = ""


@dataclass(frozen=True)
class Course:
    """Lines over time, or over something else."""

    title: str
    unit: str
    lines: list[Line]
    # Seconds in which figures were left out of the sums, if they were
    omitted_until: float | None
    alt: str
    along: str = "seconds"
    # What stands at which places along, where these are no numbers for people
    ticks: dict[float, str] | None = None
    # Whether each step of the values is ten times the one before
    logarithmic: bool = False


@dataclass(frozen=True)
class Row:
    """Values of one kind, each a dot, and a word on them."""

    label: str
    style: int
    values: list[float]
    note: str
    # Whether the row stands with the one above
    joined: bool = False


@dataclass(frozen=True)
class Strip:
    """Rows of dots."""

    title: str
    unit: str
    rows: list[Row]
    alt: str


@dataclass(frozen=True)
class Bars:
    """A bar for each entry, in parts."""

    title: str
    unit: str
    labels: list[str]
    parts: dict[str, list[float]]
    # Whether the parts make a whole
    stacked: bool
    alt: str


Drawing = Course | Strip | Bars


def courses(groups: list[Group]) -> list[Course]:
    """Throughput and idle time over time."""
    runs = [(index, one, run) for index, one in enumerate(groups) for run in one.runs]
    runs = [(index, one, run) for index, one, run in runs if run.main.intervals]
    if not runs:
        return []
    ends = [
        interval.end for _, _, run in runs for interval in run.main.intervals if interval.omitted]
    taken = []
    for quantity, value in OF_AN_INTERVAL.items():
        lines = []
        for place, (index, one, run) in enumerate(runs):
            # Of few runs each has a style of its own.
            few = len(runs) <= len(COLOURS)
            style = place if few else index
            legend = label(one, run) if few else one.title or "all runs"
            intervals = run.main.intervals
            times = [(interval.start + interval.end) / 2 for interval in intervals]
            spans = [f"{interval.start:.1f}–{interval.end:.1f} s" for interval in intervals]
            omitted = [interval.omitted for interval in intervals]
            if (quantity is THROUGHPUT and len(runs) <= MOST_WITH_FLOWS
                    and 1 < len(run.main.flows) <= MOST_FLOWS):
                lines += [
                    Line(f"{run.key}, flow {number_}", style, times,
                         [interval.flows[number_] for interval in intervals], spans, omitted, True)
                    for number_ in range(len(run.main.flows))]
            values = [value(interval) for interval in intervals]
            if any(one_value is not None for one_value in values):
                lines.append(Line(
                    label(one, run), style, times, values, spans, omitted, legend=legend))
        if lines:
            taken.append(Course(
                quantity.name, quantity.unit, lines, max(ends) if ends else None,
                f"{quantity.name} in {quantity.unit} over time. " + "; ".join(
                    f"{line.label}: from {number(min(known))} to {number(max(known))}"
                    for line in lines if not line.thin
                    and (known := [one for one in line.values if one is not None]))))
    return taken


def latencies(groups: list[Group]) -> Course | None:
    """What part of the exchanges took at most how long: each nine has the same room, as where
    HdrHistograms are plotted."""
    lines = []
    runs = [(index, one, run) for index, one in enumerate(groups) for run in one.runs]
    for place, (index, one, run) in enumerate(runs):
        if not (taken := run.latency):
            continue
        # Each run has the style that it has over time.
        style = place if len(runs) <= len(COLOURS) else index
        # The greatest of a thousand stands where 99.9 % do.
        places = [
            math.log10(max(taken.exchanges, 1)) if percent >= 100
            else -math.log10(1 - percent / 100) for percent, _ in taken.distribution]
        lines.append(Line(
            label(one, run), style, places, [value for _, value in taken.distribution],
            [f"{percent:.6g} %" for percent, _ in taken.distribution],
            [False] * len(places), legend=label(one, run)))
    if not lines:
        return None
    nines = math.ceil(max(max(line.times) for line in lines))
    ticks = {0.0: "0 %", **{
        float(place): f"{100 - 100 / 10 ** place:.{max(place - 2, 0)}f} %"
        for place in range(1, nines + 1)}}
    return Course(
        "latency", "µs", lines, None, "Latency in µs by the part of the exchanges. " + "; ".join(
            f"{line.label}: from {number(line.values[0] or 0)} to {number(line.values[-1] or 0)}"
            for line in lines),
        "exchanges that took no longer", ticks, True)


def strips(comparisons: list[Comparison]) -> list[Strip]:
    """Of each of the main quantities both sides of all comparisons, every value a dot."""
    taken = []
    for quantity in (THROUGHPUT, IDLE, RECEIVER_CPU, SENDER_CPU):
        rows: list[Row] = []
        for comparison in comparisons:
            for finding in comparison.findings:
                if finding.quantity is quantity:
                    rows += _sides(comparison, finding, len(comparisons) > 1)
        if rows:
            taken.append(_strip(quantity, rows))
    return taken


def _sides(comparison: Comparison, finding: Finding, several: bool) -> list[Row]:
    """Both sides of a finding."""
    sides = finding.parts or (finding.before, finding.after)
    names = [comparison.before, comparison.after]
    if several and comparison.title != " → ".join(names):
        names[0] = f"{comparison.title}, {names[0]}"
    notes = [mean_and_spread(list(values)) for values in sides]
    if finding.judgement.verdict is Verdict.DIFFERS:
        notes[1] += f", {verdict(finding)}"
    return [Row(names[0], 0, sides[0], notes[0]),
            Row(names[1], 1, sides[1], notes[1], joined=True)]


def _strip(quantity: Quantity, rows: list[Row]) -> Strip:
    return Strip(
        quantity.name, quantity.unit, rows,
        f"{quantity.title}, each value a dot. " + "; ".join(
            f"{row.label}: {row.note}" for row in rows))


def own_strips(comparison: Comparison) -> list[Strip]:
    """Both sides of every quantity of a comparison that has units of its own."""
    return [
        _strip(finding.quantity, _sides(comparison, finding, False))
        for finding in comparison.findings]


def flows(groups: list[Group]) -> Strip | None:
    """The throughput of each flow, a row for each run, or each group of many."""
    rows = []
    for place, (name, runs) in enumerate(entries(groups)):
        rates = [flow.gigabits for run in runs for flow in run.main.flows]
        if len(rates) > len(runs):
            rows.append(Row(
                name, place % len(COLOURS), rates,
                f"from {number(min(rates))} to {number(max(rates))}"))
    if not rows:
        return None
    return Strip(
        "throughput of each flow", "Gbit/s", rows, "Throughput of each flow in Gbit/s. " +
        "; ".join(f"{row.label}: {row.note}" for row in rows))


def kinds(groups: list[Group]) -> Bars:
    """Bytes by kind, as parts of the whole."""
    named = {"device": "device memory", "linear": "linear", "plain": "plain"}
    taken = [(name, totals(runs)) for name, runs in entries(groups)]
    parts = {
        word: [counts.get(kind, 0) / (sum(counts.values()) or 1) * 100 for _, counts in taken]
        for kind, word in named.items()}
    return Bars(
        "bytes by kind", "% of the payload", [name for name, _ in taken], parts, True,
        "Parts of the payload. " + "; ".join(
            f"{name}: " + ", ".join(f"{word} {number(values[index])} %"
                                    for word, values in parts.items())
            for index, (name, _) in enumerate(taken)))


def cpu(groups: list[Group]) -> Bars | None:
    """CPU time of each end's threads."""
    taken = entries(groups)
    parts = {}
    for word, quantity in (("receiver", RECEIVER_CPU), ("sender", SENDER_CPU)):
        values = []
        for _, runs in taken:
            known = [value for run in runs if (value := OF_A_RUN[quantity](run)) is not None]
            values.append(statistics.fmean(known) if known else 0.0)
        if any(values):
            parts[word] = values
    if not parts:
        return None
    return Bars(
        "CPU time of the threads", "s/GiB", [name for name, _ in taken], parts, False,
        "CPU time in seconds per GiB. " + "; ".join(
            f"{name}: " + ", ".join(
                f"{word} {number(values[index])}" for word, values in parts.items())
            for index, (name, _) in enumerate(taken)))
