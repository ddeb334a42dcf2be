"""Makes tables and charts of the records of ``run.py``: ``python benches/load/report.py [RECORD.json]``.

Without argument it takes the newest record. Draws the charts into benches/results, and writes the tables between their
marks in benches/README.md and README.md, so that no number there is typed by hand. Standard library only.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from charts import Row, chart
from figures import render, show, summary

__all__ = ["judged", "terminal_table", "values"]

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benches" / "results"
BASES = ("floor", "socketioxide", "node", "netty-socketio", "python-socketio")
#: The charts: their titles and scales, what everything in them is divided by, and the groups of their cases.
CHARTS = {
    "fanout": (
        "Server CPU for each message delivered",
        "times the bare loop of send(2), logarithmic; less is better",
        "floor",
        ("one broadcast at a time", "queued", "one binary broadcast at a time"),
    ),
    "clients": (
        "Server CPU and memory for each client and answer",
        "times Node's, logarithmic; less is better",
        "node",
        ("event with ack", "connect", "idle memory"),
    ),
    "latency": (
        "Until the last client has a broadcast",
        "milliseconds, logarithmic; the dot is the median, the bar ends at the 99th percentile",
        None,
        ("one broadcast at a time",),
    ),
}


def values(case: dict[str, Any], server: str) -> list[float | None]:
    """Return the figure of each round of a server; None where there is none."""
    return [run[case["figure"]] if run else None for run in case["runs"].get(server, [])]


def middle(case: dict[str, Any], server: str) -> float | None:
    """Return the median of a server's rounds."""
    known = [value for value in values(case, server) if value is not None]
    return median(known) if known else None


def ratio(case: dict[str, Any], server: str, base: str) -> dict[str, float | int] | None:
    """Return the summary of the paired ratios of two servers."""
    # The floor keeps nothing of an idle client: a ratio to it says nothing.
    if case["group"] == "idle memory" and base == "floor":
        return None
    if not values(case, server) or not values(case, base):
        return None
    return summary(values(case, server), values(case, base))


def shown_ratio(found: dict[str, float | int] | None) -> str:
    if found is None:
        return "–"
    if found["pairs"] == 1:
        return show(found["ratio"])
    return f"{show(found['ratio'])} ({show(found['low'])}–{show(found['high'])})"


def terminal_table(record: dict[str, Any]) -> str:
    """Return one line for each case and server: the median, and its ratios to the floor and to Node."""
    rows = [["work", "server", "median", "× floor (95 %)", "× node (95 %)"]]
    for case in record["cases"]:
        for server in case["runs"]:
            value = middle(case, server)
            row = [f"{case['group']}: {case['name']}", server]
            row.append("no result" if value is None else f"{show(value)} {case['unit']}")
            rows.append(row + [shown_ratio(ratio(case, server, base)) for base in ("floor", "node")])
    return render(rows)


def judged(case: dict[str, Any]) -> str:
    """Return the goals of a case, each with what was reached."""
    texts = []
    for goal in case["goals"]:
        if goal["base"]:
            found = ratio(case, case["subject"], goal["base"])
            reached = found["ratio"] if found else None
        else:
            reached = middle(case, case["subject"])
        verdict = "not measured" if reached is None else "met" if reached <= goal["limit"] else "**not met**"
        texts.append(
            f"{goal['text']}: {verdict}" + ("" if reached is None or verdict == "met" else f" ({show(reached)})")
        )
    return "; ".join(texts) or "–"


def short_table(record: dict[str, Any]) -> str:
    """Return fanio's figures, and how many times as much each peer takes."""
    peers = [base for base in BASES if base != "floor" and base in record["versions"]]
    rows = [["work, server CPU or memory", "fanio", "fanio ÷ floor", *(f"{peer} ÷ fanio" for peer in peers)]]
    for case in record["cases"]:
        subject, value = case["subject"], middle(case, case["subject"])
        if value is None or subject != "fanio":
            continue
        row = [f"{case['group']}, {case['name']}", f"{show(value)} {case['unit']}"]
        row.append(shown_middle(ratio(case, subject, "floor")))
        rows.append(row + [shown_middle(ratio(case, peer, subject)) for peer in peers])
    return render(rows)


def shown_middle(found: dict[str, float | int] | None) -> str:
    return show(found["ratio"]) if found else "–"


def long_table(record: dict[str, Any]) -> str:
    """Return one line for each case: the floor and fanio, fanio's ratio to each base with its interval, the goals."""
    bases = [base for base in BASES if base in record["versions"]]
    rows = [["work", "floor", "fanio", *(f"× {base} (95 %)" for base in bases), "goal"]]
    for case in record["cases"]:
        subject = case["subject"]
        medians = [middle(case, server) for server in ("floor", subject)]
        row = [f"{case['group']}: {case['name']}"]
        row += ["–" if value is None else f"{show(value)} {case['unit']}" for value in medians]
        row += [shown_ratio(ratio(case, subject, base)) for base in bases]
        rows.append([*row, judged(case)])
    return render(rows)


