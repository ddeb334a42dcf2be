"""Every value a query may hold: empty, twice, encoded, in another order or case. Node's server says what is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import ORACLE
from fixtures.polling import Polling
from fixtures.stream import Stream, get
from fixtures.websocket import UPGRADE

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="compares fanio with Node")

HANDSHAKES = [
    "EIO=4&transport=polling&sid=",
    "EIO=4&transport=polling&sid",
    "EIO=4&transport=polling&sid=&sid=",
    "EIO=4&transport=polling&sid=&t=1",
    "sid=&EIO=4&transport=polling",
    "EIO=4&transport=polling&SID=x",
    "EIO=4&transport=polling&sid=%20",
    "EIO=4&transport=polling&sid=+",
    "EIO=4&transport=polling&%73id=x",
    "EIO=4&transport=polling&%73id=",
    "EIO=4&transport=polling&t=",
    "EIO=4&transport=polling&t",
    "EIO=4&transport=polling&t=1&t=2",
    "EIO=4&transport=polling&T=1",
    "EIO=4&transport=polling&t=%00%ff%zz",
    "EIO=4&transport=polling&b64=1",
    "EIO=4&transport=polling&b64=",
    "EIO=4&transport=polling&b64=1&b64=1",
    "transport=polling&EIO=4",
    "t=x&transport=polling&b64=1&EIO=4",
    "&&EIO=4&&transport=polling&",
    "=&EIO=4&=x&transport=polling",
    "EIO=4&transport=polling?",
    "EIO=4?&transport=polling",
    "EIO=4;transport=polling",
    "EIO=%34&transport=polling",
    "%45IO=4&transport=p%6flling",
    "EIO=4&transport=polling%20",
    "EIO=4+&transport=polling",
    "EIO=&transport=polling",
    "EIO&transport=polling",
    "transport=polling",
    "EIO=4&EIO=4&transport=polling",
    "EIO=3&EIO=4&transport=polling",
    "EIO=&EIO=4&transport=polling",
    "eio=4&transport=polling",
    "EIO=04&transport=polling",
    "EIO=4.0&transport=polling",
    "EIO=4&transport=",
    "EIO=4&transport",
    "EIO=4",
    "EIO=4&Transport=polling",
    "EIO=4&transport=Polling",
    "EIO=4&transport=polling&transport=polling",
    "EIO=4&transport=polling&transport=websocket",
    "EIO=4&transport=&transport=polling",
    "EIO=4&transport=polling,websocket",
    "",
    "EIO=4&transport=polling&constructor=1&__proto__=2",
]

#: What comes behind the path of a session, whose own query this is too.
OF_SESSIONS = [
    "EIO=4&transport=polling&sid={sid}",
    "sid={sid}&transport=polling&EIO=4",
    "EIO=4&transport=polling&%73i%64={sid}",
    "EIO=4&transport=polling&sid={encoded}",
    "EIO=4&transport=polling&sid={sid}&sid={sid}",
    "EIO=4&transport=polling&sid={sid}&sid=",
    "EIO=4&transport=polling&sid=&sid={sid}",
    "EIO=4&transport=polling&sid={sid}%20",
    "EIO=4&transport=polling&sid={sid}&",
    "EIO=4&transport=polling&SID=x&sid={sid}",
    "EIO=4&transport=polling&EIO=4&sid={sid}",
    "EIO=&transport=polling&sid={sid}",
    "EIO=4&transport=polling&transport=polling&sid={sid}",
    "EIO=4&transport=&sid={sid}",
    "EIO=4&transport=polling&sid={sid}&t=1&t=2&b64=1",
]

WEBSOCKETS = [
    "EIO=4&transport=websocket&sid=",
    "EIO=4&transport=websocket&sid",
    "EIO=4&transport=websocket&b64=1",
    "EIO=4&transport=websocket&t=&t",
    "EIO=4&transport=%77ebsocket",
    "EIO=4&transport=websocket&transport=websocket",
    "EIO=4&transport=WebSocket",
]


@pytest.fixture(scope="module")
def servers(pool: Pool) -> list[Server]:
    """Ours and Node's."""
    return [pool.get("wire", oracle=name) for name in ("fanio", "node")]


@pytest.mark.parametrize("query", HANDSHAKES)
def test_a_handshake_is_answered_as_by_node(servers: list[Server], query: str) -> None:
    ours, nodes = (get(server, f"/socket.io/?{query}") for server in servers)
    assert ours.status == nodes.status, nodes
    assert (ours.text[:2] == "0{") == (nodes.text[:2] == "0{")
    if nodes.status != 200:
        assert ours.json == nodes.json


@pytest.mark.parametrize("query", OF_SESSIONS)
def test_a_request_of_a_session_is_answered_as_by_node(servers: list[Server], query: str) -> None:
    found = []
    for server in servers:
        with Polling(server) as session:
            session.send("40")
            encoded = "".join(f"%{ord(one):02x}" for one in session.session_id)
            found.append(get(server, "/socket.io/?" + query.format(sid=session.session_id, encoded=encoded)))
    ours, nodes = found
    assert ours.status == nodes.status, nodes
    assert ours.text[:3] == nodes.text[:3]
    if nodes.status != 200:
        assert ours.json == nodes.json


@pytest.mark.parametrize("query", WEBSOCKETS)
def test_a_websocket_is_let_in_as_by_node(servers: list[Server], query: str) -> None:
    found = []
    for server in servers:
        with Stream(server) as stream:
            stream.request("GET", f"/socket.io/?{query}", *UPGRADE)
            found.append(stream.response().status)
    ours, nodes = found
    assert ours == nodes
