# SPDX-License-Identifier: GPL-2.0-only
"""Draws a report with matplotlib: a picture (PNG, SVG) as high as it has to be, or a document of A4
pages (PDF)."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.backends.backend_pdf import PdfPages  # noqa: E402

from . import drawings, tables  # noqa: E402
from .contents import Report  # noqa: E402
from .drawings import COLOURS, MOST_MARKERS, Bars, Course, Drawing, Strip  # noqa: E402
from .tables import Table  # noqa: E402

# Inches
WIDTH, PAGE, MARGIN, LEFT = 8.27, 11.69, 0.5, 0.75
LINE = 0.128
# Points, and how many letters of the fixed font fit between the margins
SMALL, LETTERS = 6.5, 132
DOTS_PER_INCH = 150
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3))}
MARKERS = {"circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "x": "x",
           "star": "*", "cross": "P"}
HATCHES = ("", "///", "...")
SETTINGS = {
    # What documents say is no formula.
    "text.parse_math": False, "text.usetex": False,
    "font.family": "DejaVu Sans", "font.size": 8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#d8d8d8",
    "axes.axisbelow": True, "hatch.color": "white", "hatch.linewidth": 0.6,
    # Text stays text, and the same report is the same file.
    "svg.fonttype": "none", "svg.hashsalt": "ncdevmem", "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Block:
    """A part of the picture: its height in inches, and what draws it into axes of that height."""

    height: float
    draw: Callable[[Axes], None]
    # Inches that axes leave free above (title) and below (labels)
    above: float = 0.0
    below: float = 0.0


def write(report: Report, form: str) -> bytes:
    """The picture in a format: png, svg or pdf."""
    with matplotlib.rc_context(SETTINGS):
        blocks = list(_blocks(report))
        output = io.BytesIO()
        if form == "pdf":
            _document(blocks, output, report.title)
        else:
            height = 2 * MARGIN + sum(block.height for block in blocks)
            figure = _figure(blocks, height)
            metadata = {"svg": {"Date": None, "Title": report.title}, "png": {}}[form]
            figure.savefig(output, format=form, dpi=DOTS_PER_INCH, metadata=metadata)
            pyplot.close(figure)
        return output.getvalue()


def _document(blocks: list[Block], output: io.BytesIO, title: str) -> None:
    """As many pages as it takes."""
    pages: list[list[Block]] = [[]]
    room = PAGE - 2 * MARGIN
    for block in blocks:
        if block.height > room and pages[-1]:
            pages.append([])
            room = PAGE - 2 * MARGIN
        pages[-1].append(block)
        room -= block.height
    with PdfPages(output, metadata={"Title": title, "CreationDate": None}) as document:
        for page in pages:
            figure = _figure(page, PAGE)
            document.savefig(figure)
            pyplot.close(figure)


def _figure(blocks: list[Block], height: float) -> pyplot.Figure:
    """Blocks below one another."""
    figure = pyplot.figure(figsize=(WIDTH, height))
    top = MARGIN
    for block in blocks:
        bottom = height - top - block.height + block.below
        axes = figure.add_axes((
            LEFT / WIDTH, bottom / height, (WIDTH - LEFT - MARGIN) / WIDTH,
            (block.height - block.above - block.below) / height))
        block.draw(axes)
        top += block.height
    return figure


def _blocks(report: Report):
    """The parts, from top to bottom."""
    yield _text([report.title], size=14, bold=True)
    words = [*report.lines, *(f"Note: {notice}" for notice in report.notices)]
    if words:
        yield from _paragraph(words)
    strips = drawings.strips(report.comparisons)
    for comparison in report.comparisons:
        yield from _table(tables.compared(comparison))
        if comparison.notes:
            yield from _paragraph(comparison.notes)
        if not strips:
            for strip in drawings.own_strips(comparison):
                yield from _drawing(strip)
    for strip in strips:
        yield from _drawing(strip)
    for table in report.tables:
        yield from _table(table)
    if not report.groups:
        return
    for course in drawings.courses(report.groups):
        yield from _drawing(course)
    for drawing in (drawings.latencies(report.groups), drawings.flows(report.groups),
                    drawings.kinds(report.groups),
                    drawings.cpu(report.groups)):
        if drawing:
            yield from _drawing(drawing)
    if latencies := tables.latencies(report.groups):
        yield from _table(latencies)
    yield from _table(tables.figures(report.groups))
    yield from _table(tables.files(report.groups))
    if other := tables.other_facts(report.groups):
        yield from _table(other)
    yield from _table(tables.common_facts(report.groups))


def _text(lines: list[str], size: float = SMALL, bold: bool = False, fixed: bool = False) -> Block:
    """Lines of text."""
    step = LINE * size / SMALL

    def draw(axes: Axes) -> None:
        axes.set_axis_off()
        height = step * len(lines) + 0.1
        for index, line in enumerate(lines):
            axes.text(
                (MARGIN - LEFT) / (WIDTH - LEFT - MARGIN), 1 - step * (index + 0.8) / height, line,
                transform=axes.transAxes, fontsize=size, fontweight="bold" if bold else "normal",
                family="DejaVu Sans Mono" if fixed else None, verticalalignment="baseline")

    return Block(step * len(lines) + 0.1, draw)


def _pieces(lines: list[str], fixed: bool):
    """Text that may break between pages."""
    most = int((PAGE - 2 * MARGIN) / LINE) - 2
    for first in range(0, len(lines), most):
        yield _text(lines[first:first + most], fixed=fixed)


def _paragraph(words: list[str]):
    """Sentences, each on lines of its own."""
    lines = [line for sentence in words for line in textwrap.wrap(sentence, LETTERS) or [""]]
    yield from _pieces(lines, fixed=False)


def _table(table: Table):
    """A table in the fixed font; columns that do not fit stand below the others."""
    columns = zip(*[table.head, *table.rows])
    first, *others = ([_cut(cell) for cell in column] for column in columns)
    lines = [table.title]
    while others or len(lines) == 1:
        taken, width = [first], _width(first)
        while others and (len(taken) == 1 or width + 2 + _width(others[0]) <= LETTERS):
            width += 2 + _width(others[0])
            taken.append(others.pop(0))
        for cells in zip(*taken):
            name, *values = cells
            lines.append("  ".join(
                [name.ljust(_width(first))]
                + [cell.rjust(_width(column)) for cell, column in zip(values, taken[1:])]).rstrip())
        lines.append("")
    yield from _pieces(lines, fixed=True)


def _cut(cell: str) -> str:
    """No cell is wider than half a page."""
    return cell if len(cell) <= LETTERS // 2 else cell[:LETTERS // 2 - 1] + "…"


def _width(column) -> int:
    return max(map(len, column))


def _drawing(drawing: Drawing):
    """A drawing; rows that do not fit on a page continue in another."""
    if isinstance(drawing, Strip):
        most = 20
        for first in range(0, len(drawing.rows), most):
            part = Strip(
                drawing.title, drawing.unit, drawing.rows[first:first + most], drawing.alt)
            yield Block(
                0.95 + 0.42 * len(part.rows), lambda axes, part=part: _strip(axes, part), 0.35, 0.5)
    elif isinstance(drawing, Bars):
        yield Block(
            1.15 + 0.42 * len(drawing.labels), lambda axes: _bars(axes, drawing), 0.35, 0.7)
    else:
        names = _legend(drawing)
        yield Block(
            2.6 + LINE * -(-len(names) // 2), lambda axes: _course(axes, drawing), 0.35,
            0.55 + LINE * -(-len(names) // 2))


def _legend(course: Course) -> list[str]:
    return list(dict.fromkeys(line.legend for line in course.lines if line.legend))


def _name(axes: Axes, drawing: Drawing) -> None:
    """Title and unit."""
    axes.set_title(drawing.title, loc="left", fontweight="bold", fontsize=9)


def _course(axes: Axes, course: Course) -> None:
    _name(axes, course)
    shown: set[str] = set()
    for line in course.lines:
        colour = COLOURS[line.style % len(COLOURS)]
        marker = MARKERS[drawings.MARKERS[line.style % len(MARKERS)]]
        values = [float("nan") if value is None else value for value in line.values]
        new = bool(line.legend) and line.legend not in shown
        shown.add(line.legend)
        axes.plot(
            line.times, values, color=colour, linewidth=0.6 if line.thin else 1.4,
            alpha=0.5 if line.thin else 1, linestyle=DASHES[
                drawings.DASHES[line.style % len(drawings.DASHES)]],
            label=_visible(line.legend) if new else None)
        if not line.thin:
            for omitted in (False, True):
                places = [
                    index for index, is_so in enumerate(line.omitted)
                    if is_so == omitted and index % -(-len(values) // MOST_MARKERS) == 0]
                if places:
                    axes.plot(
                        [line.times[index] for index in places],
                        [values[index] for index in places], linestyle="none", marker=marker,
                        markersize=4, color=colour, markerfacecolor="white" if omitted else colour)
    if course.omitted_until is not None:
        axes.axvspan(0, course.omitted_until, color="#808080", alpha=0.18, linewidth=0)
        axes.text(0, 1, " omitted", transform=axes.get_xaxis_transform(), va="top")
    if course.logarithmic:
        axes.set_yscale("log")
        # Its own labels are formulas, which SETTINGS forbids.
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda *_: "")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    if course.ticks is not None:
        axes.set_xticks(list(course.ticks), list(course.ticks.values()))
    axes.set_ylabel(course.unit)
    axes.set_xlabel(course.along)
    # The legend stands below the label of the axis.
    height = 2.6 - 0.35 - 0.55
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, -0.36 / height), ncol=2, fontsize=SMALL,
        frameon=False, borderaxespad=0, handlelength=3.5, labelspacing=0.2)


def _visible(words: str) -> str:
    """A label of a legend: matplotlib keeps those that begin with _ out of it."""
    short = words if len(words) <= 56 else words[:55] + "…"
    return "\u200b" + short if short.startswith("_") else short


def _strip(axes: Axes, strip: Strip) -> None:
    _name(axes, strip)
    for place, row in enumerate(strip.rows):
        colour = COLOURS[row.style % len(COLOURS)]
        axes.plot(
            row.values, [place + 0.07 * (index % 5 - 2) for index in range(len(row.values))],
            linestyle="none", color=colour, markersize=5, alpha=0.75,
            marker=MARKERS[drawings.MARKERS[row.style % len(MARKERS)]])
        mean = sum(row.values) / len(row.values)
        axes.plot([mean, mean], [place - 0.27, place + 0.27], color=colour, linewidth=2)
        axes.text(0.003, place - 0.3, f"{row.label}: {row.note}", fontsize=SMALL,
                  transform=axes.get_yaxis_transform(), verticalalignment="bottom")
    _ruled(axes, len(strip.rows), strip.unit)


def _bars(axes: Axes, bars: Bars) -> None:
    _name(axes, bars)
    stacked = bars.stacked
    left = [0.0] * len(bars.labels)
    thick = 0.36 if stacked else 0.36 / len(bars.parts)
    for index, (part, values) in enumerate(bars.parts.items()):
        places = [place + 0.1 + (0 if stacked else thick * index) for place in range(len(values))]
        axes.barh(
            places, values, height=thick, left=left if stacked else None, color=COLOURS[index],
            hatch=HATCHES[index], label=part)
        left = [before + value for before, value in zip(left, values)]
    for place, label in enumerate(bars.labels):
        axes.text(0.003, place - 0.14, label, fontsize=SMALL,
                  transform=axes.get_yaxis_transform(), verticalalignment="bottom")
    _ruled(axes, len(bars.labels), bars.unit)
    height = 1.15 + 0.42 * len(bars.labels) - 0.35 - 0.7
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.42 / height), ncol=3, fontsize=SMALL,
                frameon=False, borderaxespad=0)


def _ruled(axes: Axes, rows: int, unit: str) -> None:
    """Axes of rows: the values along, from 0, and no labels across."""
    axes.set_ylim(rows - 0.4, -0.8)
    axes.set_yticks([])
    axes.set_xlim(left=0)
    axes.set_xlabel(unit)
