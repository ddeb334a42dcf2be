"""Raw clients of one server and the transcript of what they sent and got.

Sids are replaced by the names of their clients, and JSON is written in one form. So two servers that
behave the same have the same transcript.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fixtures.websocket import BINARY, CLOSE
from fixtures.websocket import Client as Session

if TYPE_CHECKING:
    from types import TracebackType

FENCE = "/fence"
PACKET = re.compile(r"4([0-6])(?:(\d+)-)?(?:(/[^,]*),)?(\d+)?(.*)", re.DOTALL)


class World:
    """The clients of one script, and what they wrote down together.

    Args:
        server: Where they connect.
        raw: Whether JSON stays as it came.
    """

    def __init__(self, server: Any) -> None:
        self.server = server
        self.raw = False
        self.lines: list[str] = []
        self.names: dict[str, str] = {}
        self.clients: list[Client] = []

    def __enter__(self) -> World:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self.clients:
            client.session.close()

    def client(self, *namespaces: str, name: str | None = None, auth: Any = None, query: str = "") -> Client:
        """A client that joins these namespaces and reads the answers; "/" when none is given."""
        client = self.lurker(name=name, query=query)
        for namespace in namespaces or ("/",):
            client.join(namespace, auth)
        return client

    def lurker(self, *, name: str | None = None, query: str = "") -> Client:
        """A client that has joined only the namespace of the fence."""
        client = Client(self, name or "abcdef"[len(self.clients)], query)
        self.clients.append(client)
        return client

    def write(self, line: str) -> None:
        """Adds a line."""
        for sid, name in self.names.items():
            line = line.replace(sid, name)
        self.lines.append(line)

    def show(self, packet: str | bytes) -> str:
        """A packet in one form."""
        if isinstance(packet, bytes):
            return f"binary {packet.hex()}"
        parts = PACKET.fullmatch(packet)
        if self.raw or parts is None or not parts[5]:
            return packet
        try:
            value = json.loads(parts[5])
        except ValueError:
            return packet
        return packet[: parts.start(5)] + json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Client:
    """One raw client on a WebSocket."""

    def __init__(self, world: World, name: str, query: str) -> None:
        self.world = world
        self.name = name
        self.session = Session(world.server, query)
        self.sids: dict[str, str] = {}
        self.opening = self.session.handshake
        world.names[self.session.session_id] = f"<{name}>"
        self._fences = 0
        self.session.send(f"40{FENCE},")
        answer = self._packet()
        assert isinstance(answer, str)
        assert answer.startswith(f"40{FENCE},{{"), answer

    @property
    def sid(self) -> str:
        """The sid in "/"."""
        return self.sids["/"]

    def send(self, *packets: str | bytes) -> None:
        """Sends packets."""
        for packet in packets:
            self.world.write(f"{self.name} > {self.world.show(packet)}")
            if isinstance(packet, str):
                self.session.send(packet)
            else:
                self.session.send_binary(packet)

    def join(self, namespace: str = "/", auth: Any = None) -> None:
        """Asks for a namespace and reads the answer and what comes before it."""
        name = "" if namespace == "/" else f"{namespace},"
        self.send(f"40{name}{json.dumps(auth) if auth is not None else ''}")
        while True:
            packet = self.read()
            if isinstance(packet, str) and packet.startswith((f"40{name}", f"44{name}")):
                return

    def emit(self, *args: Any, ack: int | None = None, namespace: str = "/") -> None:
        """Sends an event without attachments."""
        name = "" if namespace == "/" else f"{namespace},"
        self.send(f"42{name}{'' if ack is None else ack}{json.dumps(args)}")

    def read(self, count: int = 1) -> str | bytes:
        """Reads so many packets; returns the last."""
        packet: str | bytes = ""
        for _ in range(count):
            packet = self._packet()
            self._note(packet)
        return packet

    def until_ack(self, number: int) -> None:
        """Reads up to the acknowledgement of an event in "/"."""
        while not str(self.read()).startswith(f"43{number}["):
            pass

    def fence_or_end(self) -> None:
        """Reads everything that is still to come, or to the end if the server has closed."""
        try:
            self.fence()
        except (AssertionError, EOFError):
            self.world.write(f"{self.name} < (closed)")
        except TimeoutError:
            self.world.write(f"{self.name} < (nothing)")

    def fence(self) -> None:
        """Reads everything that is still to come."""
        self._fences += 1
        self.session.send(f'42{FENCE},{self._fences}["fence"]')
        while (packet := self._packet()) != f"43{FENCE},{self._fences}[]":
            self._note(packet)

    def ask_unhandled(self) -> list[str]:
        """Returns what the loop's exception handler of the server got."""
        self.session.send(f'42{FENCE},99["unhandled"]')
        while not (isinstance(packet := self._packet(), str) and packet.startswith(f"43{FENCE},99[")):
            self._note(packet)
        found: list[str] = json.loads(packet.split(",99", 1)[1])[0]
        return found

    def drop(self) -> None:
        """Closes the connection without a close frame."""
        self.world.write(f"{self.name} > (gone)")
        self.session.close()

    def read_to_end(self) -> None:
        """Reads until the server has closed."""
        while (packet := self._packet(to_end=True)) is not None:
            self._note(packet)
        self.world.write(f"{self.name} < (closed)")

    def _note(self, packet: str | bytes) -> None:
        if isinstance(packet, str):
            parts = PACKET.fullmatch(packet)
            if parts is not None and parts[1] == "0" and parts[5].startswith("{"):
                namespace = parts[3] or "/"
                sid = json.loads(parts[5])["sid"]
                self.sids[namespace] = sid
                self.world.names[sid] = f"<{self.name}{namespace}>"
        self.world.write(f"{self.name} < {self.world.show(packet)}")

    def _packet(self, *, to_end: bool = False) -> Any:
        while True:
            try:
                frame = self.session.frame()
            except EOFError:
                if to_end:
                    return None
                raise
            if frame.opcode == CLOSE:
                if to_end:
                    return None
                msg = f"{self.name}: closed; so far:\n" + "\n".join(self.world.lines)
                raise AssertionError(msg)
            if frame.payload == b"2":
                self.session.send("3")
                continue
            return frame.payload if frame.opcode == BINARY else frame.text
