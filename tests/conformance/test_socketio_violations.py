"""Packets that break the protocol: the connection is closed cleanly, and no other client is affected."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import SEPARATOR, Polling, polling
from fixtures.websocket import BINARY, NO_CLOSE_FRAME, TEXT, Client, connected, encode, reason

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

ONE = '{"_placeholder":true,"num":0}'
RESERVED = (
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
)


def strict(*packets: str) -> list[object]:
    """Packets that Node lets pass."""
    mark = pytest.mark.differs("node", reason="lets it pass")
    return [pytest.param(packet, marks=mark) for packet in packets]


VIOLATIONS = [
    "47",
    "4x",
    "4²",
    "42{}",
    "42[]",
    '42"message"',
    "42[null]",
    "42[{}]",
    '42[["message"]]',
    "42[true]",
    '42{"0":"message"}',
    '42["message"',
    '42["message",]',
    '42["message",1]x',
    '42["message",{]',
    '42["mess',
    '42["message",nul]',
    '42["message",1',
    "431{}",
    '431"x"',
    "44",
    "44{}",
    '44"x"',
    "44/custom,{}",
    "40",
    "40{}",
    "40[]",
    '40"x"',
    '40{"a":',
    "41{}",
    '41"x"',
    "45",
    '45["message"]',
    f'45-["message",{ONE}]',
    f'450-["message",{ONE}]',
    f'45-1-["message",{ONE}]',
    f'4511-["message",{ONE}]',
    f'459999999999-["message",{ONE}]',
    f'45²-["message",{ONE}]',
    f'451["message",{ONE}]',
    f'451.5-["message",{ONE}]',
    f"461-[{ONE}",
    f'42/never,["message",{ONE}]',
    '42/custom,["message",1]',
    "43/custom,1[1]",
    *[f'42["{name}"]' for name in RESERVED],
    *[f'451-["{name}",{ONE}]' for name in RESERVED],
    *strict(
        "42",
        "421",
        "43",
        "431",
        f'451e1-["message",{ONE}]',
        "43[1]",
        f"461-[{ONE}]",
        "40/custom,[]",
        '40/custom,"x"',
        "4299999999999999999999[]",
        '42-1["message"]',
        f'45+1-["message",{ONE}]',
        f'45 1-["message",{ONE}]',
        '42 ["message"]',
        "40/" + "n" * 300 + ",",
        f'42["{"e" * 1100}"]',
        '429007199254740993["message-with-ack"]',
        f'42{"9" * 100}["message-with-ack"]',
    ),
]


@pytest.mark.parametrize("packet", VIOLATIONS)
def test_a_packet_against_the_rules_closes_the_connection(server: Server, packet: str) -> None:
    with connected(server) as client:
        client.send(packet)
        assert client.close_code() != NO_CLOSE_FRAME


@pytest.mark.parametrize("packet", ["4", "47", "42{}", '42["connect"]', "40", "44{}", "450-[]"])
def test_the_same_by_polling(server: Server, packet: str) -> None:
    with polling(server) as session:
        session.start_get()
        assert not session.getter.has_bytes(0.05)
        session.post(packet)
        assert session.finish_get().status in (200, 400)
        assert session.is_closed()


@pytest.mark.differs("node", reason="has other words")
def test_its_reason_is_a_parse_error(server: Server) -> None:
    with connected(server, {"tag": "breaks rules"}) as client:
        client.send("42{}")
        assert client.close_code() != NO_CLOSE_FRAME
    assert reason(server, "breaks rules") == "parse error"


@pytest.mark.parametrize(
    "packet",
    [
        '42["message",1]',
        '421["message",1]',
        "431[1]",
        '42/x,["message"]',
        *strict(f'451-["message",{ONE}]'),
    ],
)
def test_a_packet_before_connect_closes_the_connection(server: Server, packet: str) -> None:
    with Client(server) as client:
        client.send(packet)
        assert client.close_code() != NO_CLOSE_FRAME


def test_an_event_before_connect_closes_polling(server: Server) -> None:
    with Polling(server) as session:
        session.post('42["message",1]')
        assert session.is_closed()


def test_a_binary_message_before_connect_closes_the_connection(server: Server) -> None:
    with Client(server) as client:
        client.send_binary(b"\x01")
        assert client.close_code() != NO_CLOSE_FRAME


def test_a_binary_message_without_header_closes_the_connection(server: Server) -> None:
    with connected(server) as client:
        client.send_binary(b"\x01")
        assert client.close_code() != NO_CLOSE_FRAME


def test_one_attachment_too_many_closes_the_connection(server: Server) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{ONE}]')
        client.send_binary(b"\x01")
        client.send_binary(b"\x02")
        assert client.close_code() != NO_CLOSE_FRAME


@pytest.mark.parametrize(
    "packet",
    ['42["message",1]', f'451-["message",{ONE}]', "41", "40/custom,", "431[1]", "4x"],
)
def test_text_instead_of_an_attachment_closes_the_connection(server: Server, packet: str) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{ONE}]')
        client.send(packet)
        assert client.close_code() != NO_CLOSE_FRAME


def test_missing_attachments_hold_nobody_up(server: Server) -> None:
    with connected(server) as client, connected(server) as other:
        client.send(f'452-["message",{ONE}]')
        client.send_binary(b"\x01")
        assert other.is_served()


@pytest.mark.parametrize("number", ["-1", "1", "10", "1.5", '"0"', '"splice"', "18446744073709551616", "1e400", "null"])
def test_a_placeholder_out_of_range_closes_the_connection(server: Server, number: str) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{{"_placeholder":true,"num":{number}}}]')
        client.send_binary(b"\x01")
        assert client.close_code() != NO_CLOSE_FRAME


def test_a_placeholder_in_a_text_event_stays_data(server: Server) -> None:
    with connected(server) as client:
        client.send(f'42["message",{ONE}]')
        assert client.text() == f'42["message-back",{ONE}]'
        client.send(f'423["message-with-ack",{{"deep":[{ONE}]}}]')
        assert client.text() == f'433[{{"deep":[{ONE}]}}]'


@pytest.mark.parametrize(
    "value",
    [
        '{"_placeholder":1,"num":0}',
        '{"_placeholder":"true","num":0}',
        '{"_placeholder":false,"num":0}',
        '{"num":0}',
    ],
)
def test_what_only_looks_like_a_placeholder_stays_data(server: Server, value: str) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{value},{ONE}]')
        client.send_binary(b"\x01")
        assert client.text() == f'451-["message-back",{value},{ONE}]'


def test_an_unused_attachment_is_dropped(server: Server) -> None:
    with connected(server) as client:
        client.send(f'452-["message",{ONE}]')
        client.send_binary(b"\x01")
        client.send_binary(b"\x02")
        assert client.text() == f'451-["message-back",{ONE}]'
        assert client.binary() == b"\x01"


@pytest.mark.differs("node", reason="has no such limit")
def test_attachments_over_the_message_limit_close_the_connection(serve: Serve) -> None:
    with connected(serve(max_http_buffer_size=2000)) as client:
        client.send(f'453-["message",{ONE}]')
        for _ in range(3):
            client.send_raw(encode(BINARY, b"x" * 900))
        assert client.close_code() != NO_CLOSE_FRAME


@pytest.mark.differs("node", reason="has no such limit")
@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_text_and_attachments_count_together(serve: Serve, transport: str, more: int, fits: bool) -> None:
    server = serve(max_http_buffer_size=2000)
    text = f'51-["message",{ONE},"{"t" * 900}"]'
    data = b"x" * (2000 - len(text) + more)
    if transport == "polling":
        with polling(server) as session:
            session.send(f"4{text}")
            # Two bodies: one of both would be too large by its base64.
            session.post(f"b{b64encode(data).decode()}")
            assert session.is_closed() is not fits
        return
    with connected(server) as client:
        client.send(f"4{text}")
        client.send_binary(data)
        if fits:
            assert client.text().startswith('451-["message-back"')
        else:
            assert client.close_code() != NO_CLOSE_FRAME


@pytest.mark.differs("node", reason="has a fixed limit")
def test_the_number_of_attachments_is_an_option(serve: Serve) -> None:
    server = serve(max_attachments=2)
    with connected(server) as client:
        client.send(f'452-["message",{ONE}]')
        client.send_binary(b"\x01")
        client.send_binary(b"\x02")
        assert client.text() == f'451-["message-back",{ONE}]'
    with connected(server) as client:
        client.send(f'453-["message",{ONE}]')
        assert client.close_code() != NO_CLOSE_FRAME


def test_packets_behind_a_violation_are_not_taken(server: Server) -> None:
    with connected(server) as other, connected(server) as client:
        bad = [encode(TEXT, packet.encode()) for packet in ("42{}", '42["shout","too late"]')]
        client.send_raw(b"".join(bad))
        assert client.close_code() != NO_CLOSE_FRAME
        assert other.is_served()
    with connected(server) as other, polling(server) as session:
        session.post(SEPARATOR.join(["42{}", '42["shout","too late"]']))
        assert other.is_served()


@pytest.mark.differs("node", reason="takes the second one as another socket")
def test_a_second_connect_while_the_first_waits_closes_the_connection(server: Server) -> None:
    with Client(server) as client, connected(server) as other:
        client.send('40/slow,{"gate":"twice"}')
        client.send('40/slow,{"gate":"twice"}')
        other.send('42["release","twice"]')
        assert client.close_code() != NO_CLOSE_FRAME
