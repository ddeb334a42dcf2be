"""Socket.IO v5, "Events", "Acknowledgement" and binary, both ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import polling
from fixtures.websocket import PING, Client, connected, encode

if TYPE_CHECKING:
    from fixtures.server import Server

ONE = '{"_placeholder":true,"num":0}'
TWO = '{"_placeholder":true,"num":1}'


@pytest.mark.parametrize(
    "args",
    [
        "",
        ",1",
        ',1,"2",{"3":[true,false,null]}',
        ",[]",
        ",{}",
        ",null",
        ',"\\u0000\\"\\\\"',
        ',"héé ☃ 😀"',
        ",1.5",
        ",-0.25",
        ",9007199254740991",
        ',{"a":{"b":{"c":[[[1]]]}}}',
    ],
)
def test_an_event_and_its_answer(server: Server, args: str) -> None:
    with connected(server) as client:
        client.send(f'42["message"{args}]')
        assert json.loads(client.text()[2:]) == json.loads(f'["message-back"{args}]')


def test_data_is_written_without_spaces(server: Server) -> None:
    with connected(server) as client:
        client.send('42["message", 1, {"a": [1, 2]}]')
        assert client.text() == '42["message-back",1,{"a":[1,2]}]'


def test_an_event_in_a_namespace(server: Server) -> None:
    with connected(server) as client:
        client.connect("/custom")
        client.text()
        client.send('42/custom,["message","a"]')
        assert client.text() == '42/custom,["message-back","a"]'


def test_an_ack_has_the_id_of_its_event(server: Server) -> None:
    with connected(server) as client:
        client.send('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert client.text() == '43456[1,"2",{"3":[false]}]'


def test_an_ack_in_a_namespace(server: Server) -> None:
    with connected(server) as client:
        client.connect("/custom")
        client.text()
        client.send('42/custom,12["message-with-ack","a"]')
        assert client.text() == '43/custom,12["a"]'


@pytest.mark.parametrize("event", ["message-with-ack", "nothing"])
def test_an_ack_without_arguments_is_an_empty_list(server: Server, event: str) -> None:
    with connected(server) as client:
        client.send(f'420["{event}"]')
        assert client.text() == "430[]"


@pytest.mark.parametrize("number", [0, 1, 999, 2**31, 2**53 - 1])
def test_ack_ids_up_to_2_53(server: Server, number: int) -> None:
    with connected(server) as client:
        client.send(f'42{number}["message-with-ack"]')
        assert client.text() == f"43{number}[]"


def test_acks_come_in_the_order_of_their_events(server: Server) -> None:
    with connected(server) as client:
        for number in range(200):
            client.send(f'42{number}["message-with-ack",{number}]')
        assert [client.text() for _ in range(200)] == [f"43{n}[{n}]" for n in range(200)]


def ack_id(packet: str) -> str:
    """The ack id in a question."""
    head, _, rest = packet.partition("[")
    assert rest.startswith('"question"'), packet
    return head[2:]


def test_the_client_acknowledges(server: Server) -> None:
    with connected(server) as client:
        client.send('42["ask","why"]')
        packet = client.text()
        number = ack_id(packet)
        assert number.isdigit()
        assert packet == f'42{number}["question","why"]'
        client.send(f'43{number}["because",1]')
        assert client.text() == '42["answer","because",1]'


def test_a_second_ack_for_one_event_is_ignored(server: Server) -> None:
    with connected(server) as client:
        client.send('42["ask"]')
        number = ack_id(client.text())
        client.send(f"43{number}[1]")
        assert client.text() == '42["answer",1]'
        client.send(f"43{number}[2]")
        assert client.is_served()


def test_server_ack_ids_differ(server: Server) -> None:
    with connected(server) as client:
        for _ in range(3):
            client.send('42["ask"]')
        numbers = [ack_id(client.text()) for _ in range(3)]
        assert len(set(numbers)) == 3
        for number in reversed(numbers):
            client.send(f"43{number}[{number}]")
        answers = {client.text() for _ in range(3)}
        assert answers == {f'42["answer",{number}]' for number in numbers}


@pytest.mark.parametrize("number", ["77", "9007199254740992"])
def test_acks_for_nothing_are_ignored(server: Server, number: str) -> None:
    with connected(server) as client:
        client.send(f"43{number}[1]")
        client.send(f"461-{number}[{ONE}]")
        client.send_binary(b"\x01")
        assert client.is_served()


def test_an_ack_of_another_clients_is_ignored(server: Server) -> None:
    with connected(server) as asked, connected(server) as other:
        asked.send('42["ask"]')
        number = ack_id(asked.text())
        other.send(f'43{number}["stolen"]')
        assert other.is_served()
        asked.send(f'43{number}["mine"]')
        assert asked.text() == '42["answer","mine"]'


def test_binary_both_ways(server: Server) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{ONE}]')
        client.send_binary(b"\x00\x01\xff")
        assert client.text() == f'451-["message-back",{ONE}]'
        assert client.binary() == b"\x00\x01\xff"


def test_binary_in_a_namespace(server: Server) -> None:
    with connected(server) as client:
        client.connect("/custom")
        client.text()
        client.send(f'451-/custom,["message",{ONE}]')
        client.send_binary(b"\x01")
        assert client.text() == f'451-/custom,["message-back",{ONE}]'
        assert client.binary() == b"\x01"


def test_a_binary_ack_of_the_servers(server: Server) -> None:
    with connected(server) as client:
        client.send(f'452-789["message-with-ack",{ONE},{{"a":[{TWO}]}}]')
        client.send_binary(b"\x01")
        client.send_binary(b"\x02")
        assert client.text() == f'462-789[{ONE},{{"a":[{TWO}]}}]'
        assert (client.binary(), client.binary()) == (b"\x01", b"\x02")


def test_a_binary_ack_of_the_clients(server: Server) -> None:
    with connected(server) as client:
        client.send('42["ask"]')
        number = ack_id(client.text())
        client.send(f"461-{number}[{ONE}]")
        client.send_binary(b"\x07")
        assert client.text() == f'451-["answer",{ONE}]'
        assert client.binary() == b"\x07"


def test_attachments_deep_in_the_data(server: Server) -> None:
    with connected(server) as client:
        client.send('42["bytes"]')
        assert client.text() == f'452-["bytes",{{"a":{ONE},"b":[1,{{"c":{TWO}}}]}}]'
        assert (client.binary(), client.binary()) == (b"\x01\x02", b"\x03")


def test_attachments_may_be_used_in_another_order(server: Server) -> None:
    with connected(server) as client:
        client.send(f'452-["message",{TWO},{ONE}]')
        client.send_binary(b"a")
        client.send_binary(b"b")
        assert client.text() == f'452-["message-back",{ONE},{TWO}]'
        assert (client.binary(), client.binary()) == (b"b", b"a")


def test_an_empty_attachment(server: Server) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{ONE}]')
        client.send_binary(b"")
        assert client.text() == f'451-["message-back",{ONE}]'
        assert client.binary() == b""


def test_ten_attachments(server: Server) -> None:
    places = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(10))
    with connected(server) as client:
        client.send(f'4510-["message",{places}]')
        for n in range(10):
            client.send_binary(bytes([n]))
        assert client.text() == f'4510-["message-back",{places}]'
        assert [client.binary() for _ in range(10)] == [bytes([n]) for n in range(10)]


def test_a_large_attachment(server: Server) -> None:
    data = bytes(range(256)) * 3000
    with connected(server) as client:
        client.send(f'451-["message",{ONE}]')
        client.send_binary(data)
        assert client.text() == f'451-["message-back",{ONE}]'
        assert client.binary() == data


def test_a_ping_may_come_between_header_and_attachment(server: Server) -> None:
    with connected(server) as client:
        client.send(f'451-["message",{ONE}]')
        client.stream.send(encode(PING, b"x"))
        client.send_binary(b"\x01")
        assert client.frame().payload == b"x"
        assert client.text() == f'451-["message-back",{ONE}]'


def test_an_event_nobody_handles_costs_nothing(server: Server) -> None:
    with connected(server) as client:
        client.send('42["unheard-of",1]')
        client.send('425["unheard-of",1]')
        client.send('42[7,"a number is a name too"]')
        assert client.is_served()


@pytest.mark.differs("node", reason="an exception in a handler ends the process")
def test_a_handler_that_raises_costs_nothing(server: Server) -> None:
    with connected(server) as client:
        client.send('42["fail"]')
        client.send('427["fail"]')
        assert client.is_served()
    assert "on purpose" in server.output()


def test_a_room_gets_what_is_said_to_it(server: Server) -> None:
    with connected(server) as inside, connected(server) as outside, polling(server) as slow:
        assert inside.call("join", "kitchen") == "joined"
        assert slow.call("join", "kitchen") == "joined"
        outside.send('42["say","kitchen","hello"]')
        assert inside.text() == '42["said","hello"]'
        assert slow.packet() == '42["said","hello"]'
        assert outside.is_served()
        assert inside.call("leave", "kitchen") == "left"
        outside.send('42["say","kitchen","again"]')
        assert slow.packet() == '42["said","again"]'
        assert inside.is_served()


@pytest.mark.differs("node", reason="an array is several rooms only in its own API")
def test_a_member_of_two_rooms_gets_one_emit_to_both_once(server: Server) -> None:
    with connected(server) as client:
        client.call("join", "a")
        client.call("join", "b")
        client.send('42["say",["a","b"],1]')
        assert client.text() == '42["said",1]'
        assert client.is_served()


def test_a_broadcast_reaches_its_namespace_only(server: Server) -> None:
    with connected(server) as here, connected(server) as also:
        also.connect("/custom")
        also.text()
        here.send('42["shout",1]')
        assert here.text() == '42["shouted",1]'
        assert also.text() == '42["shouted",1]'
        also.send('42/custom,["shout",2]')
        assert also.text() == '42/custom,["shouted",2]'
        assert here.is_served()


def test_a_broadcast_may_leave_out_its_sender(server: Server) -> None:
    with connected(server) as sender, connected(server) as other:
        sender.send('42["shout-to-others",1]')
        assert other.text() == '42["shouted",1]'
        assert sender.is_served()


def test_a_broadcast_may_leave_out_rooms(server: Server) -> None:
    with Client(server) as sender, connected(server) as inside, connected(server) as outside:
        sid = sender.connect()
        assert inside.call("join", "closed") == "joined"
        sender.send(f'42["shout-except",["closed","{sid}","nobody"],1]')
        sender.send('42["shout-except","nobody",2]')
        assert outside.text() == '42["shouted",1]'
        assert [client.text() for client in (sender, inside, outside)] == ['42["shouted",2]'] * 3


def test_the_same_by_polling(server: Server) -> None:
    with polling(server) as session:
        session.send('42456["message-with-ack",1]', f'452-7["message-with-ack",{ONE},{TWO}]', "bAQ==", "bAg==")
        packets = [session.packet() for _ in range(4)]
        assert packets == ["43456[1]", f"462-7[{ONE},{TWO}]", "bAQ==", "bAg=="]


def test_attachments_may_come_in_another_post(server: Server) -> None:
    with polling(server) as session:
        session.send(f'451-["message",{ONE}]')
        session.send("bAQ==")
        assert [session.packet(), session.packet()] == [f'451-["message-back",{ONE}]', "bAQ=="]
