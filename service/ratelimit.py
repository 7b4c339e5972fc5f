"""How many requests each caller may make: a token bucket per key or session, in this process alone."""

from __future__ import annotations

import time
from collections.abc import Callable

MAX_KNOWN = 10_000
"""Callers remembered before those that owe nothing are forgotten."""
_ROUNDING = 1e-6


class RateLimit:
    """Lets a caller make `rate` requests a second, a second's worth at once; 0 means no limit.

    Of a bucket only the time is kept at which it will be full again (the "generic cell rate
    algorithm"): one look-up and one addition for each request, and nothing to refill.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.now = now
        self._full_at: dict[str, float] = {}

    def wait(self, caller: str) -> float:
        """Count a request if it may pass and return 0, else the seconds until one may."""
        if not self.rate:
            return 0.0
        now = self.now()
        full_at = max(self._full_at.get(caller, now), now)
        wait = full_at - now - max(0.0, 1 - 1 / self.rate)
        if wait > _ROUNDING:
            return wait
        if len(self._full_at) >= MAX_KNOWN:
            self._full_at = {who: at for who, at in self._full_at.items() if at > now}
        self._full_at[caller] = full_at + 1 / self.rate
        return 0.0
