"""Socket.IO v5, "Connection to a namespace" and "Disconnection"."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import Polling, polling
from fixtures.websocket import NO_CLOSE_FRAME, Client, connected

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

SID = r'\{"sid":"([A-Za-z0-9_-]{20})"\}'


def test_connect_is_answered_with_a_sid(server: Server) -> None:
    with Client(server) as client:
        client.send("40")
        assert re.fullmatch(f"40{SID}", client.text())


def test_connect_to_a_namespace_names_it(server: Server) -> None:
    with Client(server) as client:
        client.send("40/custom,")
        assert re.fullmatch(f"40/custom,{SID}", client.text())


def test_connect_over_polling(server: Server) -> None:
    with Polling(server) as session:
        session.send("40/custom,")
        assert re.fullmatch(f"40/custom,{SID}", session.packet())


def test_the_comma_behind_a_namespace_may_be_missing(server: Server) -> None:
    with Client(server) as client:
        client.send("40/custom")
        assert re.fullmatch(f"40/custom,{SID}", client.text())


def test_every_socket_has_an_id_of_its_own(server: Server) -> None:
    found = set()
    for _ in range(10):
        with Client(server) as client:
            found |= {client.session_id, client.connect(), client.connect("/custom")}
    assert len(found) == 30


def test_auth_reaches_the_handler(server: Server) -> None:
    with Client(server) as client:
        client.send('40/custom,{"token":"☃","n":[1,{}]}')
        assert client.text().startswith("40/custom,{")
        assert client.text() == '42/custom,["auth",{"token":"☃","n":[1,{}]}]'


def test_an_emit_in_the_connect_handler_follows_the_reply(server: Server) -> None:
    with Client(server) as client:
        client.send("40/custom,")
        assert client.text().startswith("40/custom,{")
        assert client.text() == '42/custom,["auth",{}]'


def test_the_namespace_is_needed_for_nothing_else(server: Server) -> None:
    with Client(server) as client:
        client.connect("/custom")
        assert client.text() == '42/custom,["auth",{}]'
        client.send('42/custom,["message",1]')
        assert client.text() == '42/custom,["message-back",1]'


def test_an_unknown_namespace_is_refused(server: Server) -> None:
    with Client(server) as client:
        client.send("40/x,")
        assert client.text() == '44/x,{"message":"Invalid namespace"}'
        client.connect()
        assert client.is_served()


def test_a_refusal_says_why(server: Server) -> None:
    with Client(server) as client:
        client.send("40/refused,")
        assert client.text() == '44/refused,{"message":"not allowed"}'
        client.send('40/refused,{"data":true}')
        assert client.text() == '44/refused,{"message":"not allowed","data":{"code":7}}'
        client.connect()
        assert client.is_served()


def test_an_exception_in_the_connect_handler_refuses(server: Server) -> None:
    with Client(server) as client:
        client.send("40/raises,")
        packet = client.text()
        assert packet.startswith('44/raises,{"message":')
        client.connect()
        assert client.is_served()


@pytest.mark.differs("node", reason="sends the error's message")
def test_an_exception_in_the_connect_handler_is_not_shown(server: Server) -> None:
    with Client(server) as client:
        client.send("40/raises,")
        assert "on purpose" not in client.text()
    assert "on purpose" in server.output()


@pytest.mark.differs("node", reason="the query is part of the name")
def test_a_query_behind_a_namespace_is_cut_off(server: Server) -> None:
    with Client(server) as client:
        client.send("40/custom?token=abc,")
        assert re.fullmatch(f"40/custom,{SID}", client.text())


def test_several_namespaces_share_a_connection(server: Server) -> None:
    with connected(server) as client:
        client.connect("/custom")
        assert client.text() == '42/custom,["auth",{}]'
        client.send('42/custom,1["message-with-ack","a"]')
        assert client.text() == '43/custom,1["a"]'
        assert client.is_served()


@pytest.mark.differs("node", reason="leaves a tick later and takes it as a second CONNECT")
def test_a_namespace_can_be_left_and_joined_again(server: Server) -> None:
    with Client(server) as client:
        first = client.connect()
        client.send("41")
        assert client.connect() != first
        assert client.is_served()


def test_leaving_one_namespace_leaves_the_others(server: Server) -> None:
    with connected(server) as client:
        client.connect("/custom")
        client.text()
        client.send("41/custom,")
        client.send('42["shout",1]')
        assert client.text() == '42["shouted",1]'
        assert client.is_served()


def test_a_server_disconnect_leaves_the_connection(server: Server) -> None:
    with connected(server) as client:
        client.send('42["bye"]')
        assert client.text() == "41"
        client.connect()
        assert client.is_served()


def test_late_packets_to_a_namespace_the_server_left_cost_nothing(server: Server) -> None:
    with connected(server) as client:
        client.connect("/custom")
        client.text()
        client.send('42["bye"]')
        assert client.text() == "41"
        client.send('42/custom,["message",1]')
        assert client.text() == '42/custom,["message-back",1]'


@pytest.mark.differs("node", reason="closes the connection")
def test_packets_that_cross_a_server_disconnect_are_dropped(server: Server) -> None:
    with connected(server) as client:
        client.send('42["bye"]')
        assert client.text() == "41"
        client.send('42["message",1]')
        client.send("430[1]")
        client.send('451-["message",{"_placeholder":true,"num":0}]')
        client.send_binary(b"\x01")
        client.send("41")
        client.connect()
        assert client.is_served()


@pytest.mark.differs("node", reason="closes the connection")
def test_leaving_a_namespace_that_was_not_joined_is_ignored(server: Server) -> None:
    with connected(server) as client:
        client.send("41/custom,")
        client.send("41/never,")
        assert client.is_served()


def test_a_session_without_a_namespace_is_closed(serve: Serve) -> None:
    server = serve(connect_timeout=0.4)
    with Client(server) as client:
        assert client.close_code() != NO_CLOSE_FRAME
    with Polling(server) as session:
        session.start_get()
        assert session.finish_get().status in (200, 400)
        assert session.is_closed()


def test_a_refused_session_without_a_namespace_is_closed(serve: Serve) -> None:
    with Client(serve(connect_timeout=0.4)) as client:
        client.send("40/x,")
        assert client.text() == '44/x,{"message":"Invalid namespace"}'
        assert client.close_code() != NO_CLOSE_FRAME


def test_a_session_with_a_namespace_stays(serve: Serve) -> None:
    server = serve(connect_timeout=0.4)
    with connected(server) as client, polling(server) as session, Client(server) as silent:
        assert silent.close_code() != NO_CLOSE_FRAME
        assert client.is_served()
        assert session.is_served()


@pytest.mark.differs("node", "python-socketio", reason="forgets it for that client, or sends it before the reply")
@pytest.mark.parametrize(("accept", "reply"), [("false", "44/slow,{"), ("true", "40/slow,{")])
def test_a_broadcast_waits_for_the_connect_handler(server: Server, accept: str, reply: str) -> None:
    with Client(server) as waiting, Client(server) as inside, connected(server) as other:
        inside.send('40/slow,{"gate":"open"}')
        other.send('42["release","open"]')
        assert inside.text().startswith("40/slow,{")
        waiting.send(f'40/slow,{{"gate":"waits {accept}","accept":{accept}}}')
        other.send('42["shout-slow",1]')
        assert inside.text() == '42/slow,["shouted",1]'
        other.send(f'42["release","waits {accept}"]')
        assert waiting.text().startswith(reply)
        other.send('42["shout-slow",2]')
        assert inside.text() == '42/slow,["shouted",2]'
        if accept == "true":
            assert [waiting.text(), waiting.text()] == ['42/slow,["shouted",1]', '42/slow,["shouted",2]']
        else:
            waiting.connect()
            assert waiting.is_served()


@pytest.mark.differs("node", reason="closes the connection")
def test_an_event_to_a_waiting_namespace_is_handled_when_that_is_connected(server: Server) -> None:
    with Client(server) as waiting, connected(server) as other:
        waiting.send('40/slow,{"gate":"early","accept":true}')
        waiting.send('42/slow,1["note","early"]')
        assert "early" not in other.call("heard")
        other.send('42["release","early"]')
        assert waiting.text().startswith("40/slow,{")
        assert waiting.text() == "43/slow,1[]"
        assert "early" in other.call("heard")


def test_connect_replies_are_json_as_node_writes_it(server: Server) -> None:
    with Client(server) as client:
        client.send("40")
        text = client.text()[2:]
        assert json.dumps(json.loads(text), separators=(",", ":")) == text
