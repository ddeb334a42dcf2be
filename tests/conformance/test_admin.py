"""The admin UI's protocol, by a raw client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.websocket import Client, connected

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.server import Pool, Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such app, or other answers")
AUTH = {"username": "ada", "password": "secret"}
NOISE = ("server_stats",)


@pytest.fixture
def serve(pool: Pool) -> Callable[..., Server]:
    """Returns a running server, instrumented with these arguments."""

    def start(**settings: Any) -> Server:
        return pool.get("admin", environ={"FANIO_TEST_ADMIN": json.dumps({"auth": AUTH} | settings)})

    return start


class Admin(Client):
    """A client that speaks as the UI does."""

    def login(self, auth: Any = AUTH) -> str:
        """Connects to /admin; returns the first packet of the answer."""
        self.send(f"40/admin,{'' if auth is None else json.dumps(auth)}")
        packet = self.text()
        if packet.startswith("40/admin,"):
            self.sid = json.loads(packet[9:])["sid"]
        return packet

    def hear(self, *, all_of: bool = False) -> list[Any]:
        """The next event, statistics left out unless they are wanted."""
        while True:
            packet = self.text()
            if packet == "2":
                self.send("3")
                continue
            assert packet.startswith("42/admin,"), packet
            args = json.loads(packet[9:])
            if all_of or args[0] not in NOISE:
                return args

    def hear_of(self, event: str, sid: str | None = None) -> list[Any]:
        """The next event of this name, and about this client if one is given."""
        while True:
            args = self.hear(all_of=True)
            if args[0] == event and (sid is None or sid in json.dumps(args)):
                return args

    def command(self, *args: Any) -> None:
        """Sends an event to /admin."""
        self.send(f"42/admin,{json.dumps(args)}")


@pytest.fixture
def admin(serve: Callable[..., Server]) -> Any:
    """Someone logged in, behind the first events."""
    with Admin(serve()) as client:
        client.login()
        assert client.hear()[0] == "session"
        assert client.hear()[0] == "config"
        assert client.hear()[0] == "all_sockets"
        yield client


def test_login_is_answered_with_a_session_the_features_and_every_client(serve: Callable[..., Server]) -> None:
    server = serve()
    with connected(server) as client, Admin(server) as admin:
        sid = client.call("whoami")
        assert admin.login().startswith("40/admin,")
        kind, session = admin.hear()
        assert (kind, len(session)) == ("session", 32)
        kind, config = admin.hear()
        assert kind == "config"
        assert set(config["supportedFeatures"]) == {
            *("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"),
            *("AGGREGATED_EVENTS", "ALL_EVENTS"),
        }
        kind, sockets = admin.hear()
        assert kind == "all_sockets"
        (one,) = [socket for socket in sockets if socket["id"] == sid]
        assert (one["nsp"], one["transport"], one["clientId"]) == ("/", "websocket", client.session_id)
        assert set(one["rooms"]) == {sid, "lobby"}
        assert one["handshake"]["address"] == "127.0.0.1"
        assert one["handshake"]["query"] == {"EIO": "4", "transport": "websocket"}
        assert one["handshake"]["headers"]["host"] == server.authority
        with Admin(server) as again:
            assert again.login({"sessionId": session}).startswith("40/admin,")


def test_wrong_credentials_are_refused_and_further_attempts_are_ignored(pool: Pool) -> None:
    server = pool.start("admin", environ={"FANIO_TEST_ADMIN": json.dumps({"auth": AUTH})})
    try:
        with Admin(server) as admin:
            for wrong in (None, {}, {"username": "ada"}, AUTH | {"x": 1}, AUTH | {"password": 1}):
                assert admin.login(wrong) == '44/admin,{"message":"invalid credentials"}'
            assert "too many" in admin.login()
    finally:
        server.stop()


def test_statistics_come_by_themselves(admin: Admin) -> None:
    _, stats = admin.hear_of("server_stats")
    while not stats["aggregatedEvents"]:
        _, stats = admin.hear_of("server_stats")
    assert stats["clientsCount"] >= 1
    assert stats["pollingClientsCount"] == 0
    assert {"name": "/admin", "socketsCount": 1} in stats["namespaces"]
    assert {"timestamp", "type", "count"} <= set(stats["aggregatedEvents"][0])
    with connected(admin.server):
        pass
    kinds: set[str] = set()
    while not {"rawConnection", "rawDisconnection", "packetsIn", "packetsOut", "bytesIn", "bytesOut"} <= kinds:
        _, stats = admin.hear_of("server_stats")
        kinds |= {event["type"] for event in stats["aggregatedEvents"]}


def test_development_mode_reports_what_happens_to_clients(admin: Admin) -> None:
    with connected(admin.server) as client:
        sid = client.call("whoami")
        assert admin.hear_of("room_joined", sid)[1:4] == ["/", "lobby", sid]
        assert admin.hear_of("socket_connected", sid)[1]["id"] == sid
        _, namespace, who, args, _ = admin.hear_of("event_received", sid)
        assert (namespace, who, args) == ("/", sid, ["whoami"])
        client.send('42["say",{"a":1}]')
        assert admin.hear_of("event_received", sid)[3] == ["say", {"a": 1}]
        assert admin.hear_of("event_sent", sid)[1:4] == ["/", sid, ["said", {"a": 1}]]
        client.send('451-["say",{"_placeholder":true,"num":0}]')
        client.send_binary(b"abc")
        assert admin.hear_of("event_received", sid)[3] == ["say", "<3 bytes>"]
        client.send("41")
        assert admin.hear_of("socket_disconnected", sid)[1:4] == ["/", sid, "client disconnect"]


def test_an_upgrade_is_reported(admin: Admin) -> None:
    from fixtures.polling import Polling

    with Polling(admin.server) as session:
        sid = session.connect()
        assert admin.hear_of("socket_connected", sid)[1]["transport"] == "polling"
        with session.upgrade():
            assert admin.hear_of("socket_updated", sid)[1] == {"id": sid, "nsp": "/", "transport": "websocket"}


def test_every_command(admin: Admin) -> None:
    with connected(admin.server) as client:
        sid = client.call("whoami")
        admin.command("emit", "/", sid, "hello", 1, {"two": 2})
        assert client.text() == '42["hello",1,{"two":2}]'
        admin.command("join", "/", "vip", sid)
        assert admin.hear_of("room_joined", "vip")[1:4] == ["/", "vip", sid]
        admin.command("emit", "/", "vip", "again")
        assert client.text() == '42["again"]'
        admin.command("leave", "/", "vip", sid)
        assert admin.hear_of("room_left", "vip")[1:4] == ["/", "vip", sid]
        admin.command("emit", "/", "vip", "unheard")
        admin.command("_disconnect", "/", False, sid)
        assert client.text() == "41"
        client.connect()
        admin.command("_disconnect", "/", True, "lobby")
        assert client.close_code() in (1000, 1005, 1006)


@pytest.mark.parametrize(
    "args",
    [
        ["emit"],
        ["emit", 1, 2, 3],
        ["join", "/"],
        ["leave", None, {}],
        ["_disconnect", "/", "x", []],
        ["_disconnect", []],
    ],
)
def test_commands_without_sense_hurt_nobody(admin: Admin, args: list[Any]) -> None:
    with connected(admin.server) as client:
        admin.command(*args)
        admin.hear_of("server_stats")
        assert client.call("whoami")


def test_read_only_takes_no_commands(serve: Callable[..., Server]) -> None:
    server = serve(read_only=True)
    with connected(server) as client, Admin(server) as admin:
        admin.login()
        assert admin.hear_of("config")[1]["supportedFeatures"] == ["AGGREGATED_EVENTS", "ALL_EVENTS"]
        admin.command("_disconnect", "/", False, client.call("whoami"))
        admin.hear_of("server_stats")
        assert client.call("whoami")


def test_production_mode_shows_numbers_only(serve: Callable[..., Server]) -> None:
    server = serve(mode="production", auth=False)
    with Admin(server) as admin, connected(server) as client:
        admin.login()
        assert "ALL_EVENTS" not in admin.hear()[1]["supportedFeatures"]
        client.call("whoami")
        for _ in range(3):
            assert admin.hear(all_of=True)[0] == "server_stats"
