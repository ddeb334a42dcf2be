"""Handshakes that only Python can let in: origin functions and made-anew cookies.

The core asks only when the options say so; every question is answered, also when the program's
function raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanio.wire.environ import Request, build_environ

if TYPE_CHECKING:
    import logging

    from fanio import _core
    from fanio.types import Peer
    from fanio.wire.environ import Environs
    from fanio.wire.options import WireOptions

__all__ = ["Admission"]


class Admission:
    """Answers the core's questions about handshakes."""

    def __init__(
        self,
        core: _core.Server,
        options: WireOptions,
        environs: Environs,
        logger: logging.Logger,
    ) -> None:
        """Take the options that hold the program's functions."""
        self._core = core
        self._options = options
        self._environs = environs
        self._logger = logger

    def ask(self, _kind: int, token: int, head: bytes, peer: Peer | None, secure: bool) -> None:
        """Take an ADMISSION event."""
        try:
            request = Request(head, peer, secure, self._environs.trusted)
            origin = request.header(b"origin")
            accepted = not origin or self._options.accepts(origin, lambda: build_environ(request))
            attributes = self._options.cookie_attributes() if accepted else None
        except Exception:
            self._logger.exception("the check of a handshake failed")
            self._core.deny(token, "Forbidden")
            return
        if accepted:
            self._core.admit(token, attributes)
        else:
            self._core.deny(token, f"{origin} is not an accepted origin.")
