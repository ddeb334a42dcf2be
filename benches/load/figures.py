"""Numbers of a comparison: paired ratios, their median and its interval, the table.

Knows nothing of processes. Absolute CPU times move by a third from minute to minute on a shared machine; the ratio of
two servers in the same round moves far less, so that is what is compared.
"""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["interval", "paired", "render", "show", "summary"]

RESAMPLES = 4000


def paired(values: Sequence[float | None], base: Sequence[float | None]) -> list[float]:
    """Return the ratios of the rounds that have both; one server may have had fewer rounds."""
    return [value / other for value, other in zip(values, base, strict=False) if value is not None and other]


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the bootstrap 95 % interval of the median; with fewer than five ratios it is just their range."""
    if len(ratios) < 5:
        return min(ratios), max(ratios)
    source = random.Random(1)
    medians = sorted(median(source.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)]


def summary(values: Sequence[float | None], base: Sequence[float | None]) -> dict[str, float | int] | None:
    """Return the median of the paired ratios, its interval and how many there are."""
    ratios = paired(values, base)
    if not ratios:
        return None
    low, high = interval(ratios)
    return {"ratio": median(ratios), "low": low, "high": high, "pairs": len(ratios)}


def show(number: float) -> str:
    """Return a number with three digits that count."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def render(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in padded]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
