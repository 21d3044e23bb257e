"""The Celery application: ``celery -A config.celery worker`` and ``... beat``. The schedule of all packages is here.

Tasks take ids and nothing else, as JSON; see ``config.broker`` for why none of them may matter by itself.
"""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config import broker, liveness, safety
from config.launch import tether

# Task name, seconds between two runs. Each run is idempotent; a run that is missed is not made up for.
SCHEDULE: dict[str, float] = {
    "traces.tasks.prepare_partitions": 6 * 3600,
    "ingestion.tasks.reconcile": 15,
    "ingestion.tasks.tidy": 60,
    "ingestion.tasks.merge_postings": 15,
    "ingestion.tasks.index_vectors": 600,
    "inference.tasks.release_expired": 15,
    "inference.tasks.mail_budget_warnings": 60,
    "inference.tasks.check_ledger": 24 * 3600,
    "ingestion.tasks.expire": 3600,
    "ingestion.tasks.fill_spaces": 15,
    "ingestion.tasks.learn_suggestions": 15,
    "ingestion.tasks.sweep_suggestions": 24 * 3600,
    "retrieval.tasks.audit_recall": 24 * 3600,
}

app = Celery("footnote")
app.conf.update(
    **broker.options(),
    accept_content=["json"],
    task_serializer="json",
    # Threads, not processes: an idle process that is killed takes the lock of the pool's queue along, and the worker
    # hangs for ever (billiard, with a transport like ours that is not asynchronous). What costs time is outside of
    # Python's lock anyway: the embedding model, the parsers' processes, the database.
    worker_pool="threads",
    # Nothing reads results: a row says what came of it.
    task_ignore_result=True,
    # Acknowledged when done; one message per thread, so that none waits behind a long task, hidden from the others.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    # A task that kills its process is not delivered again for ever: its row's attempts are counted, the message not.
    task_reject_on_worker_lost=False,
    # Both would need queues that are made and left behind at each start of a worker.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    # The queue is in the database: waiting for it to come back beats giving up.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_pool_limit=4,
    # A publisher in a request must not hang: the row is saved, the reconciler will wake it.
    task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2},
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    beat_schedule={
        name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
        for name, seconds in SCHEDULE.items()
    },
    timezone="UTC",
)
app.autodiscover_tasks()
# Requests publish from threads, where only the default application is known.
app.set_default()


@signals.celeryd_init.connect
def _worker_starts(**_: Any) -> None:
    broker.listen(app.conf.broker_transport_options)


@signals.worker_init.connect
@signals.beat_init.connect
def _check_database(**_: Any) -> None:
    safety.refuse_unsafe_database()


@signals.worker_ready.connect
def _worker_is_ready(**_: Any) -> None:
    liveness.hold(liveness.WORKER)


@signals.beat_init.connect
def _scheduler_is_ready(**_: Any) -> None:
    liveness.hold(liveness.SCHEDULER)


@signals.worker_process_init.connect
def _end_with_parent(**_: Any) -> None:
    """For ``--pool prefork`` on another broker: a process of the pool would outlive its killed worker otherwise."""
    tether.end_with_parent()
