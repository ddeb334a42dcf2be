"""Results and exceptions of public methods with an unknown sid, room or namespace."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World

PLACES = [("gone", "/"), ("gone", "/empty"), ("gone", "/nowhere"), (None, "/"), (5, "/")]


def of_server(sio: Any, sid: Any, namespace: str) -> dict[str, Callable[[], Any]]:
    """The methods of the server that take a sid, a room or a namespace."""
    where = {"namespace": namespace}
    return {
        "emit": lambda: sio.emit("nobody", to=sid or "gone", **where),
        "emit, callback": lambda: sio.emit("nobody", to=sid or "gone", callback=print, **where),
        "emit, room": lambda: sio.emit("nobody", room="nobody's", **where),
        "emit, rooms": lambda: sio.emit("nobody", to=["nobody's", "gone"], **where),
        "emit, skip_sid": lambda: sio.emit("nobody", to="gone", skip_sid="gone", **where),
        "send": lambda: sio.send("nobody", to=sid or "gone", **where),
        "call": lambda: sio.call("nobody", to=sid or "gone", timeout=0.01, **where),
        "call, nobody": lambda: sio.call("nobody", **where),
        "enter_room": lambda: sio.enter_room(sid, "room", **where),
        "leave_room": lambda: sio.leave_room(sid, "room", **where),
        "close_room": lambda: sio.close_room("nobody's", **where),
        "rooms": lambda: sio.rooms(sid, **where),
        "get_session": lambda: sio.get_session(sid, **where),
        "save_session": lambda: sio.save_session(sid, {}, **where),
        "session": lambda: enter(sio.session(sid, **where)),
        "disconnect": lambda: sio.disconnect(sid, **where),
        "disconnect, ignore_queue": lambda: sio.disconnect(sid, ignore_queue=True, **where),
        "transport": lambda: sio.transport(sid, **where),
        "get_environ": lambda: sio.get_environ(sid, **where),
        "environ": lambda: sio.environ[sid],
        "handlers": lambda: sio.handlers["/nowhere"],
        "namespace_handlers": lambda: sio.namespace_handlers["/nowhere"],
    }


def of_namespace(space: Any, sid: Any, namespace: str) -> dict[str, Callable[[], Any]]:
    """The methods of a class namespace."""
    space.namespace = namespace
    return {
        "emit": lambda: space.emit("nobody", to=sid or "gone"),
        "send": lambda: space.send("nobody", to=sid or "gone"),
        "call": lambda: space.call("nobody", to=sid or "gone", timeout=0.01),
        "enter_room": lambda: space.enter_room(sid, "room"),
        "leave_room": lambda: space.leave_room(sid, "room"),
        "close_room": lambda: space.close_room("nobody's"),
        "rooms": lambda: space.rooms(sid),
        "get_session": lambda: space.get_session(sid),
        "save_session": lambda: space.save_session(sid, {}),
        "session": lambda: enter(space.session(sid)),
        "disconnect": lambda: space.disconnect(sid),
        "trigger_event": lambda: space.trigger_event("nothing", sid),
    }


def of_manager(manager: Any, sid: Any, namespace: str) -> dict[str, Callable[[], Any]]:
    """The methods of the manager."""
    return {
        "can_disconnect": lambda: manager.can_disconnect(sid, namespace),
        "is_connected": lambda: manager.is_connected(sid, namespace),
        "is_pre_connected": lambda: manager.is_pre_connected(sid, namespace),
        "emit": lambda: manager.emit("nobody", 1, namespace, room="nobody's"),
        "emit, to": lambda: manager.emit("nobody", 1, namespace, to="nobody's"),
        "enter_room": lambda: manager.enter_room(sid, namespace, "room"),
        "leave_room": lambda: manager.leave_room(sid, namespace, "room"),
        "close_room": lambda: manager.close_room("nobody's", namespace),
        "basic_enter_room": lambda: manager.basic_enter_room(sid, namespace, "room"),
        "basic_leave_room": lambda: manager.basic_leave_room(sid, namespace, "room"),
        "basic_close_room": lambda: manager.basic_close_room("nobody's", namespace),
        "trigger_callback": lambda: manager.trigger_callback(sid, 1, []),
        "get_participants": lambda: manager.get_participants(namespace, "nobody's"),
        "get_participants, several": lambda: manager.get_participants(namespace, ["nobody's", "gone"]),
        "get_rooms": lambda: manager.get_rooms(sid, namespace),
        "is_sid_room": lambda: manager.is_sid_room(namespace, "nobody's"),
        "sid_from_eio_sid": lambda: manager.sid_from_eio_sid(sid, namespace),
        "eio_sid_from_sid": lambda: manager.eio_sid_from_sid(sid, namespace),
        "rooms": lambda: manager.rooms["/nowhere"],
        "eio_to_sid": lambda: manager.eio_to_sid[sid],
        "callbacks": lambda: manager.callbacks[sid],
    }


def of_engine(eio: Any, sid: Any) -> dict[str, Callable[[], Any]]:
    """The methods of an Engine.IO server."""
    return {
        "send": lambda: eio.send(sid, "x"),
        "get_session": lambda: eio.get_session(sid),
        "save_session": lambda: eio.save_session(sid, {}),
        "session": lambda: enter(eio.session(sid)),
        "disconnect": lambda: eio.disconnect(sid or "gone"),
        "transport": lambda: eio.transport(sid),
        "sockets": lambda: eio.sockets[sid],
        "on": lambda: eio.on("nothing", print),
    }


async def enter(context: Any) -> Any:
    async with context as session:
        return session


async def outcome(call: Callable[[], Any]) -> str:
    """What a call returns, or the class of what it raises."""
    try:
        found = call()
        if inspect.isawaitable(found):
            found = await found
        return str(list(found) if isinstance(found, Iterable) else found)
    except Exception as error:
        return type(error).__name__


async def tell(sio: Any, sid: str, calls: dict[str, Callable[[], Any]]) -> None:
    """Emits an event for each call, so that the table of differences can name it."""
    for name, call in calls.items():
        await sio.emit("found", (name, await outcome(call)), to=sid)


@case(namespaces=["/", "/full", "/empty"])
def unknown_sids(sio: Any, socketio: Any) -> Talk:
    space = socketio.AsyncNamespace("/class")
    sio.register_namespace(space)

    @sio.event
    async def ask(sid: str, number: int) -> None:
        unknown, namespace = PLACES[number]
        await tell(sio, sid, of_server(sio, unknown, namespace))
        await tell(sio, sid, of_namespace(space, unknown, namespace))
        await tell(sio, sid, of_manager(sio.manager, unknown, namespace))
        await tell(sio, sid, of_engine(sio.eio, unknown))

    def talk(world: World) -> None:
        client = world.client("/", "/full")
        for number in range(len(PLACES)):
            client.emit("ask", number, ack=number)
            client.until_ack(number)

    return talk


@case(namespaces=["/", "/full", "/empty"])
def a_sid_of_another_namespace(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str, namespace: str) -> None:
        await tell(sio, sid, of_server(sio, sid, namespace))
        await tell(sio, sid, of_manager(sio.manager, sid, namespace))

    def talk(world: World) -> None:
        client = world.client("/", "/full")
        for number, namespace in enumerate(("/full", "/empty")):
            client.emit("ask", namespace, ack=number)
            client.until_ack(number)

    return talk
