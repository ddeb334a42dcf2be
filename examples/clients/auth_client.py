"""A new token for each attempt: python examples/clients/auth_client.py [url]."""

import asyncio
import itertools
import sys
from typing import Any

import fanio as socketio

tokens = itertools.chain(["expired"], itertools.repeat("sesame"))


async def auth() -> dict[str, str]:
    """Called for each attempt to connect, those to come back included."""
    return {"token": next(tokens)}


async def main(url: str) -> None:
    sio = socketio.AsyncClient()

    @sio.event(namespace="/members")
    async def connect_error(data: dict[str, Any]) -> None:
        print("refused:", data["message"], data["data"])

    try:
        await sio.connect(url, auth=auth, namespaces="/members", wait_timeout=5)
    except socketio.exceptions.ConnectionError as error:
        print(error)
    await sio.connect(url, auth=auth, namespaces="/members", wait_timeout=5)
    print("let in")
    await sio.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
