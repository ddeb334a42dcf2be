"""A client for asyncio: python examples/clients/asyncio_client.py [url]."""

import asyncio
import sys

import fanio as socketio

sio = socketio.AsyncClient()
done = asyncio.Event()


@sio.event
async def connect() -> None:
    print("connected as", sio.get_sid())


@sio.event
async def tock(number: int) -> None:
    print("tock", number)
    if number == 2:
        done.set()


@sio.event
async def disconnect(reason: str) -> None:
    print("gone:", reason)


async def main(url: str) -> None:
    await sio.connect(url, wait_timeout=5)
    print("answer:", await sio.call("greet", ("hello", {"bytes": b"\x01\x02"})))
    await sio.emit("tick", 3)
    await asyncio.wait_for(done.wait(), 10)
    await sio.disconnect()  # sends what was emitted before


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
