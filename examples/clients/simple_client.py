"""Clients without handlers: python examples/clients/simple_client.py [url]."""

import asyncio
import sys

import fanio as socketio


def threads(url: str) -> None:
    with socketio.SimpleClient() as sio:
        sio.connect(url)
        sio.emit("tick", 2)
        print("threads:", sio.receive(timeout=5), sio.receive(timeout=5))


async def asyncio_(url: str) -> None:
    async with socketio.AsyncSimpleClient() as sio:
        await sio.connect(url)
        print("asyncio:", await sio.call("greet", "hello"))


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    threads(address)
    asyncio.run(asyncio_(address))
