"""What the scheduler runs for search."""

from celery import shared_task

from retrieval import audits


@shared_task(ignore_result=True)
def audit_recall() -> None:
    """Compare approximate with exact results, tenant by tenant."""
    audits.audit_all()
