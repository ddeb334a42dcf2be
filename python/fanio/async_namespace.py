"""Class-based namespaces for asyncio: methods named ``on_<event>`` are the handlers.

Owns the methods that call the server or the client with this namespace. ``base_namespace`` finds the
handlers.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from fanio.base_namespace import AsyncTrigger

if TYPE_CHECKING:
    from fanio.async_client import AsyncClient
    from fanio.async_server import AsyncServer
    from fanio.types import Callback, Room, Rooms, SkipSid

__all__ = ["AsyncClientNamespace", "AsyncNamespace"]


class AsyncNamespace(AsyncTrigger):
    """The handlers of one namespace, as the methods of a class.

    ``on_connect(sid, environ[, auth])``, ``on_disconnect(sid[, reason])`` and
    ``on_<event>(sid, *args)`` may be ``async def`` or plain methods. Register an instance with
    ``AsyncServer.register_namespace``. The namespace ``"*"`` handles the namespaces that have no class
    of their own. Its methods get the namespace before the sid.
    """

    #: Set by ``register_namespace``.
    server: AsyncServer

    def _set_server(self, server: AsyncServer) -> None:
        self.server = server

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        ignore_queue: bool = False,
        *,
        except_room: Rooms | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
    ) -> None:
        """Emit an event to this namespace; see ``AsyncServer.emit``."""
        await self.server.emit(
            event,
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
            except_room=except_room,
            volatile=volatile,
            conflate=conflate,
            compress=compress,
        )

    async def send(
        self,
        data: Any,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        ignore_queue: bool = False,
        *,
        except_room: Rooms | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
    ) -> None:
        """Emit the event ``message`` to this namespace; see ``AsyncServer.send``."""
        await self.server.send(
            data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
            except_room=except_room,
            volatile=volatile,
            conflate=conflate,
            compress=compress,
        )

    async def call(
        self,
        event: str,
        data: Any = None,
        to: Room | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """Emit an event and return the answer; see ``AsyncServer.call``.

        The default of ``timeout`` is None here, which waits as long as the client is connected.
        """
        return await self.server.call(
            event,
            data=data,
            to=to,
            sid=sid,
            namespace=namespace or self.namespace,
            timeout=timeout,
            ignore_queue=ignore_queue,
        )

    async def enter_room(self, sid: str, room: Room | list[Room], namespace: str | None = None) -> None:
        """Put a client into a room; see ``AsyncServer.enter_room``."""
        await self.server.enter_room(sid, room, namespace=namespace or self.namespace)

    async def leave_room(self, sid: str, room: Room | list[Room], namespace: str | None = None) -> None:
        """Take a client out of a room; see ``AsyncServer.leave_room``."""
        await self.server.leave_room(sid, room, namespace=namespace or self.namespace)

    async def close_room(self, room: Room, namespace: str | None = None) -> None:
        """Take everybody out of a room; see ``AsyncServer.close_room``."""
        await self.server.close_room(room, namespace=namespace or self.namespace)

    def rooms(self, sid: str, namespace: str | None = None) -> list[Room]:
        """Return the rooms a client is in; see ``AsyncServer.rooms``."""
        return self.server.rooms(sid, namespace=namespace or self.namespace)

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Return a client's user session; see ``AsyncServer.get_session``."""
        return await self.server.get_session(sid, namespace=namespace or self.namespace)

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Store a client's user session; see ``AsyncServer.save_session``."""
        await self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Return a client's user session as a context; see ``AsyncServer.session``."""
        return self.server.session(sid, namespace=namespace or self.namespace)

    async def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Disconnect a client; see ``AsyncServer.disconnect``."""
        await self.server.disconnect(sid, namespace=namespace or self.namespace)


class AsyncClientNamespace(AsyncTrigger):
    """The handlers of one namespace of a client, as the methods of a class.

    ``on_connect()``, ``on_connect_error(data)``, ``on_disconnect([reason])`` and
    ``on_<event>(*args)`` may be ``async def`` or plain methods. Register an instance with
    ``AsyncClient.register_namespace``.
    """

    #: Set by ``register_namespace``.
    client: AsyncClient

    def _set_client(self, client: AsyncClient) -> None:
        self.client = client

    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        **options: Any,
    ) -> None:
        """Emit an event in this namespace; see ``AsyncClient.emit``."""
        await self.client.emit(event, data, namespace=namespace or self.namespace, callback=callback, **options)

    async def send(
        self,
        data: Any,
        namespace: str | None = None,
        callback: Callback | None = None,
        **options: Any,
    ) -> None:
        """Emit the event ``message`` in this namespace; see ``AsyncClient.send``."""
        await self.client.send(data, namespace=namespace or self.namespace, callback=callback, **options)

    async def call(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Emit an event and return the answer; see ``AsyncClient.call``.

        The default of ``timeout`` is None here, which waits as long as the connection lasts.
        """
        return await self.client.call(event, data, namespace=namespace or self.namespace, timeout=timeout)

    async def disconnect(self) -> None:
        """Disconnect the client; see ``AsyncClient.disconnect``."""
        await self.client.disconnect()
