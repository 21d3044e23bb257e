"""Retention: what nobody sees any more goes after some days, which the operator sets and a tenant may change.

``expire`` erases documents that were deleted, and removes versions that were superseded, longer ago than that. A
superseded version that an answer in somebody's conversation cites is kept whole, since nobody has asked for it to go;
a deleted document is erased all the same, and its citations say so. Deletes are small: one document, or some versions
of one tenant, in a transaction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from django.conf import settings

from ingestion import citing, removal, statements
from ingestion.models import Document, DocumentVersion, Retention
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
BATCH = 20
# A round looks at no more than this many rows at a time, so that it holds no long list.
PAGE = 500
_START = (UUID(int=0), UUID(int=0))


@dataclass(frozen=True)
class Expired:
    """What a round of the job removed."""

    documents: int = 0
    versions: int = 0


def expire() -> Expired:
    """Remove all that is due, of all tenants; safe to run twice at once."""
    return Expired(_expire_documents(), _expire_versions())


def kept_for() -> tuple[timedelta, timedelta]:
    """How long the open scope's tenant keeps deleted documents and superseded versions; one query."""
    own = Retention.objects.first() or Retention()
    deleted, superseded = own.deleted_days, own.superseded_days
    return (
        timedelta(days=settings.RETENTION_DELETED_DAYS if deleted is None else deleted),
        timedelta(days=settings.RETENTION_SUPERSEDED_DAYS if superseded is None else superseded),
    )


def _expire_documents() -> int:
    erased = 0
    for tenant_id, document_id in _due("due_documents", days=settings.RETENTION_DELETED_DAYS):
        with tenant_scope(platform_principal(tenant_id)):
            # It may have been restored since it was looked up.
            found = Document.objects.filter(pk=document_id, deleted_at__isnull=False)
            row = found.select_for_update().first()
            erased += row is not None and removal.erase(document=row, why="retention")
    return erased


def _expire_versions() -> int:
    removed = 0
    due = _due("due_versions", days=settings.RETENTION_SUPERSEDED_DAYS)
    for tenant_id, rows in groupby(due, key=lambda row: row[0]):
        ids = [version_id for _, version_id in rows]
        for start in range(0, len(ids), BATCH):
            with tenant_scope(platform_principal(tenant_id)):
                removed += _remove(ids[start : start + BATCH])
    return removed


def _remove(version_ids: list[UUID]) -> int:
    """Those that are still superseded and that no living answer cites; locks their documents."""
    rows = DocumentVersion.objects.filter(pk__in=version_ids, valid_to__isnull=False)
    documents = rows.order_by().values("document_id")
    locked = Document.objects.filter(pk__in=documents).select_for_update().order_by("id")
    living = [row.pk for row in locked if row.deleted_at is None]
    ids = set(rows.filter(document_id__in=living).values_list("pk", flat=True))
    gone = sorted(ids - citing.cited_versions(sorted(ids)))
    if gone:
        removal.release(gone)
        removal.discard(gone)
    return len(gone)


def _due(name: str, *, days: int) -> Iterator[tuple[UUID, UUID]]:
    """Tenant and id of what is due, page by page in that order; what is kept is passed over."""
    tenant_id, after = _START
    while True:
        page = SQL.fetch_across(name, tenant=tenant_id, after=after, days=days, most=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        tenant_id, after = page[-1]
