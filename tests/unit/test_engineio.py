"""The Engine.IO server: options that reach the shards, sessions, what it refuses to do."""

from __future__ import annotations

import asyncio

import pytest
from fake_core import FakeCore, settle, until

import fanio
from fanio import _core, engineio
from fanio.engineio.packet import Packet

HEAD = b"GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\n\r\n"


@pytest.fixture
async def eio(fake):
    """A server on the fake core, running."""
    server = engineio.AsyncServer()
    server._serve_on(asyncio.get_running_loop())
    yield server
    await server.shutdown()


async def joined(eio, sid="s"):
    """Lets a client in."""
    core = eio._core
    core.push(_core.ADMISSION, 7, sid, True, HEAD, None, False)
    await until(lambda: (7, sid, None, "") in core.of("admit"))
    core.push(_core.OPEN, sid, HEAD, None, False, "polling")
    await until(lambda: eio.sockets[sid].held is None)
    return core


async def test_messages_sent_by_the_connect_handler_wait_for_the_handshake(eio):
    @eio.on("connect")
    async def connect(sid, environ):
        assert environ["REQUEST_METHOD"] == "GET"
        await eio.send(sid, {"a": 1})
        await eio.send(sid, b"b")

    eio._core.push(_core.ADMISSION, 7, "s", True, HEAD, None, False)
    await until(lambda: eio._core.of("admit"))
    assert not eio._core.of("send")
    eio._core.push(_core.OPEN, "s", HEAD, None, False, "polling")
    await until(lambda: eio._core.of("send"))
    assert eio._core.of("send") == [("s", ['{"a":1}', b"b"])]


async def test_a_client_that_left_meanwhile_has_a_disconnect(eio):
    gone = []
    eio.on("disconnect", lambda sid, reason: gone.append((sid, reason)))
    eio._core.push(_core.ADMISSION, 7, "s", True, HEAD, None, False)
    await until(lambda: eio._core.of("admit"))
    eio._core.push(_core.CLOSED, "s", "transport close")
    await until(lambda: gone)
    assert gone == [("s", "transport close")]
    assert "s" not in eio.sockets


async def test_a_refused_client_has_none(eio):
    gone = []
    eio.on("connect", lambda sid, environ: "no")
    eio.on("disconnect", lambda sid: gone.append(sid))
    eio._core.push(_core.ADMISSION, 7, "s", True, HEAD, None, False)
    await until(lambda: eio._core.of("deny"))
    assert eio._core.of("deny") == [(7, "s", 401, '"no"', True)]
    assert not eio.sockets
    assert not gone


@pytest.mark.parametrize("error", [asyncio.CancelledError, ValueError])
async def test_a_handshake_whose_connect_handler_raises_is_refused(eio, error, caplog):
    gone = []

    @eio.on("connect")
    async def connect(sid, environ):
        raise error

    eio.on("disconnect", lambda sid: gone.append(sid))
    eio._core.push(_core.ADMISSION, 7, "s", True, HEAD, None, False)
    await until(lambda: eio._core.of("deny"))
    assert [call[2] for call in eio._core.of("deny")] == [403 if error is asyncio.CancelledError else 401]
    assert (gone, list(eio.sockets), eio._sessions.running) == ([], [], set())


async def test_a_client_that_is_refused_after_its_connect_handler_has_a_disconnect(eio, caplog):
    gone = []
    eio.on("connect", lambda sid, environ: None)
    eio.on("disconnect", lambda sid, reason: gone.append(reason))

    @eio.on("initial_headers")
    async def initial_headers(headers, environ):
        raise ValueError

    eio._core.push(_core.ADMISSION, 7, "s", True, HEAD, None, False)
    await until(lambda: eio._core.of("deny"))
    await until(lambda: not eio.sockets)
    assert gone == ["server disconnect"]


