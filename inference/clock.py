"""One call's deadlines, and its stop button.

A `Clock` knows until when the call may wait for what it waits for now: the first token, the next one, or
the end. The transport (`inference.connections`) asks it before every read, so a deadline holds however many
keep-alive bytes a provider drips, and a stop from another thread is noticed within `SLICE`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from inference.types import Timeouts

# How long a read may block before it looks at the stop button again.
SLICE = 0.25
# Once the answer is whole, its token counts are worth waiting for, but not for long.
GRACE = 2.0
# And a connection read to its end can be used again: worth a moment, since a new one costs a TLS handshake.
FAREWELL = 0.1


class Expired(Exception):
    """A deadline passed or the call was stopped; the provider turns it into an error of the tree."""


class Clock:
    """Deadlines of one attempt.

    `stage` says what it waits for: first_token, between_tokens, total or usage.
    """

    def __init__(
        self, timeouts: Timeouts, stop: threading.Event | None, *, ends_at: float | None = None
    ) -> None:
        now = time.monotonic()
        self.timeouts = timeouts
        self.ends_at = now + timeouts.total if ends_at is None else ends_at
        self._stop = stop
        self._due = now + timeouts.first_token
        self._stage = "first_token"

    def token_arrived(self) -> None:
        self._due = time.monotonic() + self.timeouts.between_tokens
        self._stage = "between_tokens"

    def answer_complete(self) -> None:
        """Only the token counts are missing."""
        self._due = time.monotonic() + min(GRACE, self.timeouts.between_tokens)
        self._stage = "usage"

    def closing(self) -> bool:
        """Whether the answer was whole; if so, a moment remains to read the end of the response."""
        complete = self._stage == "usage" and not self.stopped
        if complete:
            self._due = time.monotonic() + FAREWELL
        return complete

    @property
    def stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    @property
    def stage(self) -> str:
        """What the call is waiting for, or `total` when the whole of it is over."""
        return "total" if self.ends_at <= self._due else self._stage

    @property
    def remaining(self) -> float:
        """Seconds until the nearest deadline; negative when it passed."""
        return min(self._due, self.ends_at) - time.monotonic()

    def slice(self) -> float:
        """How long the next read may block. Raises Expired when there is no time left."""
        if self.stopped or self.remaining <= 0:
            raise Expired(self.stage)
        return min(SLICE, self.remaining)

    def sleep(self, seconds: float) -> None:
        """Wait between attempts, but not past the stop button."""
        if self._stop is None:
            time.sleep(seconds)
        else:
            self._stop.wait(seconds)

    @contextmanager
    def active(self) -> Iterator[None]:
        """The transport in this thread obeys this clock. Never held across a yield."""
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)


_active: ContextVar[Clock | None] = ContextVar("inference_clock", default=None)


def active_clock() -> Clock | None:
    """The clock of the call that this thread is in, if any."""
    return _active.get()
