# SPDX-License-Identifier: GPL-2.0-only
"""Tables of figures, which accompany every plot."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from .comparisons import Comparison, Finding
from .quantities import OF_A_RUN, OF_AN_INTERVAL
from .runs import Group, Run, differing, shared
from .significance import Verdict


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row names it."""

    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""


def number(value: float | None, digits: int = 4) -> str:
    """A figure in so many digits, without an exponent where people read none."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 10 ** digits:
        return f"{value:.0f}"
    if abs(value) < 1e-4:
        return f"{value:.2e}"
    return f"{value:.{digits}g}"


def bytes_(value: int | None) -> str:
    """A count of bytes, with spaces between thousands."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def mean_and_spread(values: list[float]) -> str:
    """The mean, with the standard deviation of several."""
    if len(values) == 1:
        return number(values[0])
    return f"{number(statistics.fmean(values))} ± {number(statistics.stdev(values), 2)}"


def chance(finding: Finding) -> str:
    """The chance in words."""
    value = finding.judgement.chance
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


MARKS = {"better": "▲ better", "worse": "▼ worse", "": ""}


def verdict(finding: Finding) -> str:
    """The verdict in words, with its reason or direction."""
    judged = finding.judgement
    said = judged.verdict.value
    if judged.verdict is Verdict.DIFFERS:
        return f"{said} {MARKS[finding.direction]}".strip()
    return f"{said}: {judged.reason}" if judged.reason else said


def change(finding: Finding) -> str:
    """The difference as a part of what was before, or as it is."""
    percent = finding.percent
    if percent is None:
        return f"{finding.change:+.3g}" if finding.change else "0"
    return "0 %" if abs(percent) < 0.05 else f"{percent:+.1f} %"


def compared(comparison: Comparison) -> Table:
    """All findings of a comparison."""
    rows = []
    for finding in comparison.findings:
        rows.append([
            finding.quantity.title, mean_and_spread(finding.before),
            mean_and_spread(finding.after), change(finding), chance(finding), verdict(finding)])
    return Table(
        comparison.title,
        ["", comparison.before, comparison.after, "change", "chance", "verdict"], rows)


SHORT = {Verdict.NONE_SEEN: "none seen", Verdict.CANNOT_TELL: "cannot tell"}


def overview(comparisons: list[Comparison]) -> Table:
    """Of several comparisons each change and its verdict, a row each."""
    quantities = list(dict.fromkeys(
        finding.quantity for comparison in comparisons for finding in comparison.findings))
    rows = []
    for comparison in comparisons:
        found = {finding.quantity: finding for finding in comparison.findings}
        rows.append([comparison.title] + [
            in_short(found[quantity]) if quantity in found else "–" for quantity in quantities])
    return Table(
        "All comparisons", ["", *(one.name for one in quantities)], rows,
        "Each cell: the change, its verdict, and the chance in parentheses.")


def in_short(finding: Finding) -> str:
    """Change, verdict and chance for a cell."""
    said = SHORT.get(finding.judgement.verdict) or verdict(finding)
    tail = "" if finding.judgement.chance is None else f" ({chance(finding)})"
    return f"{change(finding)}, {said}{tail}"


def figures(groups: list[Group]) -> Table:
    """Every quantity of every run; of many runs, of every group."""
    quantities = [
        quantity for quantity, value in OF_A_RUN.items()
        if any(value(run) is not None for one in groups for run in one.runs)]
    rows = []
    for name, runs in entries(groups):
        cells = []
        for quantity in quantities:
            values = [OF_A_RUN[quantity](run) for run in runs]
            known = [value for value in values if value is not None]
            cells.append(mean_and_spread(known) if known else "–")
        rows.append([name, *cells])
    each = len(rows) == sum(len(one.runs) for one in groups)
    title = "Figures of each run" if each else "Figures of each group, mean ± standard deviation"
    return Table(title, ["", *(one.title for one in quantities)], rows)


def latencies(groups: list[Group]) -> Table | None:
    """Of every run that has them the percentiles of its exchanges."""
    rows = [
        [label(one, run), str(taken.exchanges), *(
            number(value) for value in (
                taken.minimum, taken.median, taken.p90, taken.p99, taken.p99_9, taken.maximum,
                taken.mean))]
        for one in groups for run in one.runs if (taken := run.latency)]
    if not rows:
        return None
    return Table(
        "Latency of each run, µs",
        ["", "exchanges", "least", "50 %", "90 %", "99 %", "99.9 %", "most", "mean"], rows)


END = {"receive": "receiver", "send": "sender"}
# Of so many runs each has a row of its own.
MOST_RUNS = 16


