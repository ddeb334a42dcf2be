"""What is measured: each case is one command of the generator, the figure that counts, and the goal set for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servers import Server

__all__ = ["CASES", "QUICK", "Case", "Goal"]


@dataclass(frozen=True)
class Goal:
    """At most ``limit`` times what ``base`` takes; without base it is in the unit of the case."""

    limit: float
    base: str | None = None

    def __str__(self) -> str:
        limit = f"1/{round(1 / self.limit)}" if self.limit < 0.5 and self.base else f"{self.limit:.2f}"
        return f"≤ {limit} × {self.base}" if self.base else f"≤ {limit}"


@dataclass(frozen=True)
class Case:
    """One kind of work.

    Args:
        group: What the case is about, for tables and charts.
        name: What distinguishes it in its group.
        command: The generator's.
        clients: How many.
        figure: The figure that is compared, of the generator's report.
        unit: Its unit.
        goals: What fanio is to reach.
        size: Bytes of padding.
        burst: How many emits the server makes in a tight loop.
        arguments: More of the generator's.
        only: The servers that are measured; empty: all.
        also: Variants that are measured beside them.
        without: Servers that cannot do it, and why.
        subject: Whom the goals are for.
        rounds: At most so many.
        is_drawn: It is in the charts.
    """

    group: str
    name: str
    command: str
    clients: int
    figure: str
    unit: str
    goals: tuple[Goal, ...] = ()
    size: int = 64
    burst: int = 1
    arguments: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    subject: str = "fanio"
    rounds: int = 1_000
    is_drawn: bool = False

    @property
    def title(self) -> str:
        """Name the case, also in the records."""
        return f"{self.group}: {self.name}"

    def takes(self, server: Server) -> bool:
        """Whether the case is about the server, however long it takes and whether it can do it."""
        return server.name in (self.only + self.also) if self.only or server.variant else True

    def command_line(self, server: Server, seconds: float) -> list[str]:
        """Return the arguments of one run against a server."""
        line = [self.command, "--clients", str(self.clients), *self.arguments]
        line += ["--deflate"] if server.deflate else []
        if self.command in ("broadcast", "mixed", "echo"):
            line += ["--count", "1000000", "--seconds", str(seconds)]
        if self.command == "broadcast":
            warmup = max(3, server.warmup // self.clients)
            line += ["--size", str(self.size), "--burst", str(min(self.burst, server.burst)), "--warmup", str(warmup)]
        elif self.command == "mixed":
            # A hundred emits are the least that have the whole mixture; each reaches about fifty clients.
            burst = max(100, min(self.burst, server.burst))
            line += ["--size", str(self.size), "--burst", str(burst), "--warmup", str(server.warmup // 50)]
        elif self.command == "echo":
            line += ["--warmup", str(max(20, server.warmup // 10 // self.clients))]
        elif self.command == "idle":
            line += ["--settle", str(max(1.0, seconds / 2)), "--seconds", "0"]
        return line


DELIVERY = ("cpu_us_per_delivery", "µs/delivery")
ROUND_TRIP = ("cpu_us_per_round_trip", "µs/round trip")


def one_at_a_time(clients: int, size: int, text: str, is_drawn: bool = False) -> Case:
    name, goals = f"{clients:,} clients, {text}", (Goal(1.10, "floor"),)
    return Case("one broadcast at a time", name, "broadcast", clients, *DELIVERY, goals, size=size, is_drawn=is_drawn)


def echo(clients: int, *goals: Goal) -> Case:
    name = "1 client" if clients == 1 else f"{clients:,} clients"
    return Case("event with ack", name, "echo", clients, *ROUND_TRIP, goals, is_drawn=clients in (1, 50))


CASES = [
    one_at_a_time(1_000, 64, "64 B", is_drawn=True),
    one_at_a_time(1_000, 1_024, "1 KiB"),
    one_at_a_time(100, 64, "64 B"),
    one_at_a_time(100, 1_024, "1 KiB"),
    one_at_a_time(10_000, 64, "64 B", is_drawn=True),
    one_at_a_time(10_000, 1_024, "1 KiB"),
    Case(
        "queued",
        "broadcasts, 1,000 clients, 64 B",
        "broadcast",
        1_000,
        *DELIVERY,
        (Goal(1 / 50, "floor"), Goal(1 / 10, "socketioxide")),
        burst=500,
        also=("floor, 16 joined",),
        is_drawn=True,
    ),
    Case(
        "queued",
        "rooms, acks, direct emits, 1,000 clients",
        "mixed",
        1_000,
        *DELIVERY,
        (Goal(1 / 3, "floor"),),
        burst=500,
        is_drawn=True,
    ),
    Case(
        "one binary broadcast at a time",
        "1,000 clients, 1 KiB attachment",
        "broadcast",
        1_000,
        *DELIVERY,
        (Goal(1.15, "floor"),),
        size=1_024,
        arguments=("--binary",),
        is_drawn=True,
        without=(
            ("netty-socketio", "its attachments begin with a byte of Engine.IO 3, also for clients of version 4"),
        ),
    ),
    Case(
        "compressed",
        "one broadcast at a time, 1,000 clients, 1 KiB",
        "broadcast",
        1_000,
        *DELIVERY,
        (Goal(1.20, "fanio"),),
        size=1_024,
        only=("fanio", "fanio, compressed", "node", "node, compressed"),
        subject="fanio, compressed",
    ),
    echo(1, Goal(1.0, "node")),
    echo(8, Goal(1.0, "node")),
    echo(50, Goal(1 / 3, "node")),
    echo(1_000, Goal(1 / 3, "node")),
    Case(
        "connect",
        "2,000 clients",
        "connect",
        2_000,
        "cpu_us_per_connect",
        "µs/client",
        (Goal(1 / 8, "node"),),
        is_drawn=True,
    ),
    Case(
        "idle memory",
        "2,000 clients in one room",
        "idle",
        2_000,
        "kib_per_client",
        "KiB/client",
        is_drawn=True,
        arguments=("--emit", '["bench:join",["everybody"]]'),
    ),
    Case(
        "idle memory",
        "18,000 clients in one room",
        "idle",
        18_000,
        "kib_per_client",
        "KiB/client",
        (Goal(0.75),),
        arguments=("--emit", '["bench:join",["everybody"]]'),
        only=("fanio", "socketioxide", "node"),
        rounds=3,
    ),
]
#: One of each kind: to see in four minutes that everything works.
QUICK = [
    case for case in CASES if (case.command, case.clients) != ("echo", 1_000) and case.clients in (50, 1_000, 2_000)
]
