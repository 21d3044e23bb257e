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
from uuid import UUID

from django.db import transaction

from ingestion import heartbeats, statements
from ingestion.statements import OPERATOR
from tenants.identifiers import uuid7

SQL = statements.load(__file__)
LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 15.0
MOST_ATTEMPTS = 5
# One tenant's slow sites must not keep the others waiting.
MOST_OF_TENANT = 3
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
    rows = SQL.fetch_across("claim", token=token, lease=LEASE, most_of_tenant=MOST_OF_TENANT)
    for tenant_id, run_id, source_id, attempts in rows:
        return SyncClaim(tenant_id, run_id, source_id, token, attempts)
    return None


@contextmanager
def keep(claimed: SyncClaim) -> Iterator[None]:
    """Renew a lease while the block runs; sets ``claimed.lost`` once the run is not this worker's any more."""

    def renew() -> int:
        return SQL.run_across(
            "renew",
            run=claimed.run_id,
            tenant=claimed.tenant_id,
            token=claimed.token,
            lease=LEASE,
        )

    with heartbeats.beating(renew, claimed.lost, seconds=HEARTBEAT_SECONDS, name="sync-lease"):
        yield


def is_any_due() -> bool:
    """Is there a run that nobody has? Uses index: source_run_open."""
    return bool(SQL.fetch_across("is_any_due")[0][0])


def reconcile() -> int:
    """Make runs of sources whose time has come, and take back what workers have let lapse; how many runs."""
    with transaction.atomic(using=OPERATOR):
        scheduled = SQL.run_across("schedule")
        lapsed = SQL.run_across("requeue_expired", most=MOST_ATTEMPTS)
        failed = SQL.run_across("fail_expired", most=MOST_ATTEMPTS)
    if lapsed or failed:
        logger.warning(
            "Taken back from silent workers: %s looks at sources again, %s failed.", lapsed, failed
        )
    return scheduled + lapsed
