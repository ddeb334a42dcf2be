"""The table of differences on purpose: reads it, compares transcripts with it, and writes docs/differences.md.

`differences.json` is a list of rows: `id`, `topic`, and in words `theirs` (python-socketio's),
`ours` and `why`. `cases` has, for each case that shows the difference, the lines in which the two
transcripts differ. A row without cases names the test that shows it (`test`).
Run this file to write `docs/differences.md`.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "differences.json"
PAGE = Path(__file__).parent.parent.parent / "docs" / "differences.md"

TOPICS = {
    "connect": "Connecting",
    "events": "Events and acknowledgements",
    "json": "Data",
    "rooms": "Targets and rooms",
    "ends": "Ends of connections",
    "http": "Requests",
}
HEAD = """# What differs from python-socketio, on purpose

This page is for applications that move from python-socketio. It lists every difference on purpose, with its reason;
[migration.md](migration.md) says what to change.

Everything else that `tests/parity/cases` tries is the same. The tests run each case on python-socketio under uvicorn
and on fanio, and compare what a raw client sees. `make differences` writes this page from
`tests/parity/differences.json`.
"""

Lines = dict[str, list[str]]


def rows() -> list[dict[str, Any]]:
    """The rows of the table."""
    found: list[dict[str, Any]] = json.loads(TABLE.read_text())
    return found


def rows_of(case: str) -> Lines:
    """The lines in which a case is allowed to differ."""
    for row in rows():
        if case in row.get("cases", {}):
            found: Lines = row["cases"][case]
            return found
    return {"theirs": [], "ours": []}


def differing_lines(theirs: list[str], ours: list[str]) -> Lines:
    """The lines that only one of two transcripts has, in order."""
    found: Lines = {"theirs": [], "ours": []}
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind != "equal":
            found["theirs"] += theirs[first:last]
            found["ours"] += ours[start:end]
    return found


def page() -> str:
    """The table as the documents show it."""
    found = [HEAD]
    for topic, title in TOPICS.items():
        lines = [line(row) for row in rows() if row["topic"] == topic]
        found.append(
            f"## {title}\n\n| | python-socketio 5.18 | fanio | why |\n|---|---|---|---|\n" + "\n".join(lines) + "\n"
        )
    return "\n".join(found)


def line(row: dict[str, Any]) -> str:
    """A row as Markdown."""
    cells = [row[name].replace("|", "\\|") for name in ("what", "theirs", "ours", "why")]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
