"""TLS with your own certificate authority: python examples/clients/tls_client.py url ca.pem."""

import asyncio
import sys

import fanio as socketio


async def main(url: str, authority: str) -> None:
    # Without ssl_verify the platform's authorities are used; ssl_cert=("me.pem", "me.key") sends a client certificate.
    sio = socketio.AsyncClient(ssl_verify=authority)
    await sio.connect(url, wait_timeout=5)
    print(await sio.call("greet", "securely"), "over", sio.transport())
    await sio.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
