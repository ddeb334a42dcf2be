"""Class-based namespaces of the synchronous client.

Owns the methods that call the client with this namespace. ``base_namespace`` finds the handlers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio.base_namespace import SyncTrigger

if TYPE_CHECKING:
    from fanio.client import Client
    from fanio.types import Callback

__all__ = ["ClientNamespace"]


class ClientNamespace(SyncTrigger):
    """The handlers of one namespace of a client, as the methods of a class.

    They are ``on_connect()``, ``on_connect_error(data)``, ``on_disconnect([reason])`` and
    ``on_<event>(*args)``, and run in threads. Register an instance with ``Client.register_namespace``.
    """

    #: Set by ``register_namespace``.
    client: Client

    def _set_client(self, client: Client) -> None:
        self.client = client

    def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        **options: Any,
    ) -> None:
        """Emit an event in this namespace; see ``Client.emit``."""
        self.client.emit(event, data, namespace=namespace or self.namespace, callback=callback, **options)

    def send(
        self,
        data: Any,
        room: Any = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        **options: Any,
    ) -> None:
        """Emit the event ``message`` in this namespace; see ``Client.send``.

        ``room`` has no effect, as in python-socketio.
        """
        self.client.send(data, namespace=namespace or self.namespace, callback=callback, **options)

    def call(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Emit an event and return the answer; see ``Client.call``.

        The default of ``timeout`` is None here, which waits as long as the connection lasts.
        """
        return self.client.call(event, data, namespace=namespace or self.namespace, timeout=timeout)

    def disconnect(self) -> None:
        """Disconnect the client; see ``Client.disconnect``."""
        self.client.disconnect()


def __getattr__(name: str) -> Any:
    """Return a stand-in for a name that only python-socketio has; using it raises and says what to use instead."""
    from fanio._compat import absent  # noqa: PLC0415 (it imports the package)

    return absent.stand_in(__name__, name)