def worse(record: dict[str, Any]) -> list[str]:
    """Return where a peer takes less than fanio."""
    found = []
    for case in record["cases"]:
        for peer in BASES[1:]:
            against = ratio(case, "fanio", peer)
            if against and against["ratio"] > 1:
                found.append(f"{case['group']}, {case['name']}: {show(against['ratio'])} × {peer}")
    return found


def provenance(record: dict[str, Any], path: Path) -> str:
    """Return what the numbers depend on."""
    machine, options = record["machine"], record["options"]
    versions = "; ".join(
        f"{server}: {', '.join(f'{name} {version}' for name, version in names.items())}"
        for server, names in record["versions"].items()
    )
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; commit {record['commit']}, "
        f"{record['date'][:10]}; {options['rounds']} rounds of {options['seconds']} s, "
        f"{record['dropped_for_steal']} runs dropped for steal; [{path.name}](results/{path.name}) has every run.",
        f"Versions: {versions}.",
    ]
    if record.get("profile"):
        lines.append(f"Not to be quoted: fanio's core may have been built with {record['profile']}.")
    lines += [f"Not measured: {name}: {reason}." for name, reason in record["not_measured"].items()]
    lines += [f"Left out: {text}." for text in record["left_out"]]
    lines += [f"Failed: {text}." for text in record["failures"]]
    found = worse(record)
    lines.append(f"Worse than a peer: {'; '.join(found)}." if found else "Worse than a peer: nothing in this table.")
    return "\n\n".join(lines)


def draw(record: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the charts of a record."""
    paths = []
    for name, (title, axis, base, groups) in CHARTS.items():
        blocks = []
        for case in record["cases"]:
            if case["is_drawn"] and case["group"] in groups:
                servers = sorted(case["runs"], key=lambda server: ("floor" not in server, "fanio" not in server))
                make = latency_row if base is None else partial(cost_row, base=base)
                rows = [row for row in (make(case, server) for server in servers) if row]
                blocks += [(f"{case['group']}, {case['name']}", rows)] if rows else []
        if blocks:
            path = folder / f"{name}.svg"
            path.write_text(chart(title, axis, blocks), encoding="utf-8")
            paths.append(path)
    return paths


def images(charts: list[Path], folder: Path) -> list[str]:
    """Return what shows the charts on a page of that folder."""
    return [f"![{CHARTS[path.stem][0]}]({path.relative_to(folder).as_posix()})" for path in charts]


def cost_row(case: dict[str, Any], server: str, base: str) -> Row | None:
    """Return a server's ratio to the base."""
    found, value = ratio(case, server, base), middle(case, server)
    has_none = case["group"] == "idle memory" and server == "floor"
    if found is None or value is None or found["ratio"] <= 0 or found["low"] <= 0 or has_none:
        return None
    text = f"{show(value)} {case['unit']}"
    return Row(label(server), found["ratio"], found["low"], found["high"], text, server == "fanio")


def latency_row(case: dict[str, Any], server: str) -> Row | None:
    """Return the medians, over the rounds, of a server's median and 99th percentile."""
    runs = [run for run in case["runs"][server] if run and "last_p50_ms" in run]
    if not runs:
        return None
    p50, p99 = (median(run[figure] for run in runs) for figure in ("last_p50_ms", "last_p99_ms"))
    return Row(label(server), p50, p50, p99, f"{show(p50)}, {show(p99)} ms", server == "fanio")


def label(server: str) -> str:
    return server.replace("floor", "bare loop")


def fill(path: Path, name: str, text: str) -> None:
    """Put text between the marks ``<!-- name -->`` and ``<!-- /name -->`` of a file.

    Raises:
        ValueError: When the marks are not there.
    """
    content = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if content.count(begin) != 1 or content.count(end) != 1:
        raise ValueError(f"{path}: expected the marks {begin} and {end} once each")
    before, rest = content.split(begin)
    _, after = rest.split(end)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def main() -> int:
    records = sorted(RESULTS.glob("[0-9]*.json"))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else records[-1] if records else None
    if path is None:
        print("no record in benches/results: run `make bench` first", file=sys.stderr)
        return 1
    record = json.loads(path.read_text(encoding="utf-8"))
    drawn = draw(record, RESULTS)
    page = [*images(drawn, ROOT / "benches"), provenance(record, path), long_table(record)]
    fill(ROOT / "benches/README.md", "results", "\n\n".join(page))
    source = f"Commit {record['commit']}, {record['date'][:10]}, {record['machine']['cpu']}, one core for the server."
    fill(ROOT / "README.md", "results", "\n\n".join([*images(drawn, ROOT), short_table(record), source]))
    print(f"{path.name}: tables in benches/README.md and README.md, {', '.join(chart.name for chart in drawn)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
