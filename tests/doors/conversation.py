"""The conversation with every server: each transport, the upgrade, binary, acks, the app's own routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fixtures.polling import PATH, Polling, polling
from fixtures.stream import Stream, get
from fixtures.websocket import Client, connected

if TYPE_CHECKING:
    from fixtures.server import Server

BINARY = b"\x00\x01\xfe\xff" * 300
HEADER = "X-Test: yes"


def converse(server: Server) -> None:
    """Goes through all of it."""
    the_app_answers(server)
    polling_alone(server)
    websocket_alone(server)
    upgrade(server)
    one_connection_for_everything(server)
    reasons(server)
    refusals(server)
    environ(server)


def the_app_answers(server: Server) -> None:
    """A route of the app's beside Socket.IO, and one that is not there."""
    assert get(server, "/hello?name=you").text == "hello you"
    assert get(server, "/nowhere").status == 404


def polling_alone(server: Server) -> None:
    """Events, acks, attachments and a broadcast over polling."""
    with polling(server) as one, polling(server) as other:
        assert one.call("message-with-ack", "ä", 1) == "ä"
        one.send('42["message",{"a":[1,2]}]')
        assert one.packet() == '42["message-back",{"a":[1,2]}]'
        one.send('42["bytes"]')
        assert one.packet().startswith('452-["bytes",')
        assert [one.packet(), one.packet()] == ["bAQI=", "bAw=="]
        one.start_get()
        other.send('42["shout","all"]')
        assert one.finish_get().text == '42["shouted","all"]'


def websocket_alone(server: Server) -> None:
    """The same over a WebSocket."""
    with connected(server) as one, connected(server) as other:
        assert one.call("message-with-ack", "ä", 1) == "ä"
        one.send('451-["message",{"_placeholder":true,"num":0}]')
        one.send_binary(BINARY)
        assert one.text() == '451-["message-back",{"_placeholder":true,"num":0}]'
        assert one.binary() == BINARY
        one.send('42["burst",20]')
        assert [one.text() for _ in range(20)] == [f'42["n",{n}]' for n in range(20)]
        other.send('42["shout","all"]')
        assert one.text() == '42["shouted","all"]'


def upgrade(server: Server) -> None:
    """No packet is lost or comes twice while a session moves to a WebSocket."""
    with polling(server) as session:
        session.send('42["later",12,5]', '42["message",1]')
        with session.probe() as websocket:
            websocket.send("2probe")
            assert websocket.text() == "3probe"
            got = session.packets()
            websocket.send("5")
            websocket.send('42["message",2]')
            while len(got) < 14:
                got.append(websocket.text())
    numbers = [packet for packet in got if packet.startswith('42["n"')]
    assert numbers == [f'42["n",{n}]' for n in range(12)], got
    assert [packet for packet in got if "back" in packet] == ['42["message-back",1]', '42["message-back",2]']


def one_connection_for_everything(server: Server) -> None:
    """A keep-alive connection goes from the app to Socket.IO and back."""
    with Stream(server) as stream:
        assert stream.exchange("GET", "/hello").text == "hello "
        sid = json.loads(stream.exchange("GET", PATH).text[1:])["sid"]
        path = f"{PATH}&sid={sid}"
        assert stream.exchange("POST", path, body=b"40").text == "ok"
        assert stream.exchange("GET", "/hello?name=2").text == "hello 2"
        assert stream.exchange("GET", path).text.startswith("40{")
        assert stream.exchange("POST", path, body=b'42["message",1]').text == "ok"
        assert stream.exchange("GET", path).text == '42["message-back",1]'


def reasons(server: Server) -> None:
    """Ends are noticed, with their reasons."""
    with connected(server) as watcher:
        with connected(server, auth={"tag": "left"}) as client:
            client.send("41")
            assert watcher.call("reason", "left") == "client disconnect"
        connected(server, auth={"tag": "cut"}).close()
        assert watcher.call("reason", "cut") == "transport close"
        with connected(server, auth={"tag": "kicked"}) as client:
            client.send('42["bye"]')
            assert client.text() == "41"
            assert watcher.call("reason", "kicked") == "server disconnect"
        with polling(server, auth={"tag": "closed"}) as session:
            session.send("1")
            assert watcher.call("reason", "closed") in ("transport close", "client disconnect")


def refusals(server: Server) -> None:
    """What is no Socket.IO is refused, and the server lives on."""
    response = get(server, f"{PATH}&sid={'A' * 20}")
    assert (response.status, response.json["code"]) == (400, 1)
    with Stream(server) as stream:
        stream.request("GET", "/socket.io/?EIO=3&transport=websocket", *_UPGRADE)
        assert stream.response().status in (400, 403)
    with connected(server) as client:
        assert client.is_served()


def environ(server: Server) -> None:
    """Handlers are told who the client is and what it asked for."""
    with Client(server, "&a=%20b", HEADER) as client:
        client.connect()
        told = client.call("environ")
    assert (told["address"], told["client"]) == (("", None) if server.uds else ("127.0.0.1", "127.0.0.1"))
    assert told["path"] == told["path_info"] == "/socket.io/"
    assert told["query"] == told["raw_query"] == "EIO=4&transport=websocket&a=%20b"
    assert (told["header"], told["named"]) == ("yes", "yes")
    with Polling(server, HEADER) as session:
        session.connect()
        told = session.call("environ")
    assert (told["header"], told["path"], told["type"]) == ("yes", "/socket.io/", "http")


_UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
