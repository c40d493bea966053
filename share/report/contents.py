# SPDX-License-Identifier: GPL-2.0-only
"""What a report shows, from whatever documents there are: pages and pictures draw it."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import bench, headline
from .comparisons import Comparison, choose, role
from .documents import BENCH, HEADLINE, MEASUREMENT, Members, Unusable, read, visible
from .measurement import measurement
from .runs import Group, Run, group, key, pair
from .significance import Verdict
from .tables import Table


@dataclass
class Report:
    """The contents."""

    title: str
    # What it is about, a line each
    lines: list[str]
    groups: list[Group] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    # Figures beside those of runs
    tables: list[Table] = field(default_factory=list)
    # What a reader has to know before the figures
    notices: list[str] = field(default_factory=list)
    # What the comparisons show
    heading: str = "What changed"

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return [run for one in self.groups for run in one.runs]

    @property
    def judged(self) -> int:
        """How many differences were judged, each with its chance of a false verdict."""
        return sum(
            finding.judgement.verdict is not Verdict.CANNOT_TELL
            and finding.judgement.chance is not None and finding.judgement.chance < 1
            for comparison in self.comparisons for finding in comparison.findings)


def report(names: list[str], baseline: list[str], title: str | None) -> Report:
    """The report of files, beside those of a baseline if there are any."""
    repeated = {name for name in names + baseline if (names + baseline).count(name) > 1}
    if repeated:
        raise Unusable(min(repeated), "is given twice")
    given = [document for name in names for document in read(name)]
    before = [document for name in baseline for document in read(name)]
    forms = {document.text("schema") for document in given + before}
    if forms == {MEASUREMENT}:
        made = _of_measurements(given, before)
    else:
        if len(given) + len(before) > 1:
            other = next(
                document for document in given + before
                if document.text("schema") != MEASUREMENT)
            raise Unusable(
                other.file, f"is of form {other.text('schema')}, whose report has no other files")
        form, = forms
        made = Report(*{HEADLINE: headline, BENCH: bench}[form].contents(given[0]))
        made.heading = "Side by side"
    made.title = visible(title or made.title)
    made.notices += _notices(made)
    return made


def _of_measurements(given: list[Members], before: list[Members]) -> Report:
    """A report of runs."""
    old = pair([measurement(document) for document in before])
    new = pair([measurement(document) for document in given])
    # Each run has a letter of its own, in both lists.
    runs = [Run(run.receiver, run.sender, key(index)) for index, run in enumerate(old + new)]
    old, new = runs[:len(old)], runs[len(old):]
    baseline, groups = group(old, "baseline" if old else ""), group(new, "new" if old else "")
    count = "A measurement" if len(runs) == 1 else f"{len(runs)} measurements"
    made = Report(
        f"{count} with ncdevmem", [], baseline + groups, choose(groups, baseline))
    if baseline and not made.comparisons:
        made.notices.append("No run has a counterpart in the baseline: the workloads differ.")
    roles = {role(one) for one in made.groups}
    if len(roles) > 1:
        made.notices.append(
            "Some documents are of receivers and some of senders, and are not of the same runs: "
            "they are shown, and not compared.")
    return made


def _notices(made: Report) -> list[str]:
    """What went wrong in runs, and what may deceive."""
    notices = []
    for run in made.runs:
        for end in run.ends:
            if end.verdict != "ok":
                why = f": {end.failure}" if end.failure else ""
                notices.append(f"Run {run.key} ({end.file}) is {end.verdict}{why}.")
    emulated = {
        value for one in made.groups for name, value in one.conditions.items()
        if name.startswith("Processor") and "QEMU" in value}
    if emulated:
        notices.append("CPUs are emulated (QEMU): the figures compare kinds of runs within this "
                       "machine, and say nothing of hardware.")
    return notices
