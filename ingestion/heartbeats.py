"""A lease that is renewed while work goes on, so that it ends soon after a worker does."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections

from ingestion.statements import OPERATOR

logger = logging.getLogger(__name__)


@contextmanager
def beating(
    renew: Callable[[], int], lost: threading.Event, *, seconds: float, name: str
) -> Iterator[None]:
    """Renew now and then while the block runs, on the operator's connection; sets ``lost`` once nothing was renewed."""
    done = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(renew, lost, done, seconds), name=name, daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(
    renew: Callable[[], int], lost: threading.Event, done: threading.Event, seconds: float
) -> None:
    try:
        while not done.wait(seconds):
            try:
                if renew() == 0 and not done.is_set():
                    lost.set()
            except DatabaseError as error:
                # The next beat tries again on a new connection; the lease outlives two missed ones.
                logger.warning("A lease was not renewed: %s", error)
                connections[OPERATOR].close()
    finally:
        connections[OPERATOR].close()
