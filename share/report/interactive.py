# SPDX-License-Identifier: GPL-2.0-only
"""Draws for the page, with plotly: figures to move about in, as JSON for plotly.js."""

from __future__ import annotations

import json
from html import escape

import plotly.graph_objects as plotly
from plotly.offline import get_plotlyjs

from .drawings import COLOURS, DASHES, MARKERS, MOST_MARKERS, Bars, Course, Drawing, Row, Strip

# plotly.js takes some tags in labels for its own; and a label is no longer than a phone is wide.
MOST_LETTERS = 48
PATTERNS = ("", "/", ".")
ROW_HEIGHT = 42


def library() -> str:
    """plotly.js, for a page that needs no network."""
    return get_plotlyjs()


def text(words: str, after: str = "") -> str:
    """Words that plotly.js shows as they are, cut to make room for what stands after them."""
    most = max(MOST_LETTERS - len(after), 8)
    short = words if len(words) <= most else words[:most - 1] + "…"
    return escape(short + after)


def figure(drawing: Drawing) -> str:
    """A drawing as JSON that may stand in a script element."""
    made = _FIGURES[type(drawing)](drawing)
    made.update_layout(
        template="none", autosize=True, hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13})
    return json.dumps(json.loads(made.to_json()), sort_keys=True).replace("<", "\\u003c").replace(
        ">", "\\u003e").replace("&", "\\u0026")


def _course(course: Course) -> plotly.Figure:
    made = plotly.Figure()
    shown: set[str] = set()
    for line in course.lines:
        new = not line.thin and line.legend not in shown
        if new:
            shown.add(line.legend)
        colour = COLOURS[line.style % len(COLOURS)]
        symbol = MARKERS[line.style % len(MARKERS)]
        made.add_trace(plotly.Scatter(
            x=line.times, y=line.values, name=text(line.legend or line.label),
            text=[f"{text(line.label)}, {span}" for span in line.spans],
            legendgroup=text(line.legend or line.label),
            mode="lines" if line.thin else "lines+markers", opacity=0.55 if line.thin else 1,
            line={"color": colour, "width": 1 if line.thin else 2,
                  "dash": DASHES[line.style % len(DASHES)]},
            marker={"color": colour, "size": 7, "maxdisplayed": MOST_MARKERS, "symbol": [
                f"{symbol}-open" if omitted else symbol for omitted in line.omitted]},
            showlegend=new,
            hovertemplate=f"%{{text}}: %{{y:.4g}} {escape(course.unit)}<extra></extra>"))
    if course.omitted_until is not None:
        made.add_vrect(
            x0=0, x1=course.omitted_until, fillcolor="#808080", opacity=0.18, line_width=0,
            annotation_text="omitted", annotation_position="top left")
    made.update_layout(
        height=310 + 21 * len(shown), margin={"l": 56, "r": 12, "t": 12, "b": 48},
        legend={"orientation": "h", "x": 0, "y": -0.27, "yanchor": "top"},
        xaxis={"title": {"text": escape(course.along), "standoff": 6}, "rangemode": "tozero",
               "zeroline": False, **({} if course.ticks is None else {
                   "tickvals": list(course.ticks), "ticktext": list(course.ticks.values())})},
        yaxis={"title": escape(course.unit), "zeroline": False, **(
            {"type": "log", "dtick": 1} if course.logarithmic else {"rangemode": "tozero"})})
    return made


def _rows(rows: list[Row]) -> list[float]:
    """How far down each row is."""
    places, place = [], 0.0
    for row in rows:
        place += 1 if row.joined or not places else 1.4
        places.append(place)
    return places


def _strip(strip: Strip) -> plotly.Figure:
    made = plotly.Figure()
    places = _rows(strip.rows)
    for row, place in zip(strip.rows, places):
        colour = COLOURS[row.style % len(COLOURS)]
        mean = sum(row.values) / len(row.values)
        made.add_trace(plotly.Scatter(
            x=row.values, y=[place + 0.07 * (index % 5 - 2) for index in range(len(row.values))],
            mode="markers", name=text(row.label), showlegend=False,
            marker={"color": colour, "size": 9, "opacity": 0.9,
                    "symbol": MARKERS[row.style % len(MARKERS)]},
            hovertemplate=f"%{{x:.4g}} {escape(strip.unit)}<extra>%{{fullData.name}}</extra>"))
        made.add_shape(
            type="line", x0=mean, x1=mean, y0=place - 0.27, y1=place + 0.27,
            line={"color": colour, "width": 3})
        made.add_annotation(
            text=text(row.label, f": {row.note}"), x=0, xref="paper", y=place - 0.32, yref="y",
            showarrow=False, xanchor="left", yanchor="bottom", font={"size": 12})
    made.update_layout(
        height=70 + round(ROW_HEIGHT * (places[-1] + 0.5)),
        margin={"l": 12, "r": 12, "t": 6, "b": 44},
        xaxis={"title": escape(strip.unit), "rangemode": "tozero", "zeroline": True},
        yaxis={"visible": False, "range": [places[-1] + 0.5, 0.2], "fixedrange": True})
    return made


def _bars(bars: Bars) -> plotly.Figure:
    made = plotly.Figure()
    places = list(range(len(bars.labels)))
    for index, (part, values) in enumerate(bars.parts.items()):
        made.add_trace(plotly.Bar(
            y=places, x=values, name=text(part), orientation="h",
            customdata=[text(label) for label in bars.labels],
            # Without a colour of its own the ground of a pattern is clear.
            marker={"color": COLOURS[index], "pattern": {
                "shape": PATTERNS[index], "bgcolor": COLOURS[index], "fgcolor": "#ffffff",
                "size": 6}},
            hovertemplate=f"%{{customdata}}: %{{x:.4g}} {escape(bars.unit)}"
                          "<extra>%{fullData.name}</extra>"))
    for place, label in zip(places, bars.labels):
        made.add_annotation(
            text=text(label), x=0, xref="paper", y=place - 0.32, yref="y", showarrow=False,
            xanchor="left", yanchor="bottom", font={"size": 12})
    made.update_layout(
        barmode="stack" if bars.stacked else "group", bargap=0.5,
        height=100 + 52 * len(places), margin={"l": 12, "r": 12, "t": 6, "b": 44},
        legend={"orientation": "h", "x": 0, "y": -52 / (52 * len(places)), "yanchor": "top",
                "traceorder": "normal"},
        xaxis={"title": escape(bars.unit), "rangemode": "tozero",
               **({"range": [0, 100]} if bars.stacked else {})},
        yaxis={"visible": False, "range": [len(places) - 0.5, -0.9], "fixedrange": True})
    return made


_FIGURES = {Course: _course, Strip: _strip, Bars: _bars}
