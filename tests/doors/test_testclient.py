"""Applications are tested with Starlette's TestClient, which runs an app in the test's process."""

from __future__ import annotations

import warnings

import pytest

import fanio

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")


@pytest.fixture
def client():
    from fastapi import FastAPI

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient

    sio = fanio.AsyncServer()

    @sio.event
    async def add(sid: str, one: int, other: int) -> int:
        return one + other

    app = FastAPI()
    app.mount("/", fanio.ASGIApp(sio))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with TestClient(app) as made:
            yield made


def test_websockets_of_the_testclient_work_and_end_quietly(client) -> None:
    # The app is cancelled at the end of each, somewhere in the bridge.
    for _ in range(20):
        with client.websocket_connect("/socket.io/?EIO=4&transport=websocket") as websocket:
            assert websocket.receive_text().startswith('0{"sid":')
            websocket.send_text("40")
            assert websocket.receive_text().startswith('40{"sid":')
            websocket.send_text('421["add",1,2]')
            assert websocket.receive_text() == "431[3]"


def test_polling(client) -> None:
    path = "/socket.io/?EIO=4&transport=polling"
    sid = client.get(path).text.split('"')[3]
    assert client.post(f"{path}&sid={sid}", content="40").text == "ok"
    assert client.get(f"{path}&sid={sid}").text.startswith('40{"sid":')