def entries(groups: list[Group]) -> list[tuple[str, list[Run]]]:
    """What has a row of its own: each run, or each group of many runs."""
    runs = [(one, run) for one in groups for run in one.runs]
    if len(runs) <= MOST_RUNS:
        return [(label(one, run), [run]) for one, run in runs]
    return [(f"{one.title} ({len(one.runs)} runs)", one.runs) for one in groups]


def label(one: Group, run: Run) -> str:
    """A run in words."""
    return f"{run.key}: {one.title}" if one.title else f"{run.key}: {ends(run)}"


def ends(run: Run) -> str:
    """Whose documents there are."""
    return " and ".join(END[end.role] for end in run.ends)


def files(groups: list[Group]) -> Table:
    """Which letter stands for which file."""
    return Table(
        "Runs and files", ["", "of", "ends", "verdict", "seconds", "bytes"],
        [[run.key, run.files, ends(run),
          ", ".join(dict.fromkeys(end.verdict for end in run.ends)),
          number(run.main.seconds), bytes_(run.main.bytes)]
         for one in groups for run in one.runs])


def flows(groups: list[Group]) -> Table:
    """Each flow of each run; of a pair the sender knows the retransmits."""
    rows = []
    for one in groups:
        for run in one.runs:
            sent = {flow.port: flow for flow in run.sender.flows} if run.sender else {}
            for flow in run.main.flows:
                sender = sent.get(flow.port)
                rows.append([
                    f"{run.key}, flow {flow.number}", number(flow.gigabits), bytes_(flow.bytes),
                    "–" if flow.queue is None else str(flow.queue),
                    str(sender.retransmits if sender else flow.retransmits),
                    number((sender or flow).rtt_milliseconds)])
    return Table(
        "Each flow",
        ["", "Gbit/s", "bytes", "RX queue", "retransmits", "round trip, ms"], rows)


def kinds(groups: list[Group]) -> Table:
    """Bytes by where they came to lie."""
    rows = []
    for name, runs in entries(groups):
        counts = totals(runs)
        whole = sum(counts.values()) or 1
        rows.append([name] + [
            f"{bytes_(counts[kind])} ({counts[kind] / whole * 100:.1f} %)" if kind in counts
            else "–" for kind in ("device", "linear", "plain")])
    return Table("Bytes by kind", ["", "device memory", "linear", "plain"], rows)


def totals(runs: list[Run]) -> dict[str, int]:
    """The bytes of some runs by kind."""
    counts: dict[str, int] = {}
    for run in runs:
        for kind, count in run.main.kinds.items():
            counts[kind] = counts.get(kind, 0) + count
    return counts


def workers(groups: list[Group]) -> Table:
    """Each thread of each end."""
    rows = []
    for one in groups:
        for run in one.runs:
            for end in run.ends:
                for worker in end.workers:
                    rows.append([
                        f"{run.key}, {END[end.role]}, worker {worker.number}",
                        ", ".join(map(str, worker.flows)),
                        "–" if worker.cpu is None else str(worker.cpu), number(worker.idle),
                        number(worker.seconds), number(worker.seconds_per_gib)])
    return Table(
        "Each worker", ["", "flows", "CPU", "idle %", "CPU time, s", "CPU time, s/GiB"], rows)


# A table of more rows is not read.
MOST_ROWS = 120


def intervals(run: Run, one: Group) -> Table:
    """Each interval of a run; of many, several in a row."""
    several = -(-len(run.main.intervals) // MOST_ROWS)
    rows = []
    for first in range(0, len(run.main.intervals), several):
        part = run.main.intervals[first:first + several]
        omitted = " (omitted)" if all(interval.omitted for interval in part) else ""
        cells = []
        for value in OF_AN_INTERVAL.values():
            known = [(number_, interval.seconds) for interval in part
                     if (number_ := value(interval)) is not None]
            seconds = sum(length for _, length in known)
            cells.append(number(
                sum(number_ * length for number_, length in known) / seconds if known else None))
        rows.append([f"{part[0].start:.1f}–{part[-1].end:.1f} s{omitted}", *cells])
    return Table(
        f"Intervals of run {label(one, run)}",
        ["", *(quantity.title for quantity in OF_AN_INTERVAL)], rows,
        f"Each row is the mean of {several} intervals." if several > 1 else "")


def common_facts(groups: list[Group]) -> Table:
    """The conditions that all runs share."""
    same = shared([one.conditions for one in groups])
    return Table("The same in all runs", ["", "value"], [list(row) for row in same.items()])


def other_facts(groups: list[Group]) -> Table | None:
    """The conditions that differ; None if none does."""
    names = differing([one.conditions for one in groups])
    if not names:
        return None
    return Table(
        "Different among the runs", ["", *names],
        [[", ".join(run.key for run in one.runs) if len(one.runs) <= 6 else
          f"{one.runs[0].key}–{one.runs[-1].key}",
          *(one.conditions.get(name, "–") for name in names)] for one in groups])
