"""The options and delays of reconnection, with the rules of the JavaScript client.

The delay doubles from one attempt to the next. A random part makes it longer or shorter, so that the clients of a
restarted server do not reconnect all at once. Source: ``Backoff`` of socket.io-client 4.8.
"""

from __future__ import annotations

import random

from fanio._options.checks import check_count, check_flag, check_seconds

__all__ = ["Backoff", "Reconnection"]


class Backoff:
    """The delays of one series of attempts."""

    def __init__(self, delay: float, maximum: float, factor: float) -> None:
        """Start a series.

        Args:
            delay: Seconds before the first attempt.
            maximum: Seconds that no delay exceeds.
            factor: The share, 0 to 1, by which a delay is randomly changed.
        """
        self._delay = delay
        self._maximum = maximum
        self._factor = min(max(factor, 0.0), 1.0)
        self.attempts = 0

    def next(self) -> float:
        """Return the seconds to wait before the next attempt."""
        # The exponent is limited, because a larger one would overflow a float.
        delay = self._delay * 2.0 ** min(self.attempts, 64)
        self.attempts += 1
        if self._factor:
            delay *= 1 + random.uniform(-self._factor, self._factor)
        return max(0.0, min(delay, self._maximum))


class Reconnection:
    """The options of reconnection. They are attributes of the client, and may change at any time."""

    def __init__(self, enabled: bool, attempts: int, delay: float, maximum: float, factor: float) -> None:
        """Check and keep the options.

        Raises:
            TypeError: When one has the wrong type.
            ValueError: When one is negative, or no finite number.
        """
        check_flag("reconnection", enabled)
        check_count("reconnection_attempts", attempts)
        check_seconds("reconnection_delay", delay)
        check_seconds("reconnection_delay_max", maximum)
        check_seconds("randomization_factor", factor)
        self.enabled = enabled
        self.attempts = attempts
        self.delay = delay
        self.maximum = maximum
        self.factor = factor

    def backoff(self) -> Backoff:
        """Return the delays of a series of attempts."""
        return Backoff(self.delay, self.maximum, self.factor)
