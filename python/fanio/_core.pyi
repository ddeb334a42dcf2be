"""The Rust core: shards, sessions, rooms and the wire. All methods may be called from any thread."""

from collections.abc import Callable, Sequence
from typing import Any, Final, final

__all__ = [
    "ACK",
    "ADMISSION",
    "ANSWERED",
    "CLOSED",
    "CONNECT",
    "CONNECT_ERROR",
    "CROWDED",
    "DISCONNECT",
    "DRAINED",
    "EARLY_EVENT",
    "ENDED",
    "EVENT",
    "FAILED",
    "FLUSH",
    "FULL",
    "HANDOFF",
    "INLINE",
    "MESSAGE",
    "OPEN",
    "REFUSED",
    "SLOW",
    "STOPPED",
    "TOO_LARGE",
    "UPGRADED",
    "WAIT",
    "ClientConnection",
    "ClientHub",
    "Cluster",
    "FrameReader",
    "Load",
    "Server",
    "decode_base64",
    "encode_frame",
    "event_name",
    "has_big_integer",
]

CONNECT: Final[int]
"""(CONNECT, sid, namespace, session_id, auth: bytes): a client asks for a namespace; answer with accept or refuse."""
EVENT: Final[int]
"""(EVENT, sid, namespace, data: list | bytes, ack_id: int | None, attachments: list | None, places: list | None)."""
EARLY_EVENT: Final[int]
"""The same, undecoded, of a socket whose connect handler has not decided yet, or that is held: see hold()."""
ACK: Final[int]
"""(ACK, sid, namespace, data: list | bytes, ack_id: int, attachments: list | None, places: list | None)."""
FLUSH: Final[int]
"""In what emit() returns: flush() must be called soon, on this thread."""
SLOW: Final[int]
"""(SLOW, session_id, sockets: list[tuple[str, str]], bytes: int, packets: int, age: float, idle: float).

A client is closed as "slow client": what waited for it, sids with namespaces, and seconds.
"""
WAIT: Final[int]
"""What emit() returns when it may wait and much waits for the one client: nothing was sent; try again after DRAINED."""
CROWDED: Final[int]
"""With WAIT: no DRAINED follows, as too much waits for all clients; try again when is_crowded() says no."""
FULL: Final[int]
"""In what emit() returns: so much waits for the shards that the caller should wait before it emits more."""
DISCONNECT: Final[int]
"""(DISCONNECT, sid, namespace, session_id, reason: str): the socket is gone; call forget when its handler has run."""
HANDOFF: Final[int]
"""(HANDOFF, fd: int, data: bytes, listener: int): a request for another path; the fd is now the receiver's."""
ADMISSION: Final[int]
"""(ADMISSION, token: int, session_id, handshake: bool, head: bytes, peer: tuple[str, int] | None, secure: bool).

A request to admit or deny; a handshake's session id is that of the session to be.
"""
STOPPED: Final[int]
"""(STOPPED,): after shutdown(), once the last session is closed."""
INLINE: Final[int]
"""(INLINE, shard: int, fd: int): call turn(shard) on this thread when the descriptor is readable."""
OPEN: Final[int]
"""(OPEN, session_id, head: bytes, peer: tuple | None, secure: bool, transport): parsers "raw" and "application"."""
MESSAGE: Final[int]
"""(MESSAGE, session_id, data: str | bytes): what came, undecoded; parsers "raw" and "application"."""
CLOSED: Final[int]
"""(CLOSED, session_id, reason: str): the session is gone; parsers "raw" and "application"."""
TOO_LARGE: Final[int]
"""(TOO_LARGE, session_id, detail: str): a message of this session's was too large."""
REFUSED: Final[int]
"""(REFUSED, head: bytes, peer: tuple[str, int] | None, secure: bool, code: int, message: str)."""
ANSWERED: Final[int]
"""(ANSWERED, head: bytes, peer: tuple[str, int] | None, secure: bool, status: int, websocket: bool).

A request was answered, 101 for a WebSocket.
"""
ENDED: Final[int]
"""(ENDED,): a WebSocket that was told of has ended."""

