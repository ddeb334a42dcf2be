"""The parts of uvicorn's internals that the doors use, and checks that they are as expected.

The functions only read; nothing is patched here. If a part is not as expected, a function returns None or False, the
connection uses the next slower door, and a WARNING is logged once for each reason.
tests/doors/test_uvicorn_versions.py runs with several versions of uvicorn.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

__all__ = [
    "can_accept_for",
    "config_of_factory",
    "config_of_lifespan",
    "forwarded_allow_ips",
    "lacks_websockets",
    "listener_options",
    "logger",
    "logs_of_websockets",
    "protocol_of_request",
    "protocol_of_websocket",
    "scope_of_server",
    "server_of_factory",
    "unwrapped_app",
    "unwrapped_send",
    "warn_of_unknown_uvicorn",
]

#: The protocols for WebSockets that log the beginning of a connection, and those that log its end.
_LOG_OPENING = ("WebSocketProtocol", "WebSocketsSansIOProtocol")
_LOG_CLOSING = ("WebSocketProtocol",)
_FACTORY = "Server.startup.<locals>.create_protocol"
_PROXY_HEADERS = ("uvicorn.middleware.proxy_headers", "ProxyHeadersMiddleware")
_WEBSOCKETS = {
    ("uvicorn.protocols.websockets.websockets_impl", "WebSocketProtocol"),
    ("uvicorn.protocols.websockets.websockets_sansio_impl", "WebSocketsSansIOProtocol"),
    ("uvicorn.protocols.websockets.wsproto_impl", "WSProtocol"),
}
#: Attributes that a protocol for WebSockets must have before a connection is taken from it.
_MOVABLE = ("config", "transport")
#: Attributes that a server's configuration and state must have before the shards accept for it.
_CONFIG_PARTS = (
    *("date_header", "encoded_headers", "limit_concurrency", "limit_max_requests"),
    *("root_path", "timeout_graceful_shutdown", "timeout_keep_alive"),
)
_STATE_PARTS = ("connections", "total_requests")
#: Consequences when a part of uvicorn is not as expected.
_NOT_ACCEPTED = "Socket.IO's connections come through ASGI messages, which is correct but slower"
_NOT_MOVED = "Socket.IO's WebSockets come through ASGI messages, which is correct but slower"
_NOT_AWAITED = "Its shutdown waits for polls of Socket.IO's clients, and upgrades are offered in any case"
#: Names of a wrapped ``receive`` inside its wrapper, and the number of wrappers that are searched.
_RECEIVES = ("receive", "_receive", "wrapped_receive")
_DEPTH = 10
#: Wrappers of ``send`` that act only on "http.response.start", which is never sent for a WebSocket.
_IDLE_WRAPPERS = {
    ("starlette._exception_handler", "wrap_app_handling_exceptions.<locals>.wrapped_app.<locals>.sender"),
    ("starlette.middleware.sessions", "SessionMiddleware.__call__.<locals>.send_wrapper"),
}


#: The reasons that have been logged.
_logged: set[str] = set()


def warn_of_unknown_uvicorn(what: str, consequence: str = _NOT_ACCEPTED) -> None:
    """Warn once that a part of this uvicorn is not as expected, and name the consequence."""
    if what in _logged:
        return
    _logged.add(what)
    version = getattr(sys.modules.get("uvicorn"), "__version__", "of an unknown version")
    text = "uvicorn %s is built in a way that fanio does not know (%s). %s. Try an older uvicorn or a newer fanio."
    logger().warning(text, version, what, consequence)


def config_of_factory(factory: Any) -> Any:
    """Return the configuration of the uvicorn server that made this protocol factory; None otherwise."""
    return _part_of_factory(factory, "config")


def server_of_factory(factory: Any) -> Any:
    """Return the uvicorn server that made this protocol factory; None otherwise."""
    return _part_of_factory(factory, "self")


def _part_of_factory(factory: Any, name: str) -> Any:
    if not (getattr(factory, "__module__", None) or "").startswith("uvicorn."):
        return None
    found = _closure(factory).get(name) if getattr(factory, "__qualname__", "") == _FACTORY else None
    if found is None:
        warn_of_unknown_uvicorn("its protocol factory does not lead to its server")
    return found


def can_accept_for(factory: Any) -> bool:
    """Return whether the shards may accept for the uvicorn server that made this protocol factory.

    A server that also speaks HTTP/2 on its connections keeps them: a shard speaks HTTP/1.1 only.
    """
    server, config = server_of_factory(factory), config_of_factory(factory)
    lacks = [name for name in _CONFIG_PARTS if not hasattr(config, name)]
    lacks += [name for name in _STATE_PARTS if not hasattr(getattr(server, "server_state", None), name)]
    if lacks:
        warn_of_unknown_uvicorn(f"it has no {', '.join(lacks)}")
    return not lacks and not getattr(config, "http2", False)


def lacks_websockets(config: Any) -> bool:
    """Return whether a uvicorn server with this configuration cannot serve WebSockets; False when that is unknown."""
    return hasattr(config, "ws_protocol_class") and config.ws_protocol_class is None


def _closure(function: Any) -> dict[str, Any]:
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or cells is None:
        return {}
    found = {}
    for name, cell in zip(code.co_freevars, cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # noqa: PERF203 (an empty cell)
            continue
    return found


def config_of_lifespan(receive: Any) -> Any:
    """Return the configuration of the uvicorn server that runs this lifespan; None otherwise."""
    lifespan = getattr(receive, "__self__", None)
    if not type(lifespan).__module__.startswith("uvicorn.lifespan."):
        return None
    config = getattr(lifespan, "config", None)
    if not hasattr(config, "loaded_app"):
        warn_of_unknown_uvicorn("its lifespan does not lead to its application")
    return config


def unwrapped_app(config: Any) -> Any:
    """Return uvicorn's application without uvicorn's own middleware for forwarded headers.

    Any other middleware may refuse requests, so it must see all of them.
    """
    app = getattr(config, "loaded_app", None)
    if (type(app).__module__, type(app).__qualname__) == _PROXY_HEADERS:
        return app.app  # type: ignore[union-attr]
    return app


def forwarded_allow_ips(config: Any) -> list[str]:
    """Return the proxies that uvicorn was told to trust."""
    if not getattr(config, "proxy_headers", False):
        return []
    listed = getattr(config, "forwarded_allow_ips", None) or []
    names = listed.split(",") if isinstance(listed, str) else listed
    return [name.strip() for name in names]


def scope_of_server(server: Any) -> dict[str, Any]:
    """Return the keys that a uvicorn server adds to each scope: the root path, and the state of the lifespan."""
    state = getattr(getattr(server, "lifespan", None), "state", {})
    return {"root_path": server.config.root_path, "state": state}


def listener_options(config: Any) -> dict[str, Any]:
    """Return uvicorn's settings for connections as keyword arguments of the core's ``listen``."""
    lines = [name + b": " + value + b"\r\n" for name, value in config.encoded_headers]
    return {
        "headers": b"".join(lines).decode("latin-1"),
        "date": config.date_header,
        "idle": config.timeout_keep_alive,
        "most": config.limit_concurrency,
    }


def logs_of_websockets(config: Any) -> tuple[bool, bool]:
    """Return whether uvicorn's protocol for WebSockets logs the beginning of a connection, and its end."""
    protocol = getattr(config, "ws_protocol_class", None)
    name = getattr(protocol, "__qualname__", "")
    is_known = (getattr(protocol, "__module__", ""), name) in _WEBSOCKETS
    return is_known and name in _LOG_OPENING, is_known and name in _LOG_CLOSING