async def test_shutdown_waits_for_connect_handlers_and_their_disconnect_handlers(eio):
    steps = []

    @eio.on("connect")
    async def connect(sid, environ):
        await asyncio.sleep(0.05)
        steps.append("connect")

    @eio.on("disconnect")
    async def disconnect(sid, reason):
        await asyncio.sleep(0.02)
        steps.append(reason)

    eio._core.push(_core.ADMISSION, 7, "s", True, HEAD, None, False)
    await until(lambda: eio._sessions.running)
    await eio.shutdown()
    assert steps == ["connect", "server shutdown"]
    assert [call[2] for call in eio._core.of("deny")] == [503]
    assert not eio.sockets


async def test_messages_are_tasks_or_take_turns(eio):
    seen, gates = [], {1: asyncio.Event(), 2: asyncio.Event()}

    @eio.on("message")
    async def message(sid, data):
        seen.append(data)
        await gates[data[0]].wait()

    core = await joined(eio)
    for number in (1, 2):
        core.push(_core.MESSAGE, "s", f"[{number}]")
    await until(lambda: seen == [[1], [2]])
    eio.async_handlers = False
    for number in (1, 2):
        core.push(_core.MESSAGE, "s", f"[{number}, 0]")
    await until(lambda: len(seen) == 3)
    gates[1].set()
    await until(lambda: len(seen) == 4)
    assert seen[2:] == [[1, 0], [2, 0]]
    gates[2].set()


async def test_user_sessions_live_as_long_as_the_client(eio):
    core = await joined(eio)
    async with eio.session("s") as session:
        session["a"] = 1
    seen = []

    @eio.on("disconnect")
    async def disconnect(sid):
        seen.append(await eio.get_session(sid))

    core.push(_core.CLOSED, "s", "ping timeout")
    await until(lambda: seen == [{"a": 1}])
    with pytest.raises(KeyError, match="Session not found"):
        await eio.get_session("s")


async def test_packets_of_the_core_cannot_be_sent(eio):
    core = await joined(eio)
    await eio.send_packet("s", Packet(engineio.packet.MESSAGE, "m"))
    assert core.of("send") == [("s", ["m"])]
    with pytest.raises(ValueError, match="expected a packet of type MESSAGE or CLOSE, got PING"):
        await eio.send_packet("s", Packet(engineio.packet.PING))
    await eio.send_packet("s", Packet(engineio.packet.CLOSE))
    assert core.of("close") == [("s", "server disconnect")]


async def test_disconnect_of_nobody_closes_all(eio):
    core = await joined(eio, "a")
    await joined(eio, "b")
    await eio.disconnect("unknown")
    core.calls.clear()
    await eio.disconnect()
    assert sorted(sid for sid, _ in core.of("close")) == ["a", "b"]


# Options


@pytest.mark.parametrize("make", [engineio.AsyncServer, lambda: fanio.AsyncServer().eio])
@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("ping_interval", 3, [("ping_interval", 3.0)]),
        ("ping_interval", (3, 1), [("ping_grace", 1.0), ("ping_interval", 3.0)]),
        ("ping_interval_grace_period", 2, [("ping_grace", 2.0)]),
        ("ping_timeout", 0.5, [("ping_timeout", 0.5)]),
        ("max_http_buffer_size", 10, [("max_http_buffer_size", 10)]),
        ("cors_allowed_origins", [], [("cors", "off")]),
        ("cors_allowed_origins", "http://a", [("cors", ["http://a"])]),
        ("transports", "websocket", [("transports", ["websocket"])]),
        ("cookie", "io", [("cookie", ("io", "; Path=/; SameSite=Lax"))]),
        ("http_compression", False, [("http_compression", False)]),
        ("write_timeout", 3, [("write_timeout", 3.0)]),
        ("max_queue_packets", 5, [("max_queue_packets", 5)]),
    ],
)
def test_options_are_attributes_that_reach_the_shards(fake, make, name, value, sent):
    eio = make()
    eio._core.calls.clear()
    setattr(eio, name, value)
    assert sorted(eio._core.of("set_option")) == sorted(sent)


