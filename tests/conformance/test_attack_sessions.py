"""Sessions that no real client has: abandoned, doubled or flooded; packets cut and changed everywhere.

The `serve` fixture looks behind each test that the server lives and serves another client.
"""

from __future__ import annotations

import itertools
import json
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import PATH, SEPARATOR, Polling, polling
from fixtures.stream import Stream, exchange, get
from fixtures.websocket import BINARY, NO_CLOSE_FRAME, TEXT, Client, connected, encode

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

ONE = '{"_placeholder":true,"num":0}'
EXAMPLES = [
    "40",
    '40{"token":"abc"}',
    "40/custom,",
    '42["message",{"a":[1,"2"]}]',
    '4213["message-with-ack","x"]',
    '42/custom,7["message",null]',
    "4312[1]",
    f'452-["message",{ONE},1]',
    f"461-4[{ONE}]",
    "41",
    "41/custom,",
    '44{"message":"no"}',
]
REPLACEMENTS = ["\x00", "9", "-", "/", ",", "[", '"', "\\", "\u00b2", "\U0001f600"]


def throw(server: Server, packets: list[str]) -> None:
    """Sends each packet on a connection of its own, both before and behind a CONNECT."""
    for packet in packets:
        with Client(server) as client:
            client.send(packet)
            client.send_raw(encode(BINARY, b"\x01") + encode(TEXT, b"40"))
        with Client(server) as client:
            client.send("40")
            client.send(packet)
            client.send_raw(encode(BINARY, b"\x01") + encode(TEXT, packet.encode()))


@pytest.mark.differs("node", reason="some of these raise there")
@pytest.mark.parametrize("example", EXAMPLES)
def test_cut_packets_hurt_nobody(server: Server, example: str) -> None:
    throw(server, [example[:end] for end in range(len(example))])


