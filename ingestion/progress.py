"""What people see while a run is under way, and how a run ends badly. Written by the worker that has its lease.

Each call is one short transaction in the tenant's scope; documents are locked before runs, as everywhere.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ingestion import statements
from ingestion.errors import IngestionError, LeaseLost
from ingestion.models import IngestionRun, State
from ingestion.webhooks.announcing import Event, announce
from ingestion.work import MOST_ATTEMPTS, Claim
from ingestion.work import SQL as WORK_SQL
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)


def show(
    claimed: Claim, state: State, run_ids: Sequence[UUID] | None = None, **counts: int | None
) -> None:
    """Say which stage runs are in. ``counts``: pages, chunks, chunks_done, where they are known.

    Raises LeaseLost when none of the runs is this worker's any more.
    """
    runs = list(claimed.run_ids if run_ids is None else run_ids)
    values = {"pages": None, "chunks": None, "chunks_done": None, **counts}
    if claimed.lost.is_set() or not _write("show", claimed, runs=runs, state=state, **values):
        raise LeaseLost(f"The lease {claimed.token} was given to another worker.")


def fail(claimed: Claim, run_id: UUID, error: IngestionError, stages: dict[str, Any]) -> bool:
    """End a run as failed, with what a person can do about it; False when it was another worker's."""
    return _end("fail", claimed, run_id, error, stages)


def postpone(claimed: Claim, run_id: UUID, error: IngestionError, stages: dict[str, Any]) -> None:
    """Queue a run again, after a delay that grows with its attempts; after the last one it has failed."""
    _end("postpone", claimed, run_id, error, stages)


def _end(
    name: str, claimed: Claim, run_id: UUID, error: IngestionError, stages: dict[str, Any]
) -> bool:
    changed = _write(
        name,
        claimed,
        runs=[run_id],
        code=error.code[:60],
        reason=error.message,
        remedy=error.remedy,
        stages=Jsonb(stages),
        most=MOST_ATTEMPTS,
    )
    return bool(changed)


def _write(name: str, claimed: Claim, **parameters: Any) -> int:
    """How many runs were still this worker's."""
    values: dict[str, Any] = {"tenant": claimed.tenant_id, "token": claimed.token, **parameters}
    with tenant_scope(platform_principal(claimed.tenant_id)):
        SQL.run("lock_documents", **values)
        changed = SQL.run(name, **values)
        if changed:
            WORK_SQL.run("show_on_document", **values)
            if name != "show":
                runs = IngestionRun.objects.filter(pk__in=values["runs"], state=State.FAILED)
                failed = list(runs.values_list("document_id", flat=True))
                announce(Event.FAILED, failed, state=State.FAILED)
        return changed
