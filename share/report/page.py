# SPDX-License-Identifier: GPL-2.0-only
"""Writes a report as one page of HTML, which needs nothing else: no file, no network.

Everything that comes from a document is escaped, and the page's policy runs no script but the two
that are its own.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path

from . import drawings, interactive, tables
from .comparisons import Comparison
from .contents import Report
from .drawings import Drawing
from .significance import FEWEST, LEVEL, Verdict
from .tables import Table

HERE = Path(__file__).resolve().parent
# Of more runs the tables of intervals would make a page that nobody reads.
MOST_INTERVAL_TABLES = 12
# Columns that hold words, and not figures
WORDS = frozenset(("verdict", "of", "value", "target", "ends"))


def attributes(title: str, cell: str = "") -> str:
    """Those of a cell below a title."""
    names = ["words"] if title in WORDS else []
    if f", {Verdict.DIFFERS.value} " in cell:
        names.append("differs")
    return f' class="{" ".join(names)}"' if names else ""


class Page:
    """The page while it is written."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.sections: list[tuple[str, str]] = []
        self.plots = 0

    def section(self, name: str, title: str) -> None:
        """Begins a section."""
        self.sections.append((name, title))
        self.parts.append(f'<h2 id="{name}">{escape(title)}</h2>')

    def text(self, words: str, kind: str = "") -> None:
        """A paragraph."""
        name = f' class="{kind}"' if kind else ""
        self.parts.append(f"<p{name}>{escape(words)}</p>")

    def draw(self, drawing: Drawing) -> None:
        """A figure."""
        self.plots += 1
        name = f"plot-{self.plots}"
        unit = f", {drawing.unit}" if drawing.unit else ""
        self.parts.append(
            f'<figure><figcaption id="{name}-title">{escape(drawing.title + unit)}</figcaption>'
            f'<div class="plot" id="{name}" role="img" aria-label="{escape(drawing.alt)}"></div>'
            f'<script type="application/json" class="figure" data-plot="{name}">'
            f"{interactive.figure(drawing)}</script></figure>")

    def table(self, table: Table, folded: bool = False) -> None:
        """A table that scrolls by itself where it is wider than the page."""
        head = "".join(
            f'<th scope="col"{attributes(cell)}>{escape(cell)}</th>' for cell in table.head)
        rows = []
        for first, *cells in table.rows:
            differs = cells and cells[-1].startswith(Verdict.DIFFERS.value)
            rows.append(
                f'<tr{" class=differs" if differs else ""}><th scope="row">{escape(first)}</th>'
                + "".join(
                    f"<td{attributes(title, cell)}>{escape(cell)}</td>"
                    for title, cell in zip(table.head[1:], cells)) + "</tr>")
        made = (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
            f"<table><caption>{escape(table.title)}</caption><thead><tr>{head}</tr></thead>"
            f'<tbody>{"".join(rows)}</tbody></table></div>')
        if folded:
            made = f"<details><summary>{escape(table.title)}</summary>{made}</details>"
        self.parts.append(made)
        if table.note:
            self.text(table.note, "faint")


def compare(page: Page, comparison: Comparison, heading: bool) -> None:
    """A comparison: its answer, and the table of its findings."""
    if heading:
        page.parts.append(f"<h3>{escape(comparison.title)}</h3>")
    first, *others = answer(comparison)
    page.text(first, "answer")
    for sentence in [*others, *comparison.notes]:
        page.text(sentence)
    if comparison.findings:
        page.table(tables.compared(comparison))


def answer(comparison: Comparison) -> list[str]:
    """What a comparison shows, in a sentence or three."""
    said: dict[Verdict, list[str]] = {kind: [] for kind in Verdict}
    for finding in comparison.findings:
        words = finding.quantity.name
        if finding.judgement.verdict is Verdict.DIFFERS:
            words += f" {tables.change(finding)} {tables.MARKS[finding.direction]}".rstrip()
        said[finding.judgement.verdict].append(words)
    if not comparison.findings:
        return ["Nothing can be compared."]
    sentences = []
    if said[Verdict.DIFFERS]:
        sentences.append(f"From {comparison.before} to {comparison.after} these differ: "
                         + ", ".join(said[Verdict.DIFFERS]) + ".")
    else:
        sentences.append(f"From {comparison.before} to {comparison.after} nothing is seen to "
                         "differ by more than the spread.")
    if said[Verdict.NONE_SEEN]:
        sentences.append(f"No difference seen: {', '.join(said[Verdict.NONE_SEEN])}.")
    if said[Verdict.CANNOT_TELL]:
        sentences.append(f"Cannot tell: {', '.join(said[Verdict.CANNOT_TELL])}.")
    return sentences


def changes(page: Page, report: Report) -> None:
    """The comparisons, those of token modes in a section of their own."""
    for name, title, chosen in (
            ("token-modes", "Token modes",
             [one for one in report.comparisons if one.by_token_mode]),
            ("changes", report.heading,
             [one for one in report.comparisons if not one.by_token_mode])):
        if not chosen:
            continue
        page.section(name, title)
        if len(chosen) > 1:
            page.table(tables.overview(chosen))
        strips = drawings.strips(chosen)
        if len(chosen) == 1:
            compare(page, chosen[0], heading=False)
            strips = strips or drawings.own_strips(chosen[0])
        for strip in strips:
            page.draw(strip)
        if len(chosen) > 1:
            for comparison in chosen:
                compare(page, comparison, heading=True)
                for strip in [] if strips else drawings.own_strips(comparison):
                    page.draw(strip)
        page.text("How the verdicts come about is described below.", "faint screen")