# Of a client's connection: (kind, connection_id, ...).
# OPEN: (sid, transport, ping_interval: int, ping_timeout: int), in milliseconds; the handshake is done.
# CONNECT, DISCONNECT: (namespace, data: bytes), (namespace); data is JSON or nothing.
# EVENT, ACK: (namespace, data: bytes, ack_id, attachments, placeholders), as above.
# MESSAGE: (data), undecoded. CLOSED: (reason, detail), after OPEN; nothing follows.
CONNECT_ERROR: Final[int]
"""(CONNECT_ERROR, connection_id, namespace, data: bytes): the server refuses a namespace."""
DRAINED: Final[int]
"""(DRAINED, connection_id): what await_drained() waited for."""
FAILED: Final[int]
"""(FAILED, connection_id, message: str, status: int | None, body: bytes): it could not be opened; nothing follows."""
UPGRADED: Final[int]
"""(UPGRADED, connection_id): the session moved to a WebSocket."""

@final
class Server:
    """The shards of one AsyncServer and their registry."""

    def __new__(cls, options: dict[str, object]) -> Server: ...
    def set_option(self, name: str, value: object) -> None: ...
    def start(self, defer: bool = False) -> int:
        """Start the shards (once); return the file descriptor that is readable when drain() has something.

        With `defer`, what this thread sends waits for flush(), which emit() and ack() ask for, and which is also
        called behind the events of each drain(); and this thread may run turns of shards (INLINE).
        """
    def listen(
        self,
        fd: int,
        path: str,
        listener: int,
        headers: str = "",
        date: bool = False,
        idle: float | None = None,
        most: int | None = None,
        log: tuple[bool, bool, bool] = ...,
    ) -> None:
        """Accept on this listening socket; serve `path`, hand off everything else, marked with `listener`.

        Every response begins with the lines of `headers` (each with its CRLF) and, with `date`, the time; a stream may
        idle for `idle` seconds between two requests; with `most` connections or more, see crowd(), requests get 503.
        `log` asks for ANSWERED events of requests, for the same of WebSockets, and for ENDED events.
        """
    def crowd(self, outside: int) -> int:
        """Note how many connections are not with the shards; return how many are (of listeners with `most`)."""
    def unlisten(self) -> None: ...
    def adopt(
        self,
        fd: int,
        path: str,
        data: bytes,
        peer: tuple[str, int] | None,
        secure: bool,
        log: tuple[bool, bool, bool] = ...,
        polling_only: bool = False,
    ) -> None:
        """Give a connected stream (a TCP or Unix socket) to a shard; the fd is the core's from now on.

        With `polling_only` a session that opens here is offered no upgrade.
        """
    def shutdown(self) -> None:
        """Close every session (reason "server shutdown", WebSocket 1012); a STOPPED event follows."""
    def stop(self) -> None:
        """End the shard threads."""
    def drain(self, limit: int) -> list[tuple[object, ...]]: ...
    def decode_with(self, loads: Callable[[bytes], object]) -> None:
        """Have drain() decode the arguments of events without attachments, where `loads` takes them."""

    def accept(self, sid: str, payload: bytes | list[str | bytes]) -> bool:
        """Answer a CONNECT and let the socket in; false when the client has left meanwhile.

        A payload, here and below, is the packet's data, or with parser "application" its messages.
        """
    def hold(self, sid: str) -> None:
        """Have the socket's events come as EARLY_EVENT after it is accepted, until release().

        Refused, it is kept as one that leaves until forget().
        """
    def release(self, sid: str) -> None: ...
    def refuse(self, sid: str, payload: bytes | list[str | bytes]) -> None:
        """Answer a CONNECT with CONNECT_ERROR; nothing of the socket remains, unless it is held."""
    def forget(self, sid: str) -> None: ...
    def emit(
        self,
        namespace: str,
        payload: bytes | list[str | bytes],
        attachments: list[bytes] | None,
        to: list[str] | None,
        skip: list[str] | None,
        ack_id: int | None,
        except_rooms: list[str] | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
        may_wait: bool = False,
    ) -> int:
        """Send an event; return FLUSH and FULL as they hold, or WAIT when nothing was sent."""
    def is_crowded(self) -> bool:
        """Return whether so much waits for all clients that a large event for one should wait."""
    def is_full(self) -> bool:
        """Return whether more than max_inbox_bytes wait for a shard."""
    def ack(
        self,
        sid: str,
        ack_id: int,
        payload: bytes | list[str | bytes],
        attachments: list[bytes] | None,
        may_wait: bool = False,
    ) -> int:
        """Answer an event; returns as emit() does."""
    def send(self, session_id: str, messages: Sequence[str | bytes], may_wait: bool = False) -> int:
        """Send Engine.IO messages as they are, one behind the other; returns as emit() does."""
    def receive_connect(self, session_id: str, namespace: str) -> str | None:
        """Note a CONNECT that the program has read; the new sid, None when the session is gone.

        This and the next three: parser "application" only. ValueError when the packet breaks the protocol.
        """
    def receive_disconnect(self, session_id: str, namespace: str) -> str | None:
        """Note a DISCONNECT; the sid of who has left."""
    def receive_end(self, sid: str) -> bool:
        """Note a DISCONNECT event; False when the socket has left before."""
    def receive_data(self, session_id: str, namespace: str, event: str | None) -> str | None:
        """Check an event, or an ack without a name; the sid of the sender, None when it is to be dropped."""
    def flush(self) -> None:
        """Wake the shards for what was sent in this turn of the loop; run a turn of those in inline mode."""
    def turn(self, shard: int) -> bool:
        """Run a turn of a shard in inline mode, with its streams; False when it has left that mode."""
    def join(self, sid: str, namespace: str, room: str) -> None:
        """Raise KeyError for an unknown sid, ValueError for another namespace or another client's own room."""
    def leave(self, sid: str, namespace: str, room: str) -> None: ...
    def close_room(self, namespace: str, room: str) -> None: ...
    def rooms(self, sid: str, namespace: str) -> list[str]: ...
    def participants(self, namespace: str, room: str | None) -> list[tuple[str, str]]: ...
    def room_names(self, namespace: str) -> list[str]: ...
    def namespaces(self) -> list[str]: ...
    def disconnect(self, sid: str, namespace: str, payload: bytes | list[str | bytes] | None = None) -> bool:
        """Send DISCONNECT and report the socket gone with "server disconnect"; False when it is not connected."""
    def close(self, session_id: str, reason: str) -> None:
        """Close a whole session; reason is "server disconnect" or "parse error"."""
    def pause(self, session_id: str) -> None: ...
    def resume(self, session_id: str) -> None: ...
    def admit(self, token: int, session_id: str, cookie: str | None, headers: str) -> None:
        """Let a request in; `headers` are lines for the response, each with its line end."""
    def deny(self, token: int, session_id: str, status: int, body: str, readable: bool) -> None:
        """Refuse a request with a JSON body, which pages of its origin may read or not."""
    def is_connected(self, sid: str, namespace: str) -> bool: ...
    def state(self, sid: str) -> str | None:
        """Return "connecting", "connected" or "leaving"; None when unknown."""
    def namespace_of(self, sid: str) -> str | None: ...
    def session_of(self, sid: str) -> str | None: ...
    def sid_of(self, session_id: str, namespace: str) -> str | None: ...
    def sessions(self) -> list[str]:
        """Return the ids of the sessions that are open and known here: that have opened (raw) or joined a namespace."""
    def sessions_by_transport(self) -> list[tuple[str, int]]:
        """Count the sessions that have asked for a namespace, one pair per transport."""
    def transport(self, session_id: str) -> str | None: ...
    def request(self, session_id: str) -> tuple[bytes, tuple[str, int] | None, bool] | None:
        """Return the head of the handshake request, the peer's address and whether it came over TLS."""
    def counters(self) -> list[dict[str, int]]:
        """Return what each shard has counted; nothing before start() and after stop()."""

