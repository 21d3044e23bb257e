"""Scheduled work on money; the schedule is in ``config.celery``."""

import logging

from celery import shared_task

from inference import accounts, budget_mail

_log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def release_expired() -> None:
    """Every few seconds: give back what calls held whose process died."""
    if released := accounts.release_expired():
        _log.warning("%d calls were abandoned by their process", released)


@shared_task(ignore_result=True)
def check_ledger() -> None:
    """Nightly: every budget against its rows in the ledger."""
    for tenant, found in accounts.all_discrepancies():
        _log.error("tenant %s: %s", tenant, found)


@shared_task(ignore_result=True)
def mail_budget_warnings() -> None:
    """Mail the warnings of budgets that nobody has had yet."""
    budget_mail.send_due()
