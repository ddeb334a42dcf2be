"""Draws a chart as SVG: dots on a logarithmic scale, one line for each server, in blocks.

Every text has a line of its own or a column of its own, so nothing can overlap. The colours follow the reader's light
or dark mode. Knows nothing of servers. Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Row", "chart"]

WIDTH, LEFT, RIGHT = 860, 150, 690
LINE, TITLE_LINE, BLOCK_GAP, TOP, BOTTOM = 19, 22, 12, 64, 20
STYLE = """
    svg { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; }
    .back { fill: #ffffff; } text { fill: #24292f; } .soft { fill: #57606a; }
    .title { font-size: 16px; font-weight: 600; } .block { font-weight: 600; }
    .grid { stroke: #d8dee4; } .one { stroke: #57606a; }
    .bar { stroke: #8c959f; stroke-width: 2; } .dot { fill: #57606a; }
    .mine .bar { stroke: #cf4a00; } .mine .dot { fill: #cf4a00; } .mine text { fill: #cf4a00; font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .back { fill: #0d1117; } text { fill: #e6edf3; } .soft { fill: #9198a1; }
      .grid { stroke: #30363d; } .one { stroke: #9198a1; }
      .bar { stroke: #6e7681; } .dot { fill: #b1bac4; }
      .mine .bar { stroke: #ff9d57; } .mine .dot { fill: #ff9d57; } .mine text { fill: #ff9d57; }
    }
"""


@dataclass(frozen=True)
class Row:
    """One server in one block: ``value`` with its interval on the scale, ``text`` beside it."""

    name: str
    value: float
    low: float
    high: float
    text: str
    is_mine: bool = False


def chart(title: str, axis: str, blocks: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """Return the SVG.

    Args:
        title: Stands above.
        axis: What the scale is.
        blocks: Each with its heading and its rows; all values are above 0.
    """
    rows = [row for _, rows in blocks for row in rows]
    decades = range(
        math.floor(math.log10(min(row.low for row in rows))),
        math.ceil(math.log10(max(row.high for row in rows))) + 1,
    )
    height = TOP + sum(TITLE_LINE + BLOCK_GAP + LINE * len(rows) for _, rows in blocks) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        text(16, 26, title, "title"),
        text(16, 46, axis, "soft"),
    ]
    parts += grid(decades, height)
    y = float(TOP)
    for heading, block in blocks:
        parts.append(f'<rect class="back" y="{y + BLOCK_GAP - 2:.1f}" width="{WIDTH}" height="{TITLE_LINE}"/>')
        y += BLOCK_GAP + TITLE_LINE
        parts.append(text(16, y - 6, heading, "block"))
        for row in block:
            parts += line(row, y + LINE / 2, decades)
            y += LINE
    return "\n".join([*parts, "</svg>"]) + "\n"


def position(value: float, decades: range) -> float:
    """Return where a value is on the scale."""
    part = (math.log10(value) - decades[0]) / max(1, decades[-1] - decades[0])
    return LEFT + part * (RIGHT - LEFT)


def grid(decades: range, height: float) -> list[str]:
    parts = []
    for decade in decades:
        x = position(10.0**decade, decades)
        style = "one" if decade == 0 else "grid"
        parts.append(f'<line class="{style}" x1="{x:.1f}" y1="{TOP + 6}" x2="{x:.1f}" y2="{height - BOTTOM}"/>')
        label = f"{10**decade:,}" if decade >= 0 else f"1/{10**-decade:,}"
        parts.append(text(x, TOP, label, "soft", "middle"))
    return parts


def line(row: Row, y: float, decades: range) -> list[str]:
    low, middle, high = (position(value, decades) for value in (row.low, row.value, row.high))
    return [
        '<g class="mine">' if row.is_mine else "<g>",
        text(LEFT - 12, y + 4, row.name, "", "end"),
        f'<line class="bar" x1="{low:.1f}" y1="{y:.1f}" x2="{max(high, low + 0.1):.1f}" y2="{y:.1f}"/>',
        f'<circle class="dot" cx="{middle:.1f}" cy="{y:.1f}" r="4.5"/>',
        text(WIDTH - 16, y + 4, row.text, "soft", "end"),
        "</g>",
    ]


def text(x: float, y: float, content: str, style: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(content)}</text>'
