# SPDX-License-Identifier: GPL-2.0-only
"""Draws idle % and CPU time of both modes, each run a dot, as SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 360
TOP, BOTTOM = 60, 300
COLOURS = {"1": "#b4543a", "0": "#2f6f9f"}


def label(x: float, y: float, text: str, size: int = 12, anchor: str = "middle") -> str:
    """A line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">'
            f"{escape(text)}</text>")


def panel(left: int, title: str, modes: dict[str, dict], names: dict[str, str]) -> list[str]:
    """One quantity: a column of dots for each mode, its mean as a line."""
    top = max(max(seen["values"]) for seen in modes.values()) * 1.1 or 1

    def height(value: float) -> float:
        return BOTTOM - value / top * (BOTTOM - TOP)

    parts = [label(left + 150, 40, title, 14)]
    for step in range(6):
        value = top * step / 5
        y = height(value)
        parts.append(f'<line x1="{left + 50}" x2="{left + 290}" y1="{y:.1f}" y2="{y:.1f}" '
                     'stroke="#ddd"/>')
        parts.append(label(left + 44, y + 4, f"{value:.3g}", 11, "end"))
    for column, (mode, seen) in enumerate(modes.items()):
        x = left + 110 + column * 120
        y = height(seen["mean"])
        parts.append(f'<line x1="{x - 36}" x2="{x + 36}" y1="{y:.1f}" y2="{y:.1f}" '
                     f'stroke="{COLOURS[mode]}" stroke-width="3"/>')
        for number, value in enumerate(seen["values"]):
            shift = (number - (len(seen["values"]) - 1) / 2) * 5
            parts.append(f'<circle cx="{x + shift:.1f}" cy="{height(value):.1f}" r="3" '
                         f'fill="{COLOURS[mode]}" fill-opacity="0.6"/>')
        parts.append(label(x, BOTTOM + 20, f"-a {mode}: {seen['mean']:.2f}"))
        parts.append(label(x, BOTTOM + 36, names[mode].partition(" (")[0], 11))
    return parts


def draw(document: dict) -> str:
    """The picture of a measurement."""
    figures, names = document["figures"], document["modes"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        label(WIDTH / 2, 18, f"{document['kernel']}, {document['flows']} flows, "
              f"{document['runs']} runs, {document['cpus']} emulated CPUs"),
        *panel(20, "RX workers' CPUs: idle %", figures["idle_percent"], names),
        *panel(370, "worker threads: CPU s/GiB", figures["thread_cpu_seconds_per_gib"], names),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
