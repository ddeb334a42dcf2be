"""The loggers ``socketio.server`` and ``engineio.server``, named as programs configure them.

Owns how ``logger=`` and ``engineio_logger=`` are read, and the lines about packets. Source:
python-socketio 5.18, where a level that the program has set itself counts more than the argument.
"""

from __future__ import annotations

import builtins
import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio.types import Payload

__all__ = ["PacketLog", "server_logger"]


def server_logger(name: str, option: bool | logging.Logger) -> logging.Logger:
    """Return the logger for one of the two arguments.

    Args:
        name: The logger's name.
        option: A logger to use; True logs at INFO, False errors only, unless the level of the
            logger with this name is set already.
    """
    if not isinstance(option, builtins.bool):
        return option
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO if option else logging.ERROR)
        if not logger.hasHandlers():
            logger.addHandler(logging.StreamHandler())
    return logger


class PacketLog:
    """Lines at INFO for the packets that pass between the core and the program."""

    def __init__(self, logger: logging.Logger) -> None:
        """Write to ``logger``."""
        self.logger = logger

    @property
    def is_on(self) -> bool:
        """Whether anybody wants the lines."""
        return self.logger.isEnabledFor(logging.INFO)

    def received(
        self,
        session_id: str | None,
        kind: str,
        namespace: str,
        number: int | None,
        data: Any,
    ) -> None:
        """Write that a packet has come; ``kind`` is the digit of its type, ``data`` text or decoded."""
        text = _text(kind, namespace, number, data)
        self.logger.info("%s: Received packet MESSAGE data %s", session_id, text)

    def sent(self, to: Any, kind: str, namespace: str, number: int | None, data: Payload) -> None:
        """Write that a packet is on its way to a session, or to these rooms."""
        text = _text(kind, namespace, number, data)
        self.logger.info("%s: Sending packet MESSAGE data %s", to, text)


def _text(kind: str, namespace: str, number: int | None, data: Any) -> str:
    name = "" if namespace == "/" else f"{namespace},"
    text = (
        data.decode(errors="replace")
        if isinstance(data, bytes)
        else json.dumps(data, separators=(",", ":"), default=repr)
    )
    return f"{kind}{name}{'' if number is None else number}{text}"
