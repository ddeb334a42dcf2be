"""Events that arrive at least once, one at a time, in order: python examples/clients/retries_client.py [url]."""

import asyncio
import sys
from typing import Any

import fanio as socketio


async def main(url: str) -> None:
    # Each event is sent until the server acknowledges it, four times at most.
    sio = socketio.AsyncClient(retries=3, ack_timeout=2)
    await sio.connect(url, wait_timeout=5)
    answers: asyncio.Queue[Any] = asyncio.Queue()
    for number in range(3):
        await sio.emit(
            "order",
            number,
            callback=lambda *answer: answers.put_nowait(answer),
            on_error=answers.put_nowait,  # a TimeoutError or an AckLostError
        )
    for _ in range(3):
        print(await answers.get())
    await sio.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
