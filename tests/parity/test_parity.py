"""Each case has the same transcript on python-socketio and on fanio, except for the differences in the table."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest

import fanio
from fixtures.oracle import ORACLE, TESTS, require_module
from parity.cases import Case, load
from parity.table import PAGE, TOPICS, differing_lines, page, rows, rows_of
from parity.world import World

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="compares two servers itself")
CASES = load()


def transcript(server: Server, case: Case) -> list[str]:
    """What a case's client sends to a server and gets from it."""
    ports = json.loads(server.output().split("\n", 1)[0])["ports"]
    talk = case.set_up(fanio.AsyncServer(**case.options), fanio)
    place = copy.copy(server)
    place.port = ports[case.name]
    with World(place) as world:
        try:
            talk(world)
        except Exception as error:
            msg = f"{error!r}, after:\n" + "\n".join(world.lines)
            raise AssertionError(msg) from error
        return world.lines


@pytest.mark.parametrize("name", CASES)
def test_case(pool: Pool, name: str) -> None:
    require_module("socketio")
    case = CASES[name]
    theirs = transcript(pool.get("parity", environ={"FANIO_TEST_ORACLE": "python-socketio"}), case)
    ours = transcript(pool.get("parity"), case)
    assert differing_lines(theirs, ours) == rows_of(name)


def test_rows_name_a_case_or_a_test() -> None:
    for row in rows():
        assert set(row) - {"cases", "test"} == {"id", "topic", "what", "theirs", "ours", "why"}, row["id"]
        assert row.get("cases") or row.get("test"), row["id"]
        assert set(row.get("cases", {})) <= set(CASES), row["id"]
        if "test" in row:
            file, name = row["test"].split("::")
            assert f"def {name}(" in (TESTS.parent / file).read_text(), row["id"]
        assert row["topic"] in TOPICS


def test_the_documents_show_the_table() -> None:
    assert PAGE.read_text() == page(), "run `make differences`"
