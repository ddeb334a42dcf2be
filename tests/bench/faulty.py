"""A minimal Socket.IO server with one deliberate fault, to test that the load generator finds it.

One process, the `websockets` library, no rooms but lists of sids. `Faulty(None)` is correct.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

OPEN = '0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
PLACEHOLDER = {"_placeholder": True, "num": 0}


class Faulty:
    """The server.

    Args:
        fault: None, "drop" (a client lacks one message), "double", "reorder", "alien" (an event nobody asked for),
            "body", "attachment" (another content), "ack" (a wrong answer), "late" (a message too many, after the
            ack), "misled" (a message to a client it was not for), "silent" (no handler), "refuse" (no namespace),
            "close" (a client is closed in the middle).
        at: From which message on, of those that reach somebody, the fault is shown, once.
    """

    def __init__(self, fault, at=6):
        self.fault = fault
        self.at = at
        self.is_shown = False
        self.clients = {}
        self.rooms = {}
        self.joined = 0
        self.seq = 0

    async def start(self):
        self.server = await serve(self.handle, "127.0.0.1", 0, compression=None, ping_interval=None)
        return self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        await self.server.wait_closed()

    async def handle(self, stream):
        await stream.send(OPEN)
        assert await stream.recv() == "40"
        if self.fault == "refuse":
            await stream.send('44{"message":"not today"}')
            return
        self.joined += 1
        sid = f"sid{self.joined}"
        self.clients[sid] = stream
        await stream.send(f'40{{"sid":"{sid}"}}')
        with contextlib.suppress(ConnectionClosed):
            await self.answer_all(sid, stream)
        del self.clients[sid]

    async def answer_all(self, sid, stream):
        async for packet in stream:
            if packet.startswith("42") and self.fault != "silent":
                head, _, data = packet[2:].partition("[")
                answer = await self.answer(sid, *json.loads("[" + data))
                await stream.send(f"43{head}{json.dumps(answer, separators=(',', ':'))}")
                if self.fault == "late":
                    await self.send(list(self.clients)[-1:], "x" * 64)

    async def answer(self, sid, event, *args):
        if event == "bench:echo":
            return [-1] if self.fault == "ack" else list(args)
        if event == "bench:join":
            for room in args[0]:
                self.rooms.setdefault(room, []).append(sid)
        elif event == "bench:mixed":
            for target in args[1]:
                await self.emit(self.members(target), "x" * args[0])
        elif event == "bench:broadcast":
            for _ in range(args[0]):
                await self.emit(list(self.clients), "x" * args[1] if len(args) == 2 else b"x" * args[1])
        return []

    def members(self, target):
        if not target:
            return list(self.clients)
        return [target] if target in self.clients else self.rooms.get(target, [])

    async def emit(self, sids, pad):
        """Emit the next message to some, with the fault when it is time."""
        fault = self.fault if sids and self.seq >= self.at and not self.is_shown else None
        self.is_shown |= fault is not None
        if fault == "misled":
            await self.send(list(self.clients), pad)
            sids = []
        if fault == "close":
            await self.clients[sids[-1]].close()
            await asyncio.sleep(1)
        if fault == "drop":
            sids = sids[:-1]
        if fault == "body":
            pad = pad[:-1] + "y"
        if fault == "attachment":
            pad = pad[:-1]
        if fault == "reorder":
            self.seq += 1
        await self.send(sids, pad)
        if fault == "double":
            await self.send(sids[-1:], pad)
        if fault == "reorder":
            self.seq -= 2
            await self.send(sids, pad)
            self.seq += 1
        if fault == "alien":
            await self.clients[sids[-1]].send('42["who",1]')
        self.seq += 1

    async def send(self, sids, pad):
        if isinstance(pad, bytes):
            text = "451-" + json.dumps(["b", self.seq, PLACEHOLDER], separators=(",", ":"))
        else:
            text = "42" + json.dumps(["b", self.seq, pad], separators=(",", ":"))
        # One of the run before may not have been seen to go.
        for stream in [self.clients[sid] for sid in sids if sid in self.clients]:
            with contextlib.suppress(ConnectionClosed):
                await stream.send(text)
                if isinstance(pad, bytes):
                    await stream.send(pad)
