"""Who works on what: runs are claimed, kept and given back here, by rows and the database's clock alone.

``claim`` hands out the fairest due batch under a lease, ``keep`` renews it from a thread, ``reconcile`` takes back what
silent workers hold. All of it looks across tenants, so it runs on the operator's connection, one short transaction
each; the work itself runs in its tenant's scope on the runtime role. A process that dies at any line loses nothing:
its lease ends, its run is queued again with a delay, and after ``MOST_ATTEMPTS`` it is failed as poison.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from ingestion import heartbeats, statements
from ingestion.statements import OPERATOR
from ingestion.webhooks import announcing
from tenants.identifiers import uuid7

SQL = statements.load(__file__)
LEASE = timedelta(seconds=30)
HEARTBEAT_SECONDS = 10.0
MOST_ATTEMPTS = 5
BATCH = 64
POISON = (
    "The worker died %s times while it was working on this file.",
    "Open it in the program that made it, save it again, and upload that copy; or split it.",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """Runs of one tenant, leased under one token."""

    tenant_id: UUID
    token: UUID
    run_ids: list[UUID]
    lost: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass(frozen=True)
class Reconciled:
    """What a round of the reconciler took back."""

    requeued: int = 0
    poisoned: int = 0


def claim(*, without: Sequence[UUID] = ()) -> Claim | None:
    """Lease the fairest due work of any tenant but these, or None. Two statements; waits for nobody."""
    for (tenant_id,) in SQL.fetch_across("tenants_in_turn"):
        if tenant_id in without:
            continue
        token = uuid7()
        wanted = {"tenant": tenant_id, "token": token, "lease": LEASE, "most": BATCH}
        # All of a tenant's due runs may be in another worker's hands at this very moment: then the next tenant.
        if run_ids := [run_id for (run_id,) in SQL.fetch_across("claim", **wanted)]:
            return Claim(tenant_id, token, run_ids)
    return None


@contextmanager
def keep(claimed: Claim) -> Iterator[None]:
    """Renew a lease while the block runs; sets ``claimed.lost`` once another worker has it."""

    def renew() -> int:
        return SQL.run_across(
            "renew",
            tenant=claimed.tenant_id,
            runs=claimed.run_ids,
            token=claimed.token,
            lease=LEASE,
        )

    with heartbeats.beating(renew, claimed.lost, seconds=HEARTBEAT_SECONDS, name="lease"):
        yield


def is_any_due() -> bool:
    """Is there work that nobody has? Uses index: run_open."""
    return bool(SQL.fetch_across("is_any_due")[0][0])


def is_any_under_way() -> bool:
    """Does any worker hold a lease? Uses index: run_leased."""
    return bool(SQL.fetch_across("is_any_under_way")[0][0])


def reconcile() -> Reconciled:
    """Queue again, or fail as poison, what workers have let lapse."""
    requeued = poisoned = 0
    with transaction.atomic(using=OPERATOR):
        for tenant_id, run_id, document_id, *_ in SQL.fetch_across("expired"):
            found = {
                "tenant": tenant_id,
                "run": run_id,
                "runs": [run_id],
                "most": MOST_ATTEMPTS,
                "reason": POISON[0],
                "remedy": POISON[1],
            }
            requeued += SQL.run_across("requeue_expired", **found)
            ended = SQL.run_across("poison_expired", **found)
            poisoned += ended
            SQL.run_across("show_on_document", **found)
            if ended:
                told = {"event": "document.failed", "documents": [document_id], "state": "failed"}
                _tell({"tenant": tenant_id, **told})
    if requeued or poisoned:
        logger.warning(
            "Taken back from silent workers: %s queued again, %s failed.", requeued, poisoned
        )
    return Reconciled(requeued, poisoned)


def _tell(values: dict[str, Any]) -> None:
    """As ``announcing.announce``, across tenants; the scheduler's next round sends it."""
    announcing.SQL.run_across("announce", **values)