def logger() -> logging.Logger:
    """Return the logger that an operator reads: uvicorn's if it is configured, else our own."""
    # gunicorn's worker configures only "uvicorn.error".
    is_set_up = any(logging.getLogger(name).handlers for name in ("uvicorn", "uvicorn.error"))
    return logging.getLogger("uvicorn.error" if is_set_up else "fanio.doors")


def protocol_of_websocket(receive: Any) -> Any:
    """Return uvicorn's protocol for WebSockets whose ``receive`` this is; None for any other object."""
    protocol: Any = getattr(receive, "__self__", None)
    module, name = type(protocol).__module__, type(protocol).__qualname__
    if not module.startswith("uvicorn.protocols.websockets."):
        return None
    needed = (*_MOVABLE, "handshake_started_event" if name in _LOG_CLOSING else "handshake_complete")
    if (module, name) not in _WEBSOCKETS or not all(hasattr(protocol, part) for part in needed):
        warn_of_unknown_uvicorn(f"its protocol for WebSockets {name}", _NOT_MOVED)
        return None
    return protocol


def protocol_of_request(receive: Any) -> Any:
    """Return uvicorn's protocol for the request whose ``receive`` this is, wrapped or not; None when unknown."""
    for _ in range(_DEPTH):
        cycle = getattr(receive, "__self__", None)
        module: str = type(cycle).__module__
        if type(cycle).__qualname__ == "RequestResponseCycle" and module.startswith("uvicorn."):
            if not hasattr(cycle, "on_response"):
                warn_of_unknown_uvicorn("its requests do not lead to their connection", _NOT_AWAITED)
            return getattr(getattr(cycle, "on_response", None), "__self__", None)
        # Starlette's requests keep the inner function as an attribute, other middleware in a closure.
        inside = vars(cycle) if hasattr(cycle, "__dict__") else _closure(receive)
        receive = next((inside[name] for name in _RECEIVES if callable(inside.get(name))), None)
    return None


def unwrapped_send(send: Any) -> Any:
    """Return ``send`` without those wrappers of Starlette that do nothing for a WebSocket."""
    while (getattr(send, "__module__", ""), getattr(send, "__qualname__", "")) in _IDLE_WRAPPERS:
        send = _closure(send).get("send")
    return send
