"""What workers and the scheduler run. The rows say what is to be done; every task may run twice or not at all."""

import sys
from typing import Any

from celery import shared_task, signals

from ingestion import (
    expiry,
    filling,
    postings,
    reweighting,
    shifts,
    spaces,
    suggestions,
    upkeep,
    vector_index,
    vectors,
    wake,
    work,
)
from ingestion.syncing import shifts as syncing_shifts
from ingestion.syncing import work as syncing_work
from ingestion.webhooks import sending

_threads = 1


@signals.worker_ready.connect
def _set_up(sender: Any = None, **_: Any) -> None:
    global _threads
    _threads = max(1, int(sender.controller.concurrency or 1))
    sys.setswitchinterval(shifts.SWITCH_SECONDS)


@shared_task(ignore_result=True)
def ingest_next() -> None:
    """Work off what is due, for a few seconds."""
    # Before the first lease begins: a fresh process takes a second to load the model.
    vectors.warm_up()
    shifts.work_shift(threads=_threads)


@shared_task(ignore_result=True)
def reconcile() -> None:
    """Take back what silent workers hold, and wake the workers for whatever is due."""
    work.reconcile()
    if work.is_any_due():
        wake.now()
    if sending.is_any_due():
        wake.now(wake.WEBHOOK_TASK)
    syncing_work.reconcile()
    if syncing_work.is_any_due():
        wake.now(wake.SYNC_TASK)


@shared_task(ignore_result=True)
def sync_next() -> None:
    """Look at the sources that are due, in threads of their own."""
    syncing_shifts.start()


@shared_task(ignore_result=True)
def tidy() -> None:
    """Keep the lexical index small and its weights true to the collections' sizes."""
    upkeep.fold_counts()
    upkeep.reweigh()
    reweighting.continue_all()


@shared_task(ignore_result=True)
def expire() -> None:
    """Remove what retention no longer keeps."""
    expiry.expire()
    sending.forget_old()


@shared_task(ignore_result=True)
def merge_postings() -> None:
    """Give what is new, or gone, its place in the postings, for a few seconds."""
    postings.merge_due()


@shared_task(ignore_result=True)
def learn_suggestions() -> None:
    """Have completions in search boxes follow the documents, for a few seconds."""
    suggestions.learn_due()


@shared_task(ignore_result=True)
def sweep_suggestions() -> None:
    """Forget completions that nothing bears out any more."""
    suggestions.sweep_all()


@shared_task(ignore_result=True)
def send_webhooks() -> None:
    """Send the deliveries that are due."""
    sending.send_due()


@shared_task(ignore_result=True)
def fill_spaces() -> None:
    """Fill embedding spaces for a few seconds; another such task follows at once while there is more to do."""
    spaces.carry_out()
    if filling.fill_shift():
        wake.now("ingestion.tasks.fill_spaces")


@shared_task(ignore_result=True)
def index_vectors() -> None:
    """Build the vector graphs that are due; minutes for a large partition, beside all else."""
    vector_index.build_due()
