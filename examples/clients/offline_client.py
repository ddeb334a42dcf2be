"""Events emitted while the server is away: python examples/clients/offline_client.py [url].

Stop the server when it says "stop the server", and start it again: nothing is lost.
"""

import asyncio
import sys
from typing import Any

import fanio as socketio

sio = socketio.AsyncClient(reconnection_delay=0.2, max_buffer_packets=100)
away, back = asyncio.Event(), asyncio.Event()


@sio.event
async def disconnect(reason: str) -> None:
    print("away:", reason, flush=True)
    away.set()


@sio.event
async def reconnect(attempts: int) -> None:
    print("back after", attempts, "attempts", flush=True)
    back.set()


async def main(url: str) -> None:
    await sio.connect(url, wait_timeout=5)
    print("stop the server", flush=True)
    await away.wait()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    for number in range(3):
        await sio.emit("kept", number, callback=lambda *answer: answers.put_nowait(answer))
    await sio.emit("dropped", volatile=True)
    print("start the server", flush=True)
    await back.wait()
    for _ in range(3):
        print("arrived:", await answers.get())
    await sio.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
