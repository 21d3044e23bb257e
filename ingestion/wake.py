"""Telling the workers that there is work. A message carries nothing: the rows say what is to be done.

A message that is lost or cannot be sent delays work until the reconciler's next round, and harms nothing else.
"""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
TASK = "ingestion.tasks.ingest_next"


def on_commit() -> None:
    """Wake a worker once the current transaction has been committed."""
    transaction.on_commit(now)


def now() -> None:
    """Wake a worker. Costs about 2 ms; never raises for an absent broker."""
    try:
        current_app.send_task(TASK, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("No worker could be woken (%s); the reconciler will do it.", error)
