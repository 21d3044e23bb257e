"""Versions brought back, and documents divided anew, without reading their files again.

A version is one reading of a document's bytes and has one time at which it was current. So bringing one back makes a
new version with its bytes and text, whose run finds the text there and the vectors of its passages by their hash, and
is published like any other: atomically, and fenced.
"""

from collections.abc import Sequence
from uuid import UUID

from ingestion import arrival, runs, statements, wake
from ingestion.errors import NotRestorable
from ingestion.models import Collection, Document, DocumentVersion, IngestionRun
from tenants import audit
from tenants.identifiers import uuid7
from tenants.scope import current_principal, tenant_scope

SQL = statements.load(__file__)
SUPERSEDED = ("superseded", "A newer version was uploaded before this one was done.")
BATCH = 500


def restore(*, version: DocumentVersion) -> IngestionRun:
    """Make an old version the document's newest; search has it once a worker has published it. Raises NotRestorable."""
    with tenant_scope(current_principal().as_steward()):
        living = Document.objects.filter(pk=version.document_id, deleted_at=None)
        document = living.select_for_update().first()
        if document is None:
            raise NotRestorable("The document is deleted: restore it first.")
        if document.current_version_id == version.pk and _is_newest(version):
            raise NotRestorable(f"Version {version.number} is the current one.")
        (run,) = bring_back([version])
        audit.record("document.version_restored", document, version=version.number)
        wake.on_commit()
        return run


def _is_newest(version: DocumentVersion) -> bool:
    later = DocumentVersion.objects.filter(document_id=version.document_id)
    return not later.filter(number__gt=version.number).exists()


def bring_back(versions: Sequence[DocumentVersion]) -> list[IngestionRun]:
    """A copy of each version as the newest of its (locked) document, queued."""
    return _copy([version.pk for version in versions])


def divide_again(*, collection: Collection) -> int:
    """Divide every searchable document of a collection by its present chunk profile; how many were queued.

    Each document changes over atomically when its turn comes; until then its old passages are found.
    """
    with tenant_scope(current_principal().as_steward()):
        rows = Document.objects.filter(
            collection=collection, deleted_at=None, current_version_id__isnull=False
        )
        current = [
            (key, version)
            for key, version in rows.order_by("id").values_list("id", "current_version_id")
            if version is not None
        ]
        for start in range(0, len(current), BATCH):
            some = current[start : start + BATCH]
            living = Document.objects.filter(id__in=[key for key, _ in some], deleted_at=None)
            locked = set(living.select_for_update().order_by("id").values_list("id", flat=True))
            _copy([version for key, version in some if key in locked])
        audit.record("collection.divided_again", collection, documents=len(current))
        wake.on_commit()
        return len(current)


def _copy(version_ids: Sequence[UUID]) -> list[IngestionRun]:
    pairs = [(uuid7(), old) for old in version_ids]
    actor = current_principal().user_id
    SQL.run("copy_versions", fresh=[new for new, _ in pairs], old=list(version_ids), actor=actor)
    rows = DocumentVersion.objects.filter(id__in=[new for new, _ in pairs])
    documents = list(rows.order_by("document_id").values_list("document_id", flat=True))
    supersede(documents)
    return arrival.queue_again(documents, batched=True)


def supersede(document_ids: Sequence[UUID]) -> None:
    """End the open runs of all but the newest versions; a worker that still has one publishes nothing."""
    newest = arrival.newest_version_ids(list(document_ids))
    older = IngestionRun.objects.filter(document_id__in=document_ids).exclude(version_id__in=newest)
    runs.end(older, *SUPERSEDED)
    SQL.run("close_unpublished", documents=list(document_ids), newest=newest)