@final
class FrameReader:
    """Splits the bytes of a WebSocket's server side into messages (for the ASGI bridge)."""

    def __new__(cls) -> FrameReader: ...
    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the complete messages as (opcode, payload): 1 text, 2 binary, 8 close, 9 ping, 10 pong."""

@final
class Load:
    """One run of the load generator."""

    def __new__(cls, command: str, arguments: list[str]) -> Load: ...
    def run(self) -> dict[str, str | int | float]:
        """Run to the end; raise ValueError for wrong arguments, RuntimeError for a server or client that failed."""
    def cancel(self) -> None:
        """End the run soon: run() then raises RuntimeError, or returns when the command is idle."""
    def progress(self) -> tuple[str, float, int]:
        """Return the phase, which part of it is done (0 to 1) and what it has counted."""
    def lines(self) -> list[str]:
        """Return what the run has said since the last call."""

def decode_base64(text: str) -> bytes:
    """Decode the base64 of a binary record, as Node does; `ValueError` when it is damaged."""

def has_big_integer(data: bytes) -> bool:
    """Return whether the JSON text has an integer below -2**63 or above 2**64 - 1."""

def event_name(data: bytes) -> str | None:
    """Return the name with which the JSON text of an event begins; None when that is no string."""

def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Encode one masked client frame."""

