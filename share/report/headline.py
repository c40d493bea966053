# SPDX-License-Identifier: GPL-2.0-only
"""The document of `make headline`: both token modes, in measurements of several shapes."""

from __future__ import annotations

from .comparisons import Comparison, of_groups
from .documents import Members, Unusable
from .measurement import measurement
from .runs import Group, Run, conditions, key, shared
from .tables import Table, number

# The modes as the tool's option -a has them, before and after
MODES = {"1": "-a 1", "0": "-a 0"}


def contents(document: Members) -> tuple[
        str, list[str], list[Group], list[Comparison], list[Table]]:
    """Title, lines, groups of runs, comparisons and other tables."""
    modes = document.object("modes")
    lines = [f"{MODES[mode]}: {modes.text(mode)}" for mode in MODES]
    lines.append(
        f"CPUs: {document.number('cpus'):.0f} of the VM on {document.number('host_cpus'):.0f} of "
        "the host")
    groups, comparisons, tables = [], [], []
    count = 0
    for shape in document.objects("shapes") if "shapes" in document.members else []:
        sides: dict[str, list[Run]] = {mode: [] for mode in MODES}
        for one in shape.objects("reports"):
            mode = str(one.members.get("mode"))
            if mode not in sides:
                raise Unusable(document.file, f"{one.path}.mode is {mode}, neither 1 nor 0")
            sides[mode].append(Run(measurement(one, needs_intervals=False), None, key(count)))
            count += 1
        name = f"{shape.text('nic')}, {shape.text('title')}"
        if not all(sides.values()):
            raise Unusable(document.file, f"{shape.path} lacks the runs of a mode")
        own = [
            Group(f"{name}, {MODES[mode]}", shared([conditions(run) for run in runs]), runs)
            for mode, runs in sides.items()]
        groups += own
        found = of_groups(*own)
        comparisons.append(Comparison(
            name, MODES["1"], MODES["0"], found.findings, found.of, [], by_token_mode=True))
    if counted := document.object_or_none("instructions_per_fragment"):
        tables.append(instructions(counted))
    if document.members.get("contention"):
        tables.append(contention(document.objects("contention")))
    if not groups and not tables:
        raise Unusable(document.file, "has no figures")
    if groups:
        lines.insert(0, f"{document.number('runs'):.0f} runs of "
                     f"{document.number('duration_seconds'):g} s in each mode, by turns within one "
                     "boot")
    return "Token modes of device-memory TCP", lines, groups, comparisons, tables


def instructions(counted: Members) -> Table:
    """The kernel's instructions per fragment for tokens, by function."""
    columns = {"without": "unpatched", **MODES}
    sides = {column: counted.object(column) for column in columns}
    names = sorted({name for side in sides.values() for name in side.members})
    figures = {
        name: [side.number(name) if name in side.members else 0.0 for side in sides.values()]
        for name in names}
    rows = [[name, *(f"{value:.1f}" for value in values)]
            for name, values in figures.items() if max(values) >= 0.5]
    sums = [sum(values[index] for values in figures.values()) for index in range(len(columns))]
    rows.append(["all of these", *(f"{value:.1f}" for value in sums)])
    return Table(
        "Kernel instructions per fragment, in functions that deal with tokens",
        ["", *columns.values()], rows,
        "Counted by QEMU: they do not depend on the machine.")


def contention(timed: list[Members]) -> Table:
    """What the return of a fragment takes, by threads and buffers."""
    rows = []
    for one in timed:
        threads = round(one.number("threads"))
        rows.append([
            f"{threads} thread{'s' if threads > 1 else ''}, "
            + ("all of one buffer" if one.flag("one_buffer") else "each of its own buffers"),
            number(one.number("mean")), number(one.number("stdev")),
            ", ".join(number(value) for value in one.numbers("values"))])
    return Table(
        "Returning a fragment in manual mode, ns",
        ["", "mean", "standard deviation", "runs"], rows)
