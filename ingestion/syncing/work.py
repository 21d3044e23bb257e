"""Who looks at which source: runs are scheduled, claimed, kept and taken back by rows and the database's clock alone.

The same principles as ``ingestion.work``: all of it across tenants on the operator's connection, one short statement
each; the run itself in its tenant's scope. A worker that dies loses nothing: the lease ends and the run goes on
elsewhere, where items that this run has seen already are not fetched again.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connections, transaction

from ingestion import statements
from tenants.identifiers import uuid7

SQL = statements.load(__file__)
LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 15.0
MOST_ATTEMPTS = 5
# One tenant's slow sites must not keep the others waiting.
MOST_OF_TENANT = 3
_OPERATOR = "operator"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SyncClaim:
    """A run of one source under a lease."""

    tenant_id: UUID
    run_id: UUID
    source_id: UUID
    token: UUID
    attempts: int
    lost: threading.Event = field(default_factory=threading.Event, compare=False)


def claim() -> SyncClaim | None:
    """Lease the fairest due run, or None. One statement; waits for nobody."""
    token = uuid7()
    rows = _rows("claim", {"token": token, "lease": LEASE, "most_of_tenant": MOST_OF_TENANT})
    for tenant_id, run_id, source_id, attempts in rows:
        return SyncClaim(tenant_id, run_id, source_id, token, attempts)
    return None


@contextmanager
def keep(claimed: SyncClaim) -> Iterator[None]:
    """Renew a lease while the block runs; sets ``claimed.lost`` once the run is not this worker's any more."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(claimed, done), name="sync-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(claimed: SyncClaim, done: threading.Event) -> None:
    held = {
        "run": claimed.run_id,
        "tenant": claimed.tenant_id,
        "token": claimed.token,
        "lease": LEASE,
    }
    try:
        while not done.wait(HEARTBEAT_SECONDS):
            try:
                if _count("renew", held) == 0 and not done.is_set():
                    claimed.lost.set()
            except DatabaseError as error:
                # The next beat tries again on a new connection; the lease outlives two missed ones.
                logger.warning("A lease was not renewed: %s", error)
                connections[_OPERATOR].close()
    finally:
        connections[_OPERATOR].close()


def is_any_due() -> bool:
    """Is there a run that nobody has? Uses index: source_run_open."""
    return bool(_rows("is_any_due")[0][0])


def reconcile() -> int:
    """Make runs of sources whose time has come, and take back what workers have let lapse; how many runs."""
    with transaction.atomic(using=_OPERATOR):
        scheduled = _count("schedule", None)
        lapsed = _count("requeue_expired", {"most": MOST_ATTEMPTS})
        failed = _count("fail_expired", {"most": MOST_ATTEMPTS})
    if lapsed or failed:
        logger.warning(
            "Taken back from silent workers: %s looks at sources again, %s failed.", lapsed, failed
        )
    return scheduled + lapsed


def _rows(name: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connections[_OPERATOR].cursor() as cursor:
        cursor.execute(SQL[name], parameters)
        return list(cursor.fetchall())


def _count(name: str, parameters: Any) -> int:
    with connections[_OPERATOR].cursor() as cursor:
        cursor.execute(SQL[name], parameters)
        return int(cursor.rowcount)