@pytest.mark.differs("node", reason="some of these raise there")
@pytest.mark.parametrize("example", EXAMPLES)
def test_changed_packets_hurt_nobody(server: Server, example: str) -> None:
    places = itertools.product(range(1, len(example)), REPLACEMENTS)
    changed = [example[:at] + new + example[at + 1 :] for at, new in places]
    throw(server, changed[:: max(1, len(changed) // 60)])


def test_an_abandoned_poll_loses_and_doubles_nothing(server: Server) -> None:
    """Either the session is closed, as Node does, or what is sent next comes exactly once."""
    with connected(server) as other, polling(server) as session:
        session.start_get()
        assert not session.getter.has_bytes(0.05)
        session.getter.close()
        session.getter = Stream(server)
        # The server has seen the end once this connection, made later, is served.
        assert other.is_served()
        other.send('42["shout",1]')
        assert other.text() == '42["shouted",1]'
        response = session.get()
        if response.status == 400:
            assert session.is_closed()
        elif response.text != "1":
            assert response.text == '42["shouted",1]'
            assert session.is_served()


def test_handshakes_never_followed_up_hurt_nobody(serve: Serve) -> None:
    server = serve(connect_timeout=0.4)
    found = [get(server, PATH).text for _ in range(500)]
    with Stream(server) as stream:
        for _ in range(100):
            stream.send(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            stream.response()
    assert len(set(found)) == 500
    with Client(server) as last:
        last.close_code()
    path = f"{PATH}&sid={json.loads(found[0][1:])['sid']}"
    # One GET may still fetch the close packet.
    assert get(server, path).text in ("1", "6\x1e1", '{"code":1,"message":"Session ID unknown"}')
    assert get(server, path).text == '{"code":1,"message":"Session ID unknown"}'


def test_handshakes_and_resets_hurt_nobody(server: Server) -> None:
    for _ in range(300):
        stream = Stream(server)
        stream.request("GET", PATH)
        stream.reset()


def test_two_gets_on_an_upgrading_session(server: Server) -> None:
    with polling(server) as session, session.probe() as websocket:
        websocket.send("2probe")
        assert websocket.text() == "3probe"
        session.start_get()
        second = get(server, session.path)
        assert second.status in (200, 400)
        assert session.finish_get().status in (200, 400)


def test_many_probes_of_one_session(server: Server) -> None:
    with polling(server) as session:
        probes = [session.probe() for _ in range(20)]
        for probe in probes:
            probe.close()
        assert session.is_served()


def test_a_flood_of_posts(server: Server) -> None:
    with polling(server) as session:
        for number in range(300):
            session.send(f'42{number}["message-with-ack"]')
        assert [session.packet() for _ in range(300)] == [f"43{n}[]" for n in range(300)]


def test_a_flood_of_pongs_by_polling(server: Server) -> None:
    with polling(server) as session:
        session.send(*["3"] * 10_000)
        assert session.is_served()


def test_a_million_separators_hurt_nobody(server: Server) -> None:
    with Polling(server) as session:
        session.post(b"\x1e" * 999_999)


def test_huge_base64_is_read_or_refused(server: Server) -> None:
    with polling(server) as session:
        session.send(f'451-["message",{ONE}]', "b" + "A" * 400_000)
        assert session.packet() == f'451-["message-back",{ONE}]'
        assert session.packet() == "b" + "A" * 400_000


@pytest.mark.parametrize("query", ["&sid=", "&sid=%20", f"&sid={'A' * 8000}", "&sid=..%2f..%2f"])
def test_strange_session_ids_are_refused(server: Server, query: str) -> None:
    for method in ("GET", "POST"):
        assert exchange(server, method, PATH + query, body=b"").status in (200, 400)


@pytest.mark.differs("node", reason="sees a namespace of this name, or none")
@pytest.mark.parametrize(
    "namespace",
    ["/" + "n" * 255, "/" + "n" * 900_000, "//", "/\x00", "/ ", "/☃", "/__proto__", "/?", "/a?b=c"],
    ids=["256", "900 kB", "slashes", "nul", "space", "snowman", "proto", "query only", "query"],
)
def test_strange_namespaces_are_refused(server: Server, namespace: str) -> None:
    with Client(server) as client:
        client.send(f"40{namespace},")
        frame = client.frame()
        if frame.opcode == TEXT:
            assert frame.text.startswith("44/") or namespace == "/?"


def test_one_unknown_namespace_after_another(server: Server) -> None:
    with connected(server) as client:
        for number in range(1000):
            client.send(f"40/n{number},")
            assert client.text() == f'44/n{number},{{"message":"Invalid namespace"}}'
        assert client.is_served()


def test_a_flood_of_unknown_namespaces_is_answered_or_closed(server: Server) -> None:
    with connected(server) as client:
        flood = [encode(TEXT, f"40/n{number},".encode()) for number in range(10_000)]
        client.send_raw(b"".join(flood))
        for number in range(10_000):
            frame = client.frame()
            if frame.opcode != TEXT:
                break
            assert frame.text == f'44/n{number},{{"message":"Invalid namespace"}}'


@pytest.mark.differs("node", reason="takes a quick second CONNECT for a violation")
def test_connecting_and_leaving_in_a_loop(server: Server) -> None:
    with Client(server) as client:
        for _ in range(300):
            client.connect()
            client.send('42["join","room"]')
            client.send('42["bye"]')
            assert client.text() == "41"


def test_the_same_ack_id_again_and_again(server: Server) -> None:
    with connected(server) as client:
        for _ in range(50):
            client.send('427["message-with-ack"]')
        assert [client.text() for _ in range(50)] == ["437[]"] * 50


def test_leading_zeros_of_an_ack_id(server: Server) -> None:
    with connected(server) as client:
        client.send('42007["message-with-ack"]')
        packet = client.frame()
        assert packet.opcode != TEXT or packet.text in ("437[]", "43007[]")


NAMES = ['"error"', '"__proto__"', '"constructor"', '"*"', '""', '"toString"', "0", "-1", "1.5"]


@pytest.mark.differs("node", reason="an unhandled `error` event ends the process")
@pytest.mark.parametrize("name", NAMES)
def test_special_names_of_events_are_only_names(server: Server, name: str) -> None:
    with connected(server) as client:
        client.send(f'42[{name},{{"toString":"foo"}}]')
        assert client.is_served()


DEEP = 100_000
HARD_JSON = {
    "deep arrays": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "deep and open": "[" * DEEP,
    "many keys": "{" + ",".join(f'"k{n}":{n}' for n in range(50_000)) + "}",
    "duplicate keys": '{"a":1,"a":2}',
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "a lone surrogate": '"\\ud800"',
    "5,000 digits": "9" * 5000,
    "1e400": "1e400",
    "a control character": '"\x01"',
    "a bad escape": '"\\x41"',
    "a comment": "/* */1",
    "a byte order mark": "\ufeff1",
}


@pytest.mark.parametrize("value", HARD_JSON.values(), ids=HARD_JSON.keys())
@pytest.mark.differs("node", reason="a deep value ends the process")
def test_hard_json_closes_its_connection_at_most(server: Server, value: str) -> None:
    with connected(server) as client:
        client.send(f'421["message-with-ack",{value}]')
        frame = client.frame()
        assert frame.opcode != TEXT or frame.text.startswith("431[")
    with Client(server) as client:
        client.send(f'40{{"auth":{value}}}')
        frame = client.frame()
        assert frame.opcode != TEXT or frame.text[:2] in ("40", "44")


@pytest.mark.parametrize("value", ["[" * DEEP + "]" * DEEP, f"[{ONE}]" + "," + "[" * 5000])
def test_hard_json_with_attachments_closes_its_connection_at_most(server: Server, value: str) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{ONE},{value}]')
        client.send_raw(encode(BINARY, b"\x01"))
        client.frame()


def test_many_placeholders_for_one_attachment_cost_nothing(server: Server) -> None:
    places = ",".join([ONE] * 10_000)
    with connected(server) as client:
        for event in ("unheard-of", "message", "message-with-ack"):
            client.send(f'451-7["{event}",{places}]')
            client.send_raw(encode(BINARY, b"x" * 100))
    with connected(server) as client:
        assert client.is_served()


def test_a_body_is_read_no_faster_than_the_application_takes_its_packets(server: Server) -> None:
    many = ['42["reason","body"]'] * 5_000
    with polling(server) as session:
        with connected(server, {"tag": "body"}) as other:
            body = SEPARATOR.join([*many, '42["message","last"]']).encode()
            session.poster.request("POST", session.path, body=body)
            assert not session.poster.has_bytes(0.5)
            assert other.is_served()
        assert session.poster.response().text == "ok"
        assert session.packet() == '42["message-back","last"]'


def peak_kib(server: Server) -> int:
    """The most memory the server has had, where the system tells it."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))


def test_large_messages_do_not_pile_up(serve: Serve) -> None:
    server = serve(per_message_deflate=True)
    before = peak_kib(server)
    deflate = zlib.compressobj(wbits=-15)
    text = b'42["unheard-of","%b"]' % (b"x" * 990_000)
    bomb = (deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    with Client(server, "", "Sec-WebSocket-Extensions: permessage-deflate") as client:
        client.connect()
        client.send_raw(encode(TEXT, bomb, rsv=4) * 200)
        assert client.is_served()
    assert peak_kib(server) - before < 100_000


def test_a_long_key_above_many_placeholders_costs_nothing(server: Server) -> None:
    before = peak_kib(server)
    places = ",".join([ONE] * 2_000)
    with connected(server) as client:
        client.send(f'451-["unheard-of",{{"{"k" * 200_000}":[{places}]}}]')
        client.send_raw(encode(BINARY, b"x"))
        assert client.is_served()
    assert peak_kib(server) - before < 100_000


def test_a_deep_place_of_many_placeholders_closes_the_connection(server: Server) -> None:
    places = ",".join([ONE] * 15_000)
    with connected(server) as client:
        client.send(f'451-7["message",{"[" * 100}{places}{"]" * 100}]')
        assert client.close_code() != NO_CLOSE_FRAME


def test_a_placeholder_in_auth_stays_data(server: Server) -> None:
    with Client(server) as client:
        client.send(f"40/custom,{ONE}")
        assert client.text().startswith("40/custom,{")
        assert client.text() == f'42/custom,["auth",{ONE}]'


def test_no_byte_of_one_client_reaches_another(server: Server) -> None:
    clients = [connected(server) for _ in range(20)]
    slow = [polling(server) for _ in range(5)]
    for number, client in enumerate(clients):
        client.send(f'42["message","canary {number}"]')
    for number, session in enumerate(slow):
        session.send(f'42["message","polling canary {number}"]')
    for number, client in enumerate(clients):
        assert client.text() == f'42["message-back","canary {number}"]'
        assert client.is_served()
        client.close()
    for number, session in enumerate(slow):
        assert session.packets() == [f'42["message-back","polling canary {number}"]']


def test_packets_cut_over_posts_are_not_joined(server: Server) -> None:
    with polling(server) as session:
        session.post('42["mess')
        assert session.is_closed()


def test_a_session_that_ends_in_mid_payload(server: Server) -> None:
    with polling(server) as session, connected(server) as other:
        packets = ["41", "40", "1", '42["shout","too late"]']
        session.post(SEPARATOR.join(packets))
        assert session.is_closed()
        assert other.is_served()


@pytest.mark.differs("node", reason="has no such limit")
def test_the_number_of_namespaces_is_bounded(server: Server) -> None:
    with connected(server) as client:
        for number in range(40):
            gate = json.dumps({"gate": f"bounded {number}"})
            client.send_raw(encode(TEXT, f"40/slow?{number},{gate}".encode()))
        assert client.close_code() != NO_CLOSE_FRAME


@pytest.mark.differs("node", reason="has no such limit")
@pytest.mark.parametrize("size", [3_000, 100_000])
def test_the_bytes_that_handlers_keep_are_bounded(server: Server, size: int) -> None:
    count, name = 24_000_000 // size, f"bounded {size}"
    hold = encode(TEXT, b"42" + json.dumps(["hold", name, "x" * size]).encode())
    with connected(server) as sender, connected(server) as other:
        flood = threading.Thread(target=sender.send_raw, args=(hold * count,))
        flood.start()
        try:
            kept = [-1] * 30
            while kept[0] != kept[-1] or kept[-1] < 1:
                kept = [*kept[1:], other.call("held", name)]
            # Of 4 MiB, and what had been read when the limit was found to be passed.
            assert 0 < kept[-1] * size < 12_000_000
        finally:
            other.call("release", name)
            flood.join()
        assert sender.is_served()
        assert other.call("held", name) == count
