"""The table of servers in docs/doors.md. `test_matrix.py` runs every row, and compares the page with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "doors.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
SHARDS, TAKEN, BRIDGED = "shards", "taken over", "bridged"


@dataclass(frozen=True)
class Row:
    """A server with its options, the form of the app, and how clients are served.

    Args:
        server: One of `servers.COMMANDS`.
        parts: Further arguments of the command line.
        app: The app in tests/apps.
        polling: What serves polling.
        websocket: What serves WebSockets.
        lost: What is missing under this server.
        environ: Further environment variables.
    """

    server: str
    parts: str
    app: str
    polling: str
    websocket: str
    lost: str = ""
    environ: str = ""

    @property
    def has_lifespan(self) -> bool:
        """Whether the server runs the lifespan protocol."""
        return self.server != "daphne" and "--lifespan off" not in self.parts

    @property
    def name(self) -> str:
        """The command, for the page and as the test's name."""
        return " ".join(part for part in (self.environ, self.server, self.parts) if part)


HYPERCORN = "messages over 16 MiB"
GRANIAN = "messages over 16 MiB; compression of WebSockets"
DAPHNE = (
    "messages over 1 MiB; compression of WebSockets; the lifespan; "
    "a refused WebSocket gets 403 without a body; slow clients are buffered by daphne"
)
#: wsproto does not show the app which extensions the client offers.
WSPROTO = "`per_message_deflate`"

ROWS = [
    *(
        Row("uvicorn", f"--http {http} --loop {loop}", "anywhere:app", SHARDS, SHARDS)
        for http in ("httptools", "h11")
        for loop in ("uvloop", "asyncio")
    ),
    Row("fanio run", "--lifespan off", "anywhere:app", SHARDS, SHARDS),
    Row("gunicorn", "--worker-class uvicorn_worker.UvicornWorker", "anywhere:app", SHARDS, SHARDS),
    *(
        Row("uvicorn", f"--ws {ws} --http {http} --loop {loop}", "mounted:app", BRIDGED, TAKEN, lost)
        for ws, http, lost in (
            ("websockets", "h11", ""),
            ("websockets-sansio", "httptools", ""),
            ("wsproto", "httptools", WSPROTO),
        )
        for loop in ("uvloop", "asyncio")
    ),
    Row("fanio run", "", "mounted:app", BRIDGED, TAKEN),
    Row("gunicorn", "--worker-class uvicorn_worker.UvicornWorker", "mounted:app", BRIDGED, TAKEN),
    Row("uvicorn", "--lifespan off", "anywhere:app", BRIDGED, TAKEN),
    Row("uvicorn", "--log-level trace", "anywhere:app", BRIDGED, BRIDGED),
    *(
        Row("uvicorn", f"--ws {ws}", "anywhere:app", BRIDGED, BRIDGED, environ="FANIO_DOOR=bridge")
        for ws in ("websockets", "websockets-sansio", "wsproto")
    ),
    *(
        Row(server, "", app, BRIDGED, BRIDGED, lost)
        for server, lost in (("hypercorn", HYPERCORN), ("granian", GRANIAN), ("daphne", DAPHNE))
        for app in ("anywhere:app", "mounted:app")
    ),
]

_SHAPES = {"anywhere:app": "`ASGIApp` outermost", "mounted:app": "mounted in FastAPI"}


def render() -> str:
    """The table of docs/doors.md, with a line for the commands that are the same in everything else."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in ROWS:
        rest = (_SHAPES[row.app], row.polling, row.websocket, row.lost or "–")
        groups.setdefault(rest, []).append(f"`{row.name}`")
    lines = [f"| {', '.join(names)} | {' | '.join(rest)} |" for rest, names in groups.items()]
    return "\n".join(["| command | app | polling | WebSocket | lost |", "|---|---|---|---|---|", *lines])


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{render()}\n{END}{rest.partition(END)[2]}")
