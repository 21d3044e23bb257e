"""What workers and the scheduler run. The rows say what is to be done; every task may run twice or not at all."""

from typing import Any

from celery import shared_task, signals

from ingestion import shifts, upkeep, vectors, wake, work

_threads = 1


@signals.worker_ready.connect
def _count_threads(sender: Any = None, **_: Any) -> None:
    global _threads
    _threads = max(1, int(sender.controller.concurrency or 1))


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


@shared_task(ignore_result=True)
def tidy() -> None:
    """Keep the lexical index small and its weights true to the collections' sizes."""
    upkeep.fold_counts()
    upkeep.reweigh()
