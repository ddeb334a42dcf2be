"""Proxies in front of the server: which are trusted, and which client address they forward.

The core itself reads the forwarded scheme and host for CORS.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fanio.types import Peer

__all__ = ["addresses", "forwarded_for", "is_trusted"]


def addresses(proxies: str | Iterable[str]) -> str | list[str]:
    """Return trusted proxies in the core's form: "*" or a list of IP addresses and networks.

    Raises:
        ValueError: When one is neither an address nor a network.
    """
    if proxies == "*":
        return "*"
    listed = [proxies] if isinstance(proxies, str) else list(proxies)
    return "*" if "*" in listed else [_text(address) for address in listed]


def _text(text: str) -> str:
    network = ipaddress.ip_network(text)
    return str(network if network.num_addresses > 1 else network.network_address)


def forwarded_for(header: str, trusted: str | Collection[str]) -> Peer | None:
    """Return the last address of an ``X-Forwarded-For`` header that is not a trusted proxy; None without addresses."""
    hosts = [host.strip() for host in header.split(",")]
    hosts = [host for host in hosts if host]
    for host in reversed(hosts):
        address = _split_port(host)
        if trusted != "*" and not is_trusted(address[0], trusted):
            return address
    return _split_port(hosts[0]) if hosts else None


def is_trusted(host: str, trusted: str | Collection[str]) -> bool:
    """Return whether the forwarded headers of a peer are used."""
    if isinstance(trusted, str):
        return trusted in ("*", host)
    if not trusted:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in _network(proxy) for proxy in trusted)


_network = functools.lru_cache(maxsize=1024)(ipaddress.ip_network)


def _split_port(host: str) -> Peer:
    """Return address and port of a forwarded host; some proxies write ``192.0.2.1:4000`` or ``[::1]:4000``."""
    name, colon, port = host.rpartition(":")
    is_split = colon and port.isdigit() and len(port) < 6 and (":" not in name or name.endswith("]"))
    name, number = (name, int(port)) if is_split else (host, 0)
    return name.removeprefix("[").removesuffix("]"), number
