"""Two namespaces over one connection: python examples/clients/namespace_client.py [url]."""

import asyncio
import sys

import fanio as socketio


class Members(socketio.AsyncClientNamespace):
    """Methods named on_<event> are the handlers."""

    async def on_connect(self) -> None:
        print("member:", await self.call("whoami") == self.client.get_sid("/members"))

    async def on_disconnect(self, reason: str) -> None:
        print("not a member any more:", reason)


async def main(url: str) -> None:
    sio = socketio.AsyncClient()
    sio.register_namespace(Members("/members"))
    await sio.connect(url, auth={"token": "sesame"}, namespaces=["/", "/members"], wait_timeout=5)
    print("guest:", await sio.call("greet", "hello"))
    await sio.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
