"""Scheduled work on traces; the schedule is in ``config.celery``."""

from celery import shared_task

from traces import partitions


@shared_task
def prepare_partitions() -> None:
    """Daily: the partitions of the coming days. Missing a few days does no harm, fifteen are made ahead."""
    partitions.prepare()
