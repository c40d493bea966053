# SPDX-License-Identifier: GPL-2.0-only
"""The document of `make bench`: the tool beside others that do the same."""

from __future__ import annotations

from .comparisons import Comparison, Finding
from .documents import Members, Unusable
from .measurement import measurement
from .quantities import Quantity
from .runs import Group, Run, group, key
from .significance import judge
from .tables import Table, number


def contents(document: Members) -> tuple[
        str, list[str], list[Group], list[Comparison], list[Table]]:
    """Title, lines, groups of runs, comparisons and other tables."""
    lines = [f"Kernel: {document.text('kernel')}",
             f"Processor: {document.text('processor')}, {document.number('cpus'):.0f} CPUs",
             f"MTU {document.number('mtu'):.0f}"]
    comparisons, tables = [], []
    for one in document.objects("comparisons"):
        before, after = one.text("reference"), one.text("measured")
        findings, targets = [], []
        for row in one.objects("rows"):
            quantity = Quantity(row.text("title"), "", row.text_or_none("better") or "")
            theirs, ours = row.numbers("reference"), row.numbers("measured")
            findings.append(Finding(quantity, theirs, ours, judge(theirs, ours, "runs")))
            ratio = row.number_or_none("ratio")
            targets.append([quantity.name, number(ratio), row.text_or_none("target") or "–"])
        title = one.text("title")
        comparisons.append(Comparison(title, before, after, findings, "runs", []))
        tables.append(Table(
            f"{title}: ratio of the medians, {after} to {before}", ["", "ratio", "target"],
            targets))
    runs = [Run(measurement(one, needs_intervals=False), None, key(index))
            for index, one in enumerate(document.objects("measurements"))]
    if not comparisons and not runs:
        raise Unusable(document.file, "has no figures")
    return "ncdevmem beside others", lines, group(runs), comparisons, tables
