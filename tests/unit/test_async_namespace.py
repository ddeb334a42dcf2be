"""Class-based namespaces: methods as handlers, delegation with their own namespace."""

from __future__ import annotations

import json

import pytest
from fake_core import settle, until

import fanio


class Chat(fanio.AsyncNamespace):
    def __init__(self, namespace=None):
        super().__init__(namespace)
        self.seen = []

    async def on_connect(self, sid, environ):
        self.seen.append(("connect", sid, environ["PATH_INFO"]))

    def on_disconnect(self, sid, reason):
        self.seen.append(("disconnect", sid, reason))

    async def on_say(self, sid, text):
        self.seen.append(("say", text))
        await self.emit("said", text, skip_sid=sid)
        return text


async def test_methods_handle_connect_events_and_disconnect(serve):
    sio, core = serve()
    chat = Chat("/chat")
    sio.register_namespace(chat)
    sid = core.connect("/chat")
    await until(lambda: core.of("accept"))
    core.event(sid, b'["say","hi"]', 5)
    core.drop(sid)
    await until(lambda: core.forgotten)
    assert chat.seen == [("connect", sid, "/socket.io/"), ("say", "hi"), ("disconnect", sid, "transport close")]
    assert core.of("ack") == [(sid, 5, b'["hi"]', None)]
    assert core.of("emit") == [("/chat", b'["said","hi"]', None, None, [sid], None, None, False, None, True)]


async def test_event_without_method_is_acknowledged(serve):
    sio, core = serve()
    sio.register_namespace(Chat("/chat"))
    sid = core.connect("/chat")
    core.event(sid, b'["nothing"]', 1)
    await until(lambda: core.of("ack"))
    assert core.of("ack") == [(sid, 1, b"[]", None)]


async def test_overridden_trigger_event_dispatches(serve):
    class Everything(fanio.AsyncNamespace):
        async def trigger_event(self, event, *args):
            if event in ("connect", "disconnect"):
                return await super().trigger_event(event, *args)
            return [event, *args[1:]]

        def on_connect(self, sid, environ):
            return sid != "sid2"

    sio, core = serve()
    sio.register_namespace(Everything("/e"))
    sid = core.connect("/e", b'{"token":1}')
    core.connect("/e")
    await until(lambda: core.of("accept") and core.of("refuse"))
    core.event(sid, b'["anything",1]', 1)
    await until(lambda: core.of("ack"))
    assert json.loads(core.of("ack")[0][2]) == [["anything", 1]]


async def test_calls_are_made_with_the_class_namespace(serve):
    sio, core = serve()
    chat = Chat("/chat")
    sio.register_namespace(chat)
    sid = core.connect("/chat")
    await until(lambda: core.of("accept"))
    await chat.enter_room(sid, "r")
    assert chat.rooms(sid) == [sid, "r"]
    await chat.leave_room(sid, "r")
    await chat.close_room("r")
    assert chat.rooms(sid) == [sid]
    async with chat.session(sid) as session:
        session["a"] = 1
    assert await chat.get_session(sid) == {"a": 1}
    await chat.save_session(sid, {})
    await chat.send("x", to=sid)
    await chat.disconnect(sid)
    await settle()
    assert [call[0] for call in core.of("emit")] == ["/chat"]
    assert core.of("disconnect") == [(sid, "/chat")]


def test_default_namespace_is_the_root():
    assert fanio.AsyncNamespace().namespace == "/"


async def test_only_namespace_objects_can_be_registered(serve):
    sio, _ = serve()
    with pytest.raises(ValueError):
        sio.register_namespace(object())


def test_methods_a_client_tries_are_not_kept():
    chat = Chat("/chat")
    for number in range(100):
        assert chat.method(f"tried{number}") is None
    assert chat.method("say") is not None
    assert list(chat._methods) == ["on_say"]
