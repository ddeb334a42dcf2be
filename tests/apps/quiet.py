"""The app of `anywhere.py`, with a typical filter for uvicorn's access log."""

from __future__ import annotations

import logging

from anywhere import app

__all__ = ["app"]


class NoPolling(logging.Filter):
    """Leaves out the requests of polling clients."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Looks at the path, the third of uvicorn's arguments."""
        args = record.args
        return not (isinstance(args, tuple) and len(args) == 5 and "transport=polling" in str(args[2]))


logging.getLogger("uvicorn.access").addFilter(NoPolling())
