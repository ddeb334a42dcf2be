"""What the doors know of uvicorn's insides, and how they are sure of it.

Everything here looks, and answers "no" when something is not as it is known to be: then the
connection takes the next slower door. Nothing is patched here.
"""

from __future__ import annotations

from typing import Any

__all__ = ["config_of_factory", "config_of_lifespan", "forwarded_allow_ips", "server_of_factory", "unwrapped_app"]

_FACTORY = "Server.startup.<locals>.create_protocol"
_PROXY_HEADERS = ("uvicorn.middleware.proxy_headers", "ProxyHeadersMiddleware")


def config_of_factory(factory: Any) -> Any:
    """Return the configuration of the uvicorn server that made this protocol factory; None otherwise."""
    return _closure(factory).get("config") if _is_uvicorns(factory) else None


def server_of_factory(factory: Any) -> Any:
    """Return the uvicorn server that made this protocol factory; None otherwise."""
    return _closure(factory).get("self") if _is_uvicorns(factory) else None


def _is_uvicorns(factory: Any) -> bool:
    module: str = getattr(factory, "__module__", "")
    return getattr(factory, "__qualname__", "") == _FACTORY and module.startswith("uvicorn.")


def _closure(function: Any) -> dict[str, Any]:
    names = function.__code__.co_freevars
    return {name: cell.cell_contents for name, cell in zip(names, function.__closure__ or (), strict=True)}


def config_of_lifespan(receive: Any) -> Any:
    """Return the configuration of the uvicorn server that runs this lifespan; None otherwise."""
    lifespan = getattr(receive, "__self__", None)
    module: str = type(lifespan).__module__
    return getattr(lifespan, "config", None) if module.startswith("uvicorn.lifespan.") else None


def unwrapped_app(config: Any) -> Any:
    """Return uvicorn's app without what uvicorn itself put around it for forwarded headers.

    Anything else around it may be there to turn requests away, and must see them.
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
