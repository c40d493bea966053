# SPDX-License-Identifier: GPL-2.0-only
"""Draws idle % and CPU time of both modes, each run a dot, as SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

# A panel for each measurement, in two columns: idle % and CPU time.
WIDTH, ROW, HEAD = 780, 150, 50
LEFT, PANEL = 220, 270
COLOURS = {"1": "#b4543a", "0": "#2f6f9f"}
QUANTITIES = {"idle_percent": "RX workers' CPUs: idle %",
              "thread_cpu_seconds_per_gib": "worker threads: CPU s/GiB"}


def label(x: float, y: float, text: str, size: int = 12, anchor: str = "middle") -> str:
    """A line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">'
            f"{escape(text)}</text>")


def panel(left: float, top: float, seen: dict) -> list[str]:
    """One quantity: for each mode a line of dots from 0 to the largest value, its mean a mark."""
    most = max(max(seen[mode]["values"]) for mode in COLOURS) * 1.05 or 1
    parts = [
        f'<line x1="{left}" x2="{left + PANEL - 20}" y1="{top + 96}" y2="{top + 96}" '
        'stroke="#999"/>',
        label(left, top + 112, "0", 11),
        label(left + PANEL - 20, top + 112, f"{most:.3g}", 11),
        label(left + (PANEL - 20) / 2, top + 112, f"chance {seen['chance']:.3f}", 11)]
    for row, (mode, colour) in enumerate(COLOURS.items()):
        y = top + 30 + 42 * row

        def across(value: float) -> float:
            return left + value / most * (PANEL - 20)

        x = across(seen[mode]["mean"])
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 12}" y2="{y + 12}" '
                     f'stroke="{colour}" stroke-width="3"/>')
        parts += [
            f'<circle cx="{across(value):.1f}" cy="{y + (index % 5 - 2) * 4}" r="3" '
            f'fill="{colour}" fill-opacity="0.6"/>'
            for index, value in enumerate(seen[mode]["values"])]
        parts.append(label(left, y - 14, f"-a {mode}: {seen[mode]['mean']:.2f} "
                           f"± {seen[mode]['stdev']:.2f}", 11, "start"))
    return parts


def draw(document: dict) -> str:
    """The picture of all measurements."""
    shapes = document["shapes"]
    kernel = shapes[0]["reports"][0]["host"]["kernel"]
    height = HEAD + ROW * len(shapes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        label(WIDTH / 2, 18, f"{kernel}, {document['runs']} runs in each mode, "
              f"{document['cpus']} emulated CPUs on {document['host_cpus']}")]
    for column, title in enumerate(QUANTITIES.values()):
        parts.append(label(LEFT + PANEL * column + PANEL / 2, 40, title, 13))
    for row, shape in enumerate(shapes):
        top = HEAD + ROW * row
        parts.append(label(10, top + 50, f"{shape['nic']}:", 12, "start"))
        parts.append(label(10, top + 68, shape["title"], 12, "start"))
        for column, name in enumerate(QUANTITIES):
            parts += panel(LEFT + PANEL * column, top, shape["figures"][name])
    return "\n".join([*parts, "</svg>"]) + "\n"
