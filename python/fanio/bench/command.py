"""The command line ``fanio bench``: reads the options, shows a progress bar, and prints the figures."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import click

from fanio.bench.driver import MODES, BenchError, own_server, run
from fanio.bench.figures import table

__all__ = ["bench"]

#: The options of each mode, in addition to those of all modes.
_TAKES = {
    "broadcast": {"size", "burst", "pace", "binary", "stalled", "count", "seconds", "warmup"},
    "mixed": {"size", "burst", "count", "seconds", "warmup"},
    "echo": {"count", "seconds", "warmup"},
    "connect": {"warmup"},
    "idle": {"settle", "receive", "emit", "seconds"},
}
_BAR = 30


@click.command()
@click.argument("url", required=False)
@click.option("--mode", type=click.Choice(MODES), default="broadcast", show_default=True, help="What is measured.")
@click.option("-n", "--clients", type=click.IntRange(1), default=1000, show_default=True, help="WebSocket clients.")
@click.option("--rate", type=click.IntRange(0), help="Clients opened per second; default: as fast as possible.")
@click.option("--in-flight", type=click.IntRange(1), help="Handshakes that run at once; default 64.")
@click.option("--size", type=click.IntRange(0), help="Bytes of padding in each message; default 64.")
@click.option("--burst", type=click.IntRange(1), help="Emits in a tight loop; default 1, mixed: 500.")
@click.option("--pace", type=click.FloatRange(0), help="Broadcasts per second, whatever has arrived.")
@click.option("--binary", is_flag=True, help="Send the padding as an attachment.")
@click.option("--stalled", type=click.IntRange(0), help="How many of the clients do not read.")
@click.option("--deflate", is_flag=True, help="Offer permessage-deflate; fails when the server declines.")
@click.option("--namespace", help="What the clients join, such as /chat; default /.")
@click.option("--auth", metavar="JSON", help="""What they join it with: '{"token":"x"}'.""")
@click.option("--header", multiple=True, metavar="'NAME: VALUE'", help="A header of each handshake; repeatable.")
@click.option("--count", type=click.IntRange(1), help="Emits, or round trips per client; default: by time.")
@click.option("--seconds", type=click.FloatRange(0), help="Length of the measured phase; default 10.")
@click.option("--warmup", type=click.IntRange(0), help="Emits, round trips or clients before it.")
@click.option("--settle", type=click.FloatRange(0), help="idle: seconds of rest before memory is read; default 2.")
@click.option("--receive", is_flag=True, help="idle: print deliveries per second and their latency.")
@click.option("--emit", help="""idle: what each client emits, as JSON: '["join","room"]'.""")
@click.option("--source", type=click.IntRange(1, 254), help="First source address, 127.0.0.N, on a local server.")
@click.option("--patience", type=click.FloatRange(0), help="Seconds without progress until a run fails; default 20.")
@click.option("--pid", type=int, multiple=True, help="A process of the server, for its CPU time and memory.")
@click.option("--option", "server_options", multiple=True, metavar="NAME=JSON", help="Of fanio's own server.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as a JSON object.")
def bench(url: str | None, mode: str, server_options: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Measure any Socket.IO 4 server.

    URL is http://host:port[/path/][?query].

    Without URL it measures fanio itself, served by a process of its own. Modes broadcast, mixed and echo need a server
    that handles the events they send; `fanio run fanio.bench.app:app` is one, and its file fanio/bench/handlers.py
    shows what the handlers do. Mode mixed: room emits, broadcasts, direct emits and acks that wait at the same time.

    Every client is checked to get every message once and in order. Exit status 1: it did not, or the server could
    not be reached; 2: wrong options.
    """
    taken = _taken(mode, options)
    own_options = _server_options(server_options)
    try:
        with contextlib.ExitStack() as stack:
            if url is None:
                url, pid = stack.enter_context(own_server(own_options, options["namespace"]))
                taken["pid"] = [pid]
            elif server_options:
                raise click.UsageError("--option is for fanio's own server: leave the URL out")
            bar = stack.enter_context(_Bar(sys.stderr.isatty() and not as_json))
            report = run(mode, url, progress=bar.show, **taken)
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        raise click.Abort from None
    click.echo(json.dumps(report) if as_json else table(report))


def _taken(mode: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the given options and this command's defaults; raise for options that the mode does not have."""
    given = {name: value for name, value in options.items() if value not in (None, False, ())}
    for name in given.keys() & set().union(*_TAKES.values()) - _TAKES[mode]:
        raise click.UsageError(f"--{name} has no meaning in mode {mode}: leave it out")
    if "seconds" in _TAKES[mode] and not given.keys() & {"seconds", "count"}:
        given["seconds"] = 10
    if "count" in _TAKES[mode] and "seconds" in given:
        given.setdefault("count", 1_000_000_000)
    namespace = given.get("namespace", "/")
    if not namespace.startswith("/"):
        raise click.UsageError(f"--namespace {namespace}: expected a name that begins with a slash, such as /chat")
    if "auth" in given:
        given["auth"] = _compact_json("auth", given["auth"])
    return {**given, "pid": list(given.get("pid", ()))}


def _compact_json(name: str, text: str) -> str:
    try:
        return json.dumps(json.loads(text), separators=(",", ":"))
    except ValueError as error:
        raise click.UsageError(f"--{name} {text}: expected JSON ({error})") from None


def _server_options(pairs: tuple[str, ...]) -> dict[str, Any]:
    options = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            options[name] = json.loads(value)
        except ValueError:
            raise click.UsageError(f"--option {pair}: expected NAME=JSON, such as shards=2") from None
    return options


class _Bar(contextlib.AbstractContextManager["_Bar"]):
    """The progress bar, which is shown only on a terminal."""

    def __init__(self, visible: bool) -> None:
        self.visible = visible
        self.before: tuple[float, str, int] | None = None

    def __exit__(self, *error: object) -> None:
        if self.visible:
            click.echo("\r\033[K", nl=False, err=True)

    def show(self, phase: str, part: float, figure: int, lines: list[str]) -> None:
        """Draw the progress of the run; print the lines above the bar."""
        for line in lines:
            click.echo(f"\r\033[K{line}" if self.visible else line, err=True)
        if not self.visible:
            return
        filled = "█" * round(part * _BAR)
        click.echo(
            f"\r\033[K{phase:<12} {filled:░<{_BAR}} {part:4.0%}  {self._rate(phase, figure)}", nl=False, err=True
        )

    def _rate(self, phase: str, figure: int) -> str:
        """Return the figure and its growth per second since the last call."""
        now, before = time.monotonic(), self.before
        self.before = (now, phase, figure)
        if before is None or before[1] != phase or now == before[0] or figure < before[2]:
            return f"{figure:,}"
        return f"{figure:,}  {(figure - before[2]) / (now - before[0]):,.0f}/s"
