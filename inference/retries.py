"""The one retry loop:

jittered back-off, `Retry-After` honoured up to a cap, never past the call's own deadline.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from inference.clock import Clock
from inference.errors import Cancelled, RetryableProviderError

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """Seconds, except `attempts`.

    A provider that asks to wait longer than `longest_wait` is not waited for.
    """

    attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 10.0

    def wait_after(self, attempt: int, error: RetryableProviderError) -> float | None:
        """How long to wait after the failed attempt (counted from 1), or None: give up."""
        if attempt >= self.attempts:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_wait else None
        # Full jitter: callers that failed together must not come back together.
        backed_off = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return backed_off * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret


@dataclass
class Attempts:
    """How many times a call went upstream, for the ledger."""

    count: int = 0


def with_retries(
    call: Callable[[Clock], T],
    *,
    clock: Callable[[], Clock],
    policy: RetryPolicy,
    counted: Attempts,
) -> T:
    """What `call` returns;

    each attempt gets a clock of its own. Raises the last error when attempts or time run out.
    """
    while True:
        attempt_clock = clock()
        counted.count += 1
        try:
            return call(attempt_clock)
        except RetryableProviderError as error:
            wait = policy.wait_after(counted.count, error)
            if wait is None or time.monotonic() + wait >= attempt_clock.ends_at:
                raise
            attempt_clock.sleep(wait)
            if attempt_clock.stopped:
                raise Cancelled("the call was stopped while it waited to retry") from error
