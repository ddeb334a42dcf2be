"""Routing of an ASGIApp: Socket.IO, static files, the other app, nothing."""

from __future__ import annotations

import asyncio

import pytest
from asgi_client import Connection, get, scope

import fanio


async def other(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture
def bridged(monkeypatch):
    """The requests that reached the bridge."""
    seen = []

    async def serve_http(core, limit, mark, scope, receive, send, polling_only):
        seen.append(scope["path"])
        await other(scope, receive, send)

    monkeypatch.setattr("fanio._doors.bridge.serve_http", serve_http)
    return seen


@pytest.mark.parametrize(
    ("given", "path", "core_path"),
    [
        ("socket.io", "/socket.io/", "/socket.io"),
        ("/a/b/", "/a/b/", "/a/b"),
        ("", "/", ""),
        (None, None, ""),
    ],
)
def test_path_is_made_uniform(fake, given, path, core_path):
    app = fanio.ASGIApp(fanio.AsyncServer(), socketio_path=given)
    assert (app.engineio_path, app.core_path) == (path, core_path)


def test_attributes_have_python_socketio_names(fake):
    sio = fanio.AsyncServer()
    app = fanio.ASGIApp(sio, other, {"/a": "b"})
    assert (app.engineio_server, app.other_asgi_app, app.static_files) == (sio, other, {"/a": "b"})


@pytest.mark.parametrize(
    ("path", "root", "ours"),
    [
        ("/socket.io/", "", True),
        ("/socket.io", "", True),
        ("/socket.io/more", "", True),
        ("/ws/socket.io/", "/ws", True),
        ("/socket.iox", "", False),
        ("/ws/socket.io/", "", False),
        ("/", "", False),
    ],
)
async def test_socketio_path(serve, bridged, path, root, ours):
    sio, _ = serve()
    status, _, body = await get(fanio.ASGIApp(sio, other), path, root_path=root)
    assert (status, body) == (200, path.encode())
    assert bridged == ([path] if ours else [])


async def test_everything_is_socketio_without_a_path(serve, bridged):
    sio, _ = serve()
    await get(fanio.ASGIApp(sio, other, socketio_path=None), "/any")
    assert bridged == ["/any"]


async def test_static_files(fake, tmp_path):
    (tmp_path / "a.css").write_text("body{}")
    app = fanio.ASGIApp(fanio.AsyncServer(), other, static_files={"/s": str(tmp_path)})
    status, headers, body = await get(app, "/s/a.css")
    assert (status, body) == (200, b"body{}")
    assert headers == {b"content-type": b"text/css", b"content-length": b"6"}
    assert (await get(app, "/s/a.css", "HEAD"))[2] == b""
    assert (await get(app, "/s/missing"))[2] == b"/s/missing"
    assert (await get(app, "/s"))[2] == b"/s"
    assert (await get(app, "/s/a.css", "POST"))[2] == b"/s/a.css"


async def test_nothing_there_is_404(fake):
    status, headers, body = await get(fanio.ASGIApp(fanio.AsyncServer()), "/x")
    assert (status, headers[b"content-type"], body) == (404, b"text/plain", b"Not Found")


async def test_a_client_that_has_left_is_answered_too(fake):
    connection = Connection(fanio.ASGIApp(fanio.AsyncServer()), scope("http", "/x"), {"type": "http.disconnect"})
    await asyncio.wait_for(connection.task, 10)
    assert (await connection.hear())["status"] == 404


async def test_websocket_on_another_path_is_closed_properly(fake):
    app = fanio.ASGIApp(fanio.AsyncServer())
    connection = Connection(app, scope("websocket", "/x"), {"type": "websocket.connect"})
    assert (await connection.hear())["type"] == "websocket.close"
    await connection.task


async def test_lifespan_closes_the_server(serve):
    sio, core = serve()
    app = fanio.ASGIApp(sio)
    connection = Connection(app, {"type": "lifespan"})
    connection.tell("lifespan.startup")
    await connection.hear()
    connection.tell("lifespan.shutdown")
    assert (await connection.hear())["type"] == "lifespan.shutdown.complete"
    assert core.of("stop") == [()]


async def test_a_post_is_no_request_for_a_file(fake, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    app = fanio.ASGIApp(fanio.AsyncServer(), static_files={"/a": str(tmp_path / "a.txt")})
    assert [(await get(app, "/a", method=method))[0] for method in ("GET", "POST")] == [200, 404]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_files_and_nothing_can_be_answered_otherwise(fake, tmp_path, method):
    (tmp_path / "a.txt").write_text("a")
    seen = []

    class Mine(fanio.ASGIApp):
        async def serve_static_file(self, static_file, receive, send):
            seen.append(static_file["content_type"])
            await super().serve_static_file(static_file, receive, send)

        async def not_found(self, receive, send):
            seen.append("nothing")
            await super().not_found(receive, send)

    app = Mine(fanio.AsyncServer(), static_files={"/a": str(tmp_path / "a.txt")})
    for path, status, body in [("/a", 200, b"a"), ("/b", 404, b"Not Found")]:
        got, _, content = await get(app, path, method=method)
        assert (got, content) == (status, b"" if method == "HEAD" else body)
    assert seen == ["text/plain", "nothing"]


@pytest.mark.parametrize("server", [42, None, fanio.AsyncServer, "sio", other])
def test_what_is_no_server_is_refused(server):
    with pytest.raises(TypeError, match="ASGIApp: expected an AsyncServer of fanio first, got "):
        fanio.ASGIApp(server)


def test_what_is_in_the_wrong_place_is_refused(fake):
    sio = fanio.AsyncServer()
    with pytest.raises(TypeError, match="expected an AsyncServer of fanio first"):
        fanio.ASGIApp(fanio.ASGIApp(sio))
    for name, given in [
        ("other_asgi_app", 42),
        ("other_asgi_app", sio),
        ("static_files", "/public"),
        ("on_startup", "start"),
        ("on_shutdown", 1),
        ("socketio_path", 5),
    ]:
        with pytest.raises(TypeError, match=f"^{name}: expected .*, got "):
            fanio.ASGIApp(sio, **{name: given})


@pytest.mark.parametrize("kind", [fanio.AsyncServer, fanio.engineio.AsyncServer])
async def test_a_server_that_is_not_wrapped_says_so_when_it_is_served(fake, kind):
    server = kind()
    connection = Connection(server, {"type": "lifespan"})
    connection.tell("lifespan.startup")
    message = await connection.hear()
    assert message["type"] == "lifespan.startup.failed"
    assert "wrap it" in message["message"]
    for kind in ("http", "websocket"):
        with pytest.raises(TypeError, match="wrap it"):
            await server(scope(kind), None, None)
    for app in (server, 42):
        with pytest.raises(TypeError, match="expected an ASGI app"):
            fanio.run(app)
