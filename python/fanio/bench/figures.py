"""Formats the figures of a run: one per line, with its unit and meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.bench.driver import Report

__all__ = ["MEANINGS", "table"]

#: Units by the end of a figure's name.
_UNITS = {"_ms": "ms", "_mib": "MiB", "kib_per_client": "KiB", "seconds": "s", "cores": "cores"}
#: The meaning of each figure of the load generator.
MEANINGS = {
    "command": "the mode",
    "clients": "clients that were measured",
    "warmup": "clients that were opened before them, to warm up",
    "stalled": "clients among them that do not read",
    "size": "bytes of padding in each message",
    "burst": "emits that are asked for at once",
    "broadcasts": "emits to everybody",
    "emits": "emits to a room, a client or everybody",
    "acks": "events that the clients sent and the server acknowledged",
    "deliveries": "messages and acknowledgements that arrived at clients",
    "round_trips": "events that the server acknowledged",
    "connects": "clients that joined, from the TCP connection to the answer to CONNECT",
    "seconds": "length of the measured phase; in mode idle, until all clients were in",
    "per_second": "deliveries, round trips or connects in a second",
    "cpu_us_per_delivery": "CPU time of the server for each delivery",
    "cpu_us_per_round_trip": "CPU time of the server for each round trip",
    "cpu_us_per_connect": "CPU time of the server for each client",
    "server_cores": "CPU cores that the server used",
    "cores_by_thread": "the same for each of its threads",
    "server_mib": "memory of the server at the end",
    "server_peak_mib": "the most memory it has had",
    "kib_per_client": "memory of the server for each further client",
    "each_p50_ms": "from the request to the message at a client: median",
    "each_p99_ms": "the same: 99 of 100 are faster",
    "each_max_ms": "the same: the slowest",
    "last_p50_ms": "until the last client has the message: median",
    "last_p99_ms": "the same: 99 of 100 are faster",
    "last_max_ms": "the same: the slowest",
    "ack_p50_ms": "from an event to its acknowledgement: median",
    "ack_p99_ms": "the same: 99 of 100 are faster",
    "ack_max_ms": "the same: the slowest",
    "p50_ms": "time for one: median",
    "p99_ms": "the same: 99 of 100 are faster",
    "max_ms": "the same: the slowest",
}


def table(report: Report) -> str:
    """Return the figures, one a line: name, value with unit, meaning."""
    rows = [(name, _shown(name, value), MEANINGS.get(name, "")) for name, value in report.items()]
    name_width, value_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    # A list of many threads would otherwise move all meanings far to the right.
    value_width = min(value_width, 16)
    return "\n".join(f"{name:{name_width}}  {value:{value_width}}  {meaning}".rstrip() for name, value, meaning in rows)


def _shown(name: str, value: str | float) -> str:
    if name == "cores_by_thread":
        # Threads that did nothing are left out.
        return ", ".join(part for part in str(value).split(", ") if not part.endswith(" 0.0000"))
    if isinstance(value, str):
        return value
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return f"{number} {'µs' if name.startswith('cpu_us_per_') else unit}".strip()
