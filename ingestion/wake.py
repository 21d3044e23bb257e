"""Telling the workers that there is work. A message carries nothing: the rows say what is to be done.

A message that is lost or cannot be sent delays work until the reconciler's next round, and harms nothing else. It is
sent from a thread of its own, so that nobody waits longer than ``PATIENCE`` for a broker that does not answer.
"""

import logging
import threading
from functools import partial

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)
TASK = "ingestion.tasks.ingest_next"
WEBHOOK_TASK = "ingestion.tasks.send_webhooks"
SYNC_TASK = "ingestion.tasks.sync_next"
# Seconds; a broker that is there takes a few milliseconds.
PATIENCE = 0.3


def on_commit(task: str = TASK) -> None:
    """Wake a worker once the current transaction has been committed."""
    transaction.on_commit(partial(now, task))


def now(task: str = TASK) -> None:
    """Wake a worker. Costs about 2 ms, with an absent broker ``PATIENCE``; never raises for one."""
    _postman.take(task).wait(PATIENCE)


class _Postman:
    """Sends what is wanted, one message of a kind at a time, by a thread that lives while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, threading.Event] = {}
        self._at_work = False

    def take(self, task: str) -> threading.Event:
        """Have a message sent; the event tells when that has been tried."""
        with self._lock:
            tried = self._wanted.setdefault(task, threading.Event())
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._send_all, name="wake", daemon=True).start()
        return tried

    def _next(self) -> tuple[str, threading.Event] | None:
        with self._lock:
            self._at_work = bool(self._wanted)
            return self._wanted.popitem() if self._wanted else None

    def _send_all(self) -> None:
        while wanted := self._next():
            task, tried = wanted
            try:
                current_app.send_task(task, retry=False)
            except Exception as error:  # noqa: BLE001  whatever stops a message must not stop the thread
                logger.warning("No worker could be woken (%s); the reconciler will do it.", error)
            finally:
                tried.set()


_postman = _Postman()
