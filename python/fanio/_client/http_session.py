"""Reads the settings of the application's HTTP session: headers, cookies, authentication, proxies, TLS.

The core makes the requests, so a ``requests.Session`` or ``aiohttp.ClientSession`` is only read. A setting that the
core cannot apply raises an exception that names it. The same holds for ``websocket_extra_options``, which has options
of ``aiohttp``'s ``ws_connect`` or of ``websocket.create_connection``.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fanio._client.target import Route, basic
from fanio._client.tls import TlsSettings

__all__ = ["apply_session", "apply_websocket_options"]

#: Options that have no meaning outside their own library; they are ignored.
_TUNING = frozenset(
    {
        "autoclose",
        "autoping",
        "enable_multithread",
        "heartbeat",
        "max_msg_size",
        "skip_utf8_validation",
        "suppress_origin",
        "timeout",
    }
)


def _refuse(what: str, instead: str) -> TypeError:
    return TypeError(f"{what} cannot be honoured: {instead}")


def apply_session(session: Any, url: str, route: Route) -> None:
    """Copy the settings of a session to ``route``.

    Args:
        session: A ``requests.Session`` or an ``aiohttp.ClientSession``.
        url: The URL of the server.
        route: Gets the settings.

    Raises:
        TypeError: When it is another object, or has a setting that the core cannot apply.
    """
    kinds = {cls.__module__.split(".")[0] for cls in type(session).__mro__}
    if "requests" in kinds:
        _apply_requests(session, _as_http(url), route)
    elif "aiohttp" in kinds:
        _apply_aiohttp(session, _as_http(url), route)
    else:
        msg = f"http_session: expected a requests.Session or an aiohttp.ClientSession, got {type(session).__name__}"
        raise TypeError(msg)


def _as_http(url: str) -> str:
    return "http" + url[2:] if url.startswith("ws") else url


def _apply_requests(session: Any, url: str, route: Route) -> None:
    import requests  # noqa: PLC0415 (the session shows that it is there)

    if not isinstance(session.auth, (tuple, type(None), requests.auth.HTTPBasicAuth)):
        what = f"http_session.auth of type {type(session.auth).__name__}"
        raise _refuse(what, "only basic authentication is; pass headers= instead")
    adapter = session.get_adapter(url)
    if type(adapter) is not requests.adapters.HTTPAdapter:
        raise _refuse(f"http_session's adapter {type(adapter).__name__}", "it would have to make the requests")
    if any(session.hooks.values()):
        raise _refuse("http_session.hooks", "there is no requests.Response to call them with")
    prepared = session.prepare_request(requests.Request("GET", url))
    route.headers.update(prepared.headers)
    route.params = urlsplit(prepared.url).query.removeprefix(urlsplit(url).query).lstrip("&")
    found = session.merge_environment_settings(url, {}, None, None, None)
    scheme = urlsplit(url).scheme
    route.proxy = (
        found["proxies"].get(f"{scheme}://{urlsplit(url).hostname}")
        or found["proxies"].get(scheme)
        or found["proxies"].get("all")
    )
    route.trust = (route.trust or TlsSettings()).with_verify(found["verify"]).with_cert(found["cert"])


def _apply_aiohttp(session: Any, url: str, route: Route) -> None:
    import aiohttp  # noqa: PLC0415 (the session shows that it is there)

    if session.closed:
        msg = "http_session is closed"
        raise TypeError(msg)
    if session.trace_configs:
        raise _refuse("http_session.trace_configs", "the requests are not aiohttp's")
    route.headers.update(session.headers)
    cookies = session.cookie_jar.filter_cookies(url)
    if cookies:
        route.headers["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    # The public property is deprecated and warns.
    auth = getattr(session, "_default_auth", None)
    if auth is not None:
        route.headers["Authorization"] = auth.encode()
    _apply_connector(session.connector, aiohttp, route)
    proxy = getattr(session, "_default_proxy", None)
    if proxy is not None:
        route.proxy = str(proxy)
        proxy_auth = getattr(session, "_default_proxy_auth", None)
        route.proxy_authorization = proxy_auth.encode() if proxy_auth is not None else None
    elif session.trust_env:
        route.proxy = _environment_proxy(url)


def _apply_connector(connector: Any, aiohttp: Any, route: Route) -> None:
    if isinstance(connector, aiohttp.UnixConnector):
        route.unix = connector.path
    elif type(connector) is not aiohttp.TCPConnector:
        raise _refuse(f"http_session.connector of type {type(connector).__name__}", "use a TCPConnector or proxy=")
    _apply_ssl(getattr(connector, "_ssl", True), "http_session.connector", route)


def _apply_ssl(value: Any, where: str, route: Route) -> None:
    if isinstance(value, (bool, ssl.SSLContext, type(None))):
        if value is not True:
            route.trust = (route.trust or TlsSettings()).with_verify(value)
        return
    raise _refuse(f"{where}: ssl of type {type(value).__name__}", "pass ssl_verify= and ssl_cert= instead")


def _environment_proxy(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname and urllib.request.proxy_bypass(parts.hostname):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def apply_websocket_options(options: Mapping[str, Any], route: Route) -> None:
    """Copy the settings in ``websocket_extra_options`` to ``route``.

    Raises:
        TypeError: For an option that the core cannot apply.
    """
    for name, value in options.items():
        if name in ("headers", "header"):
            route.headers.update(_header_mapping(value))
        elif name in ("cookie", "origin"):
            route.headers[name.title()] = value
        elif name == "auth" and value is not None:
            route.headers["Authorization"] = value.encode()
        elif name in ("ssl", "verify_ssl"):
            _apply_ssl(value, "websocket_extra_options", route)
        elif name == "sslopt":
            route.trust = _from_sslopt(value, route.trust or TlsSettings())
        elif name == "compress":
            route.compress = bool(value)
        elif name == "proxy":
            route.proxy = str(value) if value else None
        elif name == "proxy_auth" and value is not None:
            route.proxy_authorization = value.encode()
        elif name == "http_proxy_host" and value:
            route.proxy = f"http://{value}:{options.get('http_proxy_port') or 80}"
        elif name == "http_proxy_auth" and value:
            route.proxy_authorization = basic(*value)
        elif name not in _TUNING and name not in ("http_proxy_port", "http_proxy_host") and value is not None:
            raise _refuse(f"websocket_extra_options[{name!r}]", "the WebSocket is not that library's")


def _header_mapping(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return dict(value)
    pairs = (line.split(":", 1) for line in value)
    return {name.strip(): text.strip() for name, text in pairs}


def _from_sslopt(options: Mapping[str, Any], trust: TlsSettings) -> TlsSettings:
    for name, value in options.items():
        if name == "cert_reqs":
            trust = trust.with_verify(False) if value == ssl.CERT_NONE else trust
        elif name == "check_hostname":
            trust = TlsSettings(trust.verify, bool(value) and trust.verify, trust.authorities, trust.certificate)
        elif name in ("ca_certs", "ca_cert_path"):
            trust = trust.with_verify(value)
        elif name == "certfile":
            trust = trust.with_cert((value, options.get("keyfile") or value))
        elif name == "context":
            trust = trust.with_verify(value)
        elif name != "keyfile":
            raise _refuse(f"websocket_extra_options['sslopt'][{name!r}]", "use ssl_verify= and ssl_cert=")
    return trust
