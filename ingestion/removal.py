"""Taking documents away and bringing them back: ``delete``, ``restore``, ``erase``.

A deleted document is out of search and of every list at once, and can be restored until the retention period ends
(``expiry``). An erased one is gone for good: bytes, text, passages, vectors, term counts; answers that cited it keep
their row and show that the source was erased. What is left is an audit event without a word of the document.

All run in the open tenant scope; documents are locked first, as everywhere.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.utils import timezone

from ingestion import (
    arrival,
    citing,
    publication,
    runs,
    statements,
    suggestions,
    versions,
    wake,
)
from ingestion.citing import Erased
from ingestion.errors import NotRestorable
from ingestion.models import Chunk, Document, DocumentVersion, IngestionRun
from ingestion.webhooks.announcing import Event, announce
from tenants import audit
from tenants.scope import current_principal, tenant_scope

SQL = statements.load(__file__)
DELETED = ("deleted", "The document was deleted before it was done.")
DELETED_AT_ONCE = 500
ERASED = ("erased", "The document was erased before it was done.")


def delete(*, document: Document) -> None:
    """Take a document, and what was found in it, out of search and every list, at once.

    The rows stay for the retention period.
    """
    delete_many(document_ids=[document.pk])


def delete_many(*, document_ids: Iterable[UUID]) -> int:
    """``delete`` for many at once; how many of them were living. Cost: about twelve statements for each 500."""
    ids = sorted(set(document_ids))
    with tenant_scope(current_principal().as_steward()):
        return sum(
            _delete(ids[start : start + DELETED_AT_ONCE])
            for start in range(0, len(ids), DELETED_AT_ONCE)
        )


def _delete(ids: list[UUID]) -> int:
    found = Document.objects.filter(pk__in=ids, deleted_at=None).order_by("id")
    rows = list(found.select_for_update())
    living = [row.pk for row in rows]
    if not living:
        return 0
    runs.end(IngestionRun.objects.filter(document_id__in=living), *DELETED)
    publication.close(living)
    Document.objects.filter(pk__in=living).update(
        deleted_at=timezone.now(), current_version_id=None, updated_at=timezone.now()
    )
    if len(rows) == 1:
        audit.record("document.deleted", rows[0])
    else:
        audit.record("documents.deleted", rows[0], documents=[str(key) for key in living])
    announce(Event.DELETED, living)
    # Uses index: document_parts
    parts = Document.objects.filter(parent_id__in=living, deleted_at=None)
    _delete(list(parts.order_by("id").values_list("id", flat=True)))
    return len(living)


def _parts(document: Document) -> QuerySet[Document]:
    """What was found in a document. Uses index: document_parts."""
    return Document.objects.filter(parent_id=document.pk).order_by("id")


def restore(*, document: Document) -> Document:
    """Undo ``delete``: what could be found then is published again. Raises NotRestorable.

    Nothing is read or embedded again where text and vectors are still there; a worker publishes it in one commit. A
    document in which others were found is read again, which brings those back as well.
    """
    with tenant_scope(current_principal().as_steward()):
        found = Document.objects.filter(pk=document.pk, deleted_at__isnull=False)
        row = found.select_for_update().first()
        if row is None:
            raise NotRestorable(f"{document.title} is not deleted; there is nothing to restore.")
        chosen = _what_there_was(row)
        Document.objects.filter(pk=row.pk).update(deleted_at=None, updated_at=timezone.now())
        if chosen.valid_from is None:
            arrival.queue_again([row.pk])
        else:
            versions.bring_back(chosen)
        audit.record("document.restored", row, version=chosen.number)
        wake.on_commit()
        row.refresh_from_db()
        return row


def _what_there_was(document: Document) -> DocumentVersion:
    """The upload that was waiting when the document was deleted; else what was searchable; else what had failed."""
    rows = DocumentVersion.objects.filter(document=document).defer("text", "blocks", "page_spans")
    newest = rows.order_by("-number")[0]
    last_run = IngestionRun.objects.filter(version=newest).order_by("-created_at").first()
    if last_run is not None and last_run.reason_code == DELETED[0]:
        return newest
    published = rows.filter(valid_from__isnull=False).order_by("-valid_to", "-number").first()
    return published or newest


def erase(*, document: Document, why: str = "asked") -> bool:
    """Remove a document and what was found in it, deleted or not, for good; False when there is none any more.

    One transaction: locks the document and its passages, so that an answer that cites one of them at this moment waits
    and then finds it gone. Cost: about fifteen statements; some seconds for a hundred thousand passages.
    """
    with tenant_scope(current_principal().as_steward()):
        row = Document.objects.filter(pk=document.pk).select_for_update().first()
        if row is None:
            return False
        for part in _parts(row):
            erase(document=part, why=why)
        runs.end(IngestionRun.objects.filter(document_id=row.pk), *ERASED)
        publication.close([row.pk])
        held = _held(row)
        citing.forget(held)
        size = DocumentVersion.objects.filter(document=row).aggregate(size=Sum("size"))["size"]
        announce(Event.ERASED, [row.pk])
        discard(list(held.version_ids))
        SQL.run("delete_document", document=row.pk)
        suggestions.forget(row.pk, row.collection_id, held.chunk_ids)
        audit.record(
            "document.erased",
            row,
            name="",
            why=why,
            collection=str(row.collection_id),
            versions=len(held.version_ids),
            chunks=len(held.chunk_ids),
            bytes=size or 0,
        )
        return True


def _held(document: Document) -> Erased:
    ids = DocumentVersion.objects.filter(document=document).values_list("id", flat=True)
    version_ids = list(ids)
    return Erased([document.pk], _chunks(version_ids), version_ids)


def _chunks(version_ids: list[UUID]) -> list[UUID]:
    """Their chunks, locked: whoever saves an answer that cites one waits, and then finds it gone."""
    chunks = Chunk.objects.filter(version_id__in=version_ids).select_for_update().order_by("id")
    return list(chunks.values_list("id", flat=True))


def release(version_ids: list[UUID]) -> None:
    """Have what still points at these versions let go: citations in conversations that were deleted."""
    citing.forget(Erased([], _chunks(version_ids), version_ids))


def discard(version_ids: list[UUID]) -> None:
    """Remove closed versions with all that was made of them, and files that no other version has."""
    publication.discard(version_ids)
    rows = DocumentVersion.objects.filter(id__in=version_ids)
    files = list(rows.order_by().values_list("file_id", flat=True).distinct())
    SQL.run("delete_runs", versions=version_ids)
    SQL.run("delete_versions", versions=version_ids)
    SQL.run("delete_blocks", files=files)
    SQL.run("delete_files", files=files)
