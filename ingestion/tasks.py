"""What workers and the scheduler run. The rows say what is to be done; every task may run twice or not at all."""

from celery import shared_task

from ingestion import pipeline, upkeep, wake, work


@shared_task(ignore_result=True)
def ingest_next() -> None:
    """Take the fairest due batch and work it off; wake another worker first when there is more."""
    claimed = work.claim()
    if claimed is None:
        return
    if work.is_any_due():
        wake.now()
    pipeline.process(claimed)


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
