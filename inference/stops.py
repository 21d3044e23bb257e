"""Stop buttons: a `threading.Event` that an asker sets, and the one of a call that runs beside another."""

from __future__ import annotations

import threading

from inference.clock import SLICE


class RunnersStop(threading.Event):
    """The stop button of one runner: pressed when it loses, or when the asker presses theirs."""

    def __init__(self, outer: threading.Event | None) -> None:
        super().__init__()
        self._outer = outer
        self.has_hung = False

    def set_unless_it_answers(self, seconds: float) -> None:
        """Let it show that it answers at all; if it does not, that is the reason why it is stopped then."""

        def give_up() -> None:
            self.has_hung = True
            self.set()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()

    def is_set(self) -> bool:
        return super().is_set() or (self._outer is not None and self._outer.is_set())

    @property
    def lost(self) -> bool:
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """In slices, since the outer button wakes nobody here."""
        left = float("inf") if timeout is None else timeout
        while left > 0 and not self.is_set():
            super().wait(min(SLICE, left))
            left -= SLICE
        return self.is_set()


def was_outrun(stop: threading.Event | None) -> bool:
    """Whether the call was stopped because another one was faster."""
    return isinstance(stop, RunnersStop) and stop.lost


def has_hung(stop: threading.Event | None) -> bool:
    """Whether it was stopped because it lost, was given more time, and still did not answer."""
    return isinstance(stop, RunnersStop) and stop.lost and stop.has_hung
