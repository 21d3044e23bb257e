"""Keeping what calls in progress have reserved: while their process lives, a thread renews their leases.

A lease lasts 30 seconds (``accounts.sql``), by the database's clock. A process that dies stops renewing, and what its
calls held is given back within a minute.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import lru_cache
from uuid import UUID

import psycopg

from inference import waiting

RENEW_SECONDS = 8.0
_log = logging.getLogger(__name__)


class Keeper:
    """One process's open reservations."""

    def __init__(self) -> None:
        self._held: dict[UUID, UUID] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, tenant_id: UUID, reservation_id: UUID) -> None:
        """Renew this one until it is let go."""
        with self._lock:
            self._held[reservation_id] = tenant_id
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
                self._thread.start()

    def let_go(self, reservation_id: UUID) -> None:
        """It is settled: who waits for its money may ask again."""
        with self._lock:
            tenant_id = self._held.pop(reservation_id, None)
        if tenant_id is not None:
            waiting.freed(tenant_id)

    def _renew(self) -> None:
        pause = threading.Event()
        while not pause.wait(RENEW_SECONDS):
            with self._lock:
                held = dict(self._held)
            if held:
                _renewed(held)


def _renewed(held: dict[UUID, UUID]) -> None:
    """On a connection of its own: the pool's may all be busy, and then this matters most."""
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as own:
            own.execute(
                "SELECT footnote_renew(%s::uuid[], %s::uuid[])",
                [list(held.values()), list(held)],
            )
    except psycopg.Error as error:
        _log.warning("The leases of %d calls could not be renewed: %s", len(held), error)


@lru_cache(maxsize=1)
def _of_process(_pid: int) -> Keeper:
    return Keeper()


def keeper() -> Keeper:
    """This process's; a forked one has its own."""
    return _of_process(os.getpid())
