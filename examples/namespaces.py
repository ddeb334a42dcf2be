"""Class-based namespaces: a public one, and one that asks for a password."""

import sys
from typing import Any

import fanio as socketio


class News(socketio.AsyncNamespace):
    """Everybody reads here; the editors' namespace writes."""

    async def on_connect(self, sid: str, environ: dict[str, Any]) -> None:
        await self.emit("headline", "welcome", to=sid)


class Editors(socketio.AsyncNamespace):
    """For clients that know the password."""

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any) -> bool:
        return isinstance(auth, dict) and auth.get("password") == "secret"

    async def on_publish(self, sid: str, headline: str) -> str:
        await self.emit("headline", headline, namespace="/news")
        return "published"


sio = socketio.AsyncServer()
sio.register_namespace(News("/news"))
sio.register_namespace(Editors("/editors"))
app = socketio.ASGIApp(sio)

if __name__ == "__main__":
    socketio.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