def runs(page: Page, report: Report) -> None:
    """What the runs themselves show."""
    groups = report.groups
    page.section("runs", "Runs")
    page.table(tables.figures(groups))
    page.table(tables.files(groups), folded=len(report.runs) > tables.MOST_RUNS)
    if courses := drawings.courses(groups):
        page.section("time", "Over time")
        for course in courses:
            page.draw(course)
        merged = any(line.thin for course in courses for line in course.lines)
        if merged:
            page.text("Thin lines are the flows of the run that has the same dashes.", "faint")
        if any(course.omitted_until is not None for course in courses):
            page.text("Intervals marked as omitted, with open markers, are not in the sums.")
        if len(report.runs) <= MOST_INTERVAL_TABLES:
            for one in groups:
                for run in one.runs:
                    if run.main.intervals:
                        page.table(tables.intervals(run, one), folded=True)
    if course := drawings.latencies(groups):
        page.section("latency", "Latency")
        page.draw(course)
        if table := tables.latencies(groups):
            page.table(table)
        page.text(
            "Each flow has one exchange under way: a slow one holds back the next. It is the time "
            "that a caller who waits sees, not that of requests at a given rate.", "faint")
    if strip := drawings.flows(groups):
        page.section("flows", "Flows")
        page.draw(strip)
        page.table(tables.flows(groups), folded=len(report.runs) > 2)
    page.section("bytes", "Bytes by kind")
    page.draw(drawings.kinds(groups))
    page.table(tables.kinds(groups))
    if bars := drawings.cpu(groups):
        page.section("cpu", "CPU time")
        page.draw(bars)
        page.table(tables.workers(groups), folded=len(report.runs) > 2)
    page.section("facts", "Set-up")
    if other := tables.other_facts(groups):
        page.table(other)
    page.table(tables.common_facts(groups))


def method(page: Page, report: Report) -> None:
    """How the verdicts come about."""
    page.section("method", "How to read the verdicts")
    page.text(
        "The chance is the probability that the means of both sides differ as much or more if the "
        "sides are the same: of all ways to deal the values to two sides of these sizes, the part "
        "that differs as much (a permutation test; beyond 50 000 ways, 20 000 are drawn). "
        f"“{Verdict.DIFFERS.value}” is said where it is {LEVEL} or less; "
        f"“{Verdict.NONE_SEEN.value}” where it is more, which does not prove that there is "
        f"none; “{Verdict.CANNOT_TELL.value}” where the values are too few to get there "
        f"(fewer than {FEWEST} on a side, or three and three, whose chance is 0.1 at least). "
        "± is the standard deviation of the runs.")
    if report.judged:
        page.text(
            f"{report.judged} differences were judged here. Of so many, {report.judged * LEVEL:.2g}"
            " would be called differences by chance if there were none.")
    if any(one.of == "intervals" for one in report.comparisons):
        page.text(
            "Of single runs the intervals are compared. Neighbouring intervals are not "
            "independent: each run is cut into four parts, whose means are compared. They are "
            "called different only if all parts of one run are above all of the other, and if no "
            "run remembers longer than such a part is, by the autocorrelation of its intervals: "
            "then nothing can be told. What the run did as a whole, and would do differently "
            "another time, does not show in it; a difference of single runs is a reason to repeat "
            "them. Intervals shorter than the others, such as the last one, and omitted ones are "
            "left out.")


def write(report: Report) -> str:
    """The page."""
    page = Page()
    for notice in report.notices:
        page.text(notice, "notice")
    if report.comparisons:
        changes(page, report)
    for table in report.tables:
        if ("tables", "Other figures") not in page.sections:
            page.section("tables", "Other figures")
        page.table(table)
    if report.groups:
        runs(page, report)
    if report.comparisons:
        method(page, report)
    style = (HERE / "page.css").read_text(encoding="utf-8")
    scripts = interactive.library(), (HERE / "page.js").read_text(encoding="utf-8")
    allowed = " ".join(
        "'sha256-" + base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() + "'"
        for one in scripts)
    policy = (f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
              "img-src data: blob:; base-uri 'none'; form-action 'none'")
    links = "".join(
        f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in page.sections)
    lines = "".join(f"<p>{escape(line)}</p>" for line in report.lines)
    return "\n".join([
        '<!DOCTYPE html>', '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(report.title)}</title>", f"<style>{style}</style>",
        "</head>", "<body>", f"<header><h1>{escape(report.title)}</h1>{lines}</header>",
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>',
        "<noscript><p>The plots need JavaScript; the tables hold the same figures.</p></noscript>",
        "<main>", *page.parts, "</main>",
        f"<script>{scripts[0]}</script>", f"<script>{scripts[1]}</script>", "</body>", "</html>",
        ""])