@final
class ClientHub:
    """The clients of one asyncio loop; all hubs share the I/O thread, which ends with the last of them."""

    def __new__(cls) -> ClientHub: ...
    def fd(self) -> int:
        """Return the file descriptor that is readable when drain() has something."""
    def connect(self, options: dict[str, object]) -> ClientConnection:
        """Open a connection; every key that fanio._client.target writes is required."""
    def drain(self, limit: int) -> list[tuple[object, ...]]: ...
    def stop(self) -> None: ...

@final
class ClientConnection:
    """One connection of a client. Without a reference to it, it is aborted."""

    @property
    def id(self) -> int: ...
    def join(self, namespace: str, payload: bytes) -> int:
        """Send CONNECT; like the next ones, return how many bytes wait to be sent."""
    def emit(self, namespace: str, payload: bytes, attachments: Sequence[bytes] | None, ack_id: int | None) -> int: ...
    def ack(self, namespace: str, ack_id: int, payload: bytes, attachments: Sequence[bytes] | None) -> int: ...
    def send_messages(self, messages: Sequence[str | bytes], answer: bool = False) -> int:
        """Send messages of the program's own parser."""
    def close(self, namespaces: Sequence[str]) -> None:
        """Leave these namespaces and end the session, when the server has read everything before."""
    def close_with_messages(self, messages: Sequence[str | bytes]) -> None:
        """Send last messages of the program's own parser, and end the session likewise."""
    def abort(self) -> None: ...
    def queued(self) -> int: ...
    def await_drained(self, limit: int) -> None:
        """Ask for one DRAINED event when no more than the half of `limit` bytes waits."""
    def pause(self) -> None: ...
    def resume(self) -> None: ...

@final
class Cluster:
    """A node of a cluster: what it tells and asks the others, and what they want of it."""

    def __new__(cls, server: Server | None, options: dict[str, object]) -> Cluster: ...
    def start(self) -> int:
        """Start, unless it runs; return the descriptor that is readable when ``drain`` has something."""
    def stop(self) -> None:
        """Publish what waits, unless the bus is away, and end."""
    def abandon(self) -> None:
        """Leave everything to the process that this one was forked from."""
    def drain(self, limit: int) -> list[tuple[Any, ...]]:
        """Take events: each begins with its kind."""
    def open_namespace(self, namespace: str) -> None: ...
    def emit(
        self,
        namespace: str,
        event: tuple[bytes, list[bytes] | None],
        who: tuple[list[str], list[str]],
        volatile: bool,
        compress: bool,
        callback: tuple[str, int] | None,
    ) -> None: ...
    def join(self, namespace: str, who: tuple[list[str], list[str]], rooms: list[str]) -> None: ...
    def leave(self, namespace: str, who: tuple[list[str], list[str]], rooms: list[str]) -> None: ...
    def disconnect(self, namespace: str, who: tuple[list[str], list[str]], close: bool) -> None: ...
    def close_room(self, namespace: str, room: str) -> None: ...
    def call_back(
        self, namespace: str, to: str, room: str, id: int, arguments: tuple[bytes, list[bytes] | None]
    ) -> None: ...
    def server_side_emit(self, namespace: str, event: tuple[bytes, list[bytes] | None]) -> None: ...
    def request(
        self,
        token: int,
        namespace: str,
        kind: str,
        who: tuple[list[str], list[str]],
        event: tuple[bytes, list[bytes] | None] | None,
        timeout_ms: int,
    ) -> None:
        """Ask the others; a "done" event with the token has the answers."""
    def answer(
        self,
        reply: tuple[str, str, str],
        kind: str,
        data: tuple[bytes, list[bytes] | None] | None,
        count: int = 0,
    ) -> None: ...
    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""
    def stats(self) -> dict[str, Any]: ...
