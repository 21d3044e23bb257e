"""Calls that wait a moment for money that other calls hold, instead of being refused at once.

A call of unknown length reserves the most that it may cost and gives most of it back, so that what is refused now
is often affordable a second later. Entry points: `pause` for who waits, `freed` for who has settled. A settlement of
this process wakes the tenant's first in the row; those of other processes are found by asking again, the more rarely
the more are waiting, so that a process asks about fifty times a second at most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from uuid import UUID

from inference.clock import SLICE

FIRST_LOOK = 0.1
# Added for each who waits as well.
PER_WAITING = 0.02
LONGEST_LOOK = 1.0

_rows: dict[UUID, deque[threading.Event]] = {}
_lock = threading.Lock()


def pause(tenant_id: UUID, seconds: float, stop: threading.Event | None = None) -> None:
    """Until somebody has settled, it is time to ask again, the seconds are over, or `stop` is pressed."""
    turn = threading.Event()
    with _lock:
        row = _rows.setdefault(tenant_id, deque())
        row.append(turn)
        due = time.monotonic() + min(seconds, next_look(len(row)))
    try:
        while (left := due - time.monotonic()) > 0 and not turn.wait(min(left, SLICE)):
            if stop is not None and stop.is_set():
                return
    finally:
        _leave(tenant_id, turn)


def next_look(waiting: int) -> float:
    """Seconds until one of so many asks again by itself."""
    return min(LONGEST_LOOK, FIRST_LOOK + PER_WAITING * waiting)


def freed(tenant_id: UUID) -> None:
    """Something was given back: the first in the row may ask."""
    with _lock:
        if row := _rows.get(tenant_id):
            row.popleft().set()


def _leave(tenant_id: UUID, turn: threading.Event) -> None:
    with _lock:
        row = _rows.get(tenant_id)
        if row is None:
            return
        if turn in row:
            row.remove(turn)
        if not row:
            del _rows[tenant_id]
