"""The tables and charts of a comparison: ratios, goals, marks in the documents, and SVG that is well formed."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benches/load"))

import report
import scaling
from cases import CASES, QUICK
from charts import Row, chart
from figures import interval, paired, summary
from servers import SERVERS


def case(group="queued", name="a case", goals=(), **runs):
    return {
        "group": group,
        "name": name,
        "figure": "us",
        "unit": "µs",
        "subject": "fanio",
        "is_drawn": True,
        "goals": [{"limit": limit, "base": base, "text": f"≤ {limit} × {base}"} for limit, base in goals],
        "runs": {server: [value and {"us": value} for value in values] for server, values in runs.items()},
    }


def record(*cases):
    return {
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc",
        "seconds": 1,
        "machine": {"cpu": "A CPU", "cores": 2, "kernel": "6"},
        "options": {"rounds": 5, "seconds": 2.5},
        "versions": {"floor": {"rustc": "1"}, "fanio": {"python": "3"}, "node": {"node": "20"}},
        "not_measured": {"netty-socketio": "mvn is not on this machine"},
        "left_out": [],
        "failures": [],
        "dropped_for_steal": 0,
        "cases": list(cases),
    }


def test_ratios_are_of_the_same_round():
    assert paired([2.0, None, 9.0], [1.0, 1.0, 3.0]) == [2.0, 3.0]
    found = summary([2.0, 4.0], [1.0, 1.0])
    assert found == {"ratio": 3.0, "low": 2.0, "high": 4.0, "pairs": 2}
    assert summary([None], [1.0]) is None


def test_interval_holds_the_median():
    low, high = interval([1.0, 1.1, 1.2, 1.3, 9.0])
    assert 1.0 <= low <= 1.2 <= high <= 9.0


def test_goals_are_judged():
    met = case(goals=[(0.5, "floor")], floor=[10, 10], fanio=[1, 1])
    assert report.judged(met) == "≤ 0.5 × floor: met"
    missed = case(goals=[(0.05, "floor"), (1, "node")], floor=[10, 10], fanio=[1, 1])
    assert report.judged(missed) == "≤ 0.05 × floor: **not met** (0.1); ≤ 1 × node: not measured"


def test_results_worse_than_a_peers_are_listed():
    slow = record(case(floor=[1], fanio=[6], node=[3]))
    assert report.worse(slow) == ["queued, a case: 2 × node"]
    text = report.provenance(slow, Path("x.json"))
    assert "Worse than a peer: queued, a case: 2 × node." in text
    assert "Not measured: netty-socketio: mvn is not on this machine." in text


def test_tables_have_every_case():
    full = record(case(floor=[1, 1], fanio=[2, None], node=[None, None]), case("idle memory", floor=[1], fanio=[4]))
    lines = report.terminal_table(full).splitlines()
    assert len(lines) == 2 + 3 + 2
    assert "| 2 (2–2)" not in lines[3]
    assert "no result" in lines[4]
    assert "÷ floor" in report.short_table(full)
    assert "queued: a case" in report.long_table(full)


def test_every_case_has_a_title_of_its_own_and_a_command_line():
    assert len({case.title for case in CASES}) == len(CASES)
    assert 5 < len(QUICK) < len(CASES)
    for one in CASES:
        for server in SERVERS.values():
            assert one.command_line(server, 1.0)[:3] == [one.command, "--clients", str(one.clients)]
        assert {"fanio"} <= {server.name for server in SERVERS.values() if one.takes(server)}


def test_text_goes_between_the_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- /x -->\nb\n")
    for text in ("new", "newer"):
        report.fill(page, "x", text)
    assert page.read_text() == "a\n<!-- x -->\n\nnewer\n\n<!-- /x -->\nb\n"
    with pytest.raises(ValueError, match="expected the marks"):
        report.fill(page, "y", "")


def test_documents_have_the_marks():
    root = Path(report.ROOT)
    for page in ("README.md", "benches/README.md"):
        assert (root / page).read_text().count("<!-- results -->") == 1, page


def test_charts_are_svg_without_overlap(tmp_path):
    full = record(
        case(floor=[1, 1], fanio=[0.01, 0.02], node=[3, 4]),
        case("event with ack", fanio=[1, 1], node=[30, 40]),
    )
    drawn = report.draw(full, tmp_path)
    assert [path.name for path in drawn] == ["fanout.svg", "clients.svg"]
    for path in drawn:
        root = ET.parse(path).getroot()
        texts = [(float(item.get("y")), float(item.get("x"))) for item in root.iter("{http://www.w3.org/2000/svg}text")]
        assert len(set(texts)) == len(texts)


def test_chart_keeps_dots_inside_the_scale():
    svg = chart("t", "a", [("b", [Row("x", 0.004, 0.003, 0.005, "1 µs", True), Row("<y>", 12, 11, 13, "2 µs")])])
    root = ET.fromstring(svg)
    for dot in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 150 <= float(dot.get("cx")) <= 690
    assert "1/1,000" in svg
    assert "&lt;y&gt;" in svg


def test_model_is_found_again():
    true = (0.4, 0.006)
    points = [(s, n, scaling.predict(true, s, n)) for s in (1, 2) for n in (100, 1_000, 10_000)]
    assert scaling.fit(points) == pytest.approx(true, rel=1e-6)
    assert "| 2      | 1,000" in scaling.report(points, [0.05, 0.06])


def test_model_has_no_negative_cost():
    a, b = scaling.fit([(1, 100, 0.1), (1, 1_000, 8.0)])
    assert a == 0.0
    assert b > 0
    assert scaling.fit([(1, 1_000, 5.0)]) == pytest.approx((0.0, 0.005))


def test_busiest_shard_is_told_from_the_loop():
    threads = "python 0.2000, fanio-shard-0 0.5000, fanio-shard-1 0.7000"
    figures = {"seconds": 2.0, "broadcasts": 100, "cores_by_thread": threads}
    assert scaling.busy(figures) == pytest.approx((14.0, 4.0))