def test_functions_set_later_are_asked(fake):
    eio = fanio.AsyncServer().eio
    eio.cors_allowed_origins = lambda origin: True
    eio.allow_request = lambda environ: True
    assert eio._core.of("set_option") == [("admission", True), ("cors", "ask")]
    assert callable(eio.cors_allowed_origins)


def test_a_wrong_value_changes_nothing(fake):
    eio = engineio.AsyncServer()
    eio._core.calls.clear()
    with pytest.raises(ValueError, match="No valid transports"):
        eio.transports = ["carrier pigeon"]
    with pytest.raises(TypeError, match=r"ping_timeout: expected seconds, .* got 'soon'"):
        eio.ping_timeout = "soon"
    assert (eio.transports, eio.ping_timeout) == (["polling", "websocket"], 20)
    assert not eio._core.of("set_option")


def test_a_pair_for_the_interval_is_split():
    eio = engineio.AsyncServer(ping_interval=(10, 5))
    assert (eio.ping_interval, eio.ping_interval_grace_period) == (10, 5)


def test_missing_names_say_so():
    with pytest.raises(ValueError, match="Invalid async_mode"):
        engineio.AsyncServer(async_mode="aiohttp")
    with pytest.warns(UserWarning, match="did you mean 'max_queue_bytes'"):
        engineio.AsyncServer(max_queue_byte=1)
    eio = engineio.AsyncServer()
    with pytest.raises(RuntimeError, match="ASGIApp"):
        eio.attach(object())
    with pytest.raises(ValueError, match="Invalid event 'massage'"):
        eio.on("massage", print)


def test_ids_are_20_characters_and_differ():
    eio = engineio.AsyncServer()
    ids = {eio.generate_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(one) for one in ids} == {20}


@pytest.mark.parametrize("how", ["subclass", "attribute"])
async def test_an_overridden_generate_id_is_warned_of(fake, how):
    class Named(engineio.AsyncServer):
        def generate_id(self):
            return "mine"

    eio = Named() if how == "subclass" else engineio.AsyncServer()
    if how == "attribute":
        eio.generate_id = lambda: "mine"
    plain = engineio.AsyncServer()
    loop = asyncio.get_running_loop()
    with pytest.warns(UserWarning, match="generate_id is not called"):
        eio._serve_on(loop)
    # Once; here a warning is an error.
    eio._serve_on(loop)
    plain._serve_on(loop)
    for server in (eio, plain):
        await server.shutdown()


# Below a Socket.IO server


async def test_the_connections_of_a_socketio_server(serve):
    sio, core = serve()
    assert isinstance(core, FakeCore)
    sid = core.connect()
    await until(lambda: core.of("accept"))
    session_id = core.session_of(sid)
    assert list(sio.eio.sockets) == [session_id]
    assert sio.eio.sockets[session_id].upgraded
    assert sio.eio.transport(session_id) == "websocket"
    await sio.save_session(sid, {"a": 1})
    core.sid_of = lambda session, namespace: sid
    assert await sio.eio.get_session(session_id) == {"/": {"a": 1}}
    await sio.eio.save_session(session_id, {"/": {"b": 2}})
    assert await sio.get_session(sid) == {"b": 2}
    await sio.eio.send(session_id, "raw")
    await sio.eio.disconnect(session_id)
    assert (core.of("send"), core.of("close")) == ([(session_id, ["raw"])], [(session_id, "server disconnect")])
    assert "unknown" not in sio.eio.sockets


async def test_a_message_waits_for_a_client_that_has_not_taken_the_ones_before(eio):
    core = await joined(eio)
    core.room["s"] = 0
    tasks = [asyncio.ensure_future(eio.send("s", f"m{number}")) for number in range(3)]
    tasks.append(asyncio.ensure_future(eio.sockets["s"].send(Packet(engineio.packet.MESSAGE, "m3"))))
    await settle()
    assert core.of("send") == []
    core.drain_client("s", 100)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert [messages for _, messages in core.of("send")] == [[f"m{number}"] for number in range(4)]
