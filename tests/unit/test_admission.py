"""Handshakes put to Python are always answered."""

from __future__ import annotations

import logging

import pytest
from fake_core import until

from fanio import _core

PEER = ("192.0.2.1", 4000)


async def ask(serve, head=b"Origin: http://a\r\n", **options):
    _, core = serve(**options)
    core.push(_core.ADMISSION, 7, b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" + head + b"\r\n", PEER, False)
    await until(lambda: core.of("admit") or core.of("deny"))
    return core


@pytest.mark.parametrize("takes_environ", [False, True])
async def test_origin_function_decides(serve, takes_environ):
    def one(origin):
        return origin == "http://a"

    def two(origin, environ):
        return origin == environ["HTTP_ORIGIN"] == "http://a"

    options = {"cors_allowed_origins": two if takes_environ else one}
    assert (await ask(serve, **options)).of("admit") == [(7, None)]
    denied = await ask(serve, b"Origin: http://b\r\n", **options)
    assert denied.of("deny") == [(7, "http://b is not an accepted origin.")]


async def test_request_without_origin_is_admitted(serve):
    core = await ask(serve, b"", cors_allowed_origins=lambda origin: False)
    assert core.of("admit") == [(7, None)]


async def test_function_that_raises_denies_and_is_logged(serve, caplog):
    core = await ask(serve, cors_allowed_origins=lambda origin: 1 / 0, logger=logging.getLogger("test"))
    assert core.of("deny") == [(7, "Forbidden")]
    assert len(caplog.records) == 1


async def test_cookie_attributes_are_sent(serve):
    core = await ask(serve, cookie={"name": "io", "Max-Age": lambda: 5})
    assert core.of("admit") == [(7, "; Max-Age=5")]
