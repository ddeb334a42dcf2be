"""Reports exceptions of handlers: to the log, and to the event loop's exception handler if the application set one.

The event loop's default handler is not called, because it would log the exception a second time. Servers and clients
share this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from fanio._tasks.tasks import Tasks

__all__ = ["Failures"]


class Failures:
    """Reports the exceptions of the handlers of one server or client."""

    def __init__(self, logger: logging.Logger, tasks: Tasks) -> None:
        """Log to ``logger``; ``tasks`` has the event loop."""
        self.logger = logger
        self._tasks = tasks

    def handler(self, error: Exception, event: Any, namespace: str, sid: str) -> None:
        """Report an exception of the handler of an event."""
        message = f'handler of event "{event}" failed [{namespace}]'
        self.tell(error, message, event=event, namespace=namespace, sid=sid)

    def tell(self, error: Exception, message: str, **facts: Any) -> None:
        """Report an exception of a function of the application.

        Args:
            error: The exception.
            message: The line for the log, which names the function.
            facts: More keys for the context of the event loop's exception handler.
        """
        self.logger.error("%s", message, exc_info=error)
        loop = self._tasks.loop
        if loop.get_exception_handler() is None:
            return
        # The context has no task: Python 3.12 would enter the task's context, in which this code already runs.
        loop.call_exception_handler({"message": message, "exception": error, **facts})
