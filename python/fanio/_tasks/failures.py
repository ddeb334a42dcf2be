"""What handlers raise: told once to the log, and to the loop's exception handler if it has one.

The loop's own default would only log it a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from fanio._tasks.tasks import Tasks

__all__ = ["Failures"]


class Failures:
    """Where the exceptions of one server's handlers go."""

    def __init__(self, logger: logging.Logger, tasks: Tasks) -> None:
        """Log to ``logger``; the loop is that of ``tasks``."""
        self.logger = logger
        self._tasks = tasks

    def handler(self, error: Exception, event: Any, namespace: str, sid: str) -> None:
        """Tell that the handler of an event raised."""
        message = f'handler of event "{event}" failed [{namespace}]'
        self.tell(error, message, event=event, namespace=namespace, sid=sid)

    def tell(self, error: Exception, message: str, **facts: Any) -> None:
        """Tell that some function of the program's raised.

        Args:
            error: What it raised.
            message: Which function, in words.
            facts: More keys of the context that the loop's exception handler gets.
        """
        self.logger.error("%s", message, exc_info=error)
        loop = self._tasks.loop
        if loop.get_exception_handler() is None:
            return
        # Without the task: Python 3.12 would enter its context, in which this runs already.
        loop.call_exception_handler({"message": message, "exception": error, **facts})
