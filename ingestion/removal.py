"""Taking documents away and bringing them back: ``delete``, ``restore``, ``erase``, and each for many.

A deleted document is out of search and of every list at once, and can be restored until the retention period ends
(``expiry``). An erased one is gone for good: bytes, text, passages, vectors, term counts; answers that cited it keep
their row and show that the source was erased. What is left is an audit event without a word of the document.

All run in the open tenant scope; documents are locked first, as everywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from ingestion import (
    arrival,
    citing,
    publication,
    runs,
    statements,
    suggestions,
    trail,
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
DELETED_AT_ONCE, ERASED_AT_ONCE = 500, 100
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
    trail.record_all("document.deleted", rows)
    announce(Event.DELETED, living)
    # Uses index: document_parts
    parts = Document.objects.filter(parent_id__in=living, deleted_at=None)
    _delete(list(parts.order_by("id").values_list("id", flat=True)))
    return len(living)


def restore(*, document: Document) -> Document:
    """Undo ``delete``: what could be found then is published again. Raises NotRestorable.

    Nothing is read or embedded again where text and vectors are still there; a worker publishes it in one commit. A
    document in which others were found is read again, which brings those back as well.
    """
    if not restore_many(document_ids=[document.pk]):
        raise NotRestorable(f"{document.title} is not deleted; there is nothing to restore.")
    with tenant_scope(current_principal().as_steward()):
        return Document.objects.get(pk=document.pk)


def restore_many(*, document_ids: Iterable[UUID]) -> int:
    """``restore`` for many; how many of them were deleted. Cost: about twenty statements for each 500."""
    ids = sorted(set(document_ids))
    with tenant_scope(current_principal().as_steward()):
        return sum(
            _restore(ids[start : start + DELETED_AT_ONCE])
            for start in range(0, len(ids), DELETED_AT_ONCE)
        )


def _restore(ids: list[UUID]) -> int:
    deleted = Document.objects.filter(pk__in=ids, deleted_at__isnull=False).order_by("id")
    rows = list(deleted.select_for_update())
    if not rows:
        return 0
    chosen = _what_there_was([row.pk for row in rows])
    Document.objects.filter(pk__in=chosen).update(deleted_at=None, updated_at=timezone.now())
    if unread := [key for key, version in chosen.items() if version.valid_from is None]:
        arrival.queue_again(unread)
    if published := [version for version in chosen.values() if version.valid_from is not None]:
        versions.bring_back(published)
    numbers = {str(key): version.number for key, version in chosen.items()}
    trail.record_all("document.restored", rows, versions=numbers)
    wake.on_commit()
    return len(rows)


def _what_there_was(ids: list[UUID]) -> dict[UUID, DocumentVersion]:
    """Each document's upload that waited when it was deleted; else what was searchable; else what had failed."""
    newest = arrival.newest_versions(ids)
    tried = IngestionRun.objects.filter(version_id__in=[version.pk for version in newest.values()])
    last = tried.order_by("version_id", "-created_at").distinct("version_id")
    waited = {run.version_id for run in last if run.reason_code == DELETED[0]}
    rows = DocumentVersion.objects.filter(document_id__in=ids, valid_from__isnull=False)
    shown = rows.order_by("document_id", "-valid_to", "-number").distinct("document_id")
    published = {row.document_id: row for row in shown.defer("text", "blocks", "page_spans")}
    return {
        key: version if version.pk in waited else published.get(key, version)
        for key, version in newest.items()
    }


def erase(*, document: Document, why: str = "asked") -> bool:
    """Remove a document and what was found in it, deleted or not, for good; False when there is none any more.

    One transaction: locks the document and its passages, so that an answer that cites one of them at this moment waits
    and then finds it gone. Cost: about twenty statements; some seconds for a hundred thousand passages.
    """
    return erase_many(document_ids=[document.pk], why=why) == 1


def erase_many(*, document_ids: Iterable[UUID], why: str = "asked") -> int:
    """``erase`` for many; how many of them there were. Cost: that of one for each 100, with what was found in them."""
    with tenant_scope(current_principal().as_steward()):
        asked = _locked(Document.objects.filter(pk__in=list(document_ids)))
        family, level = list(asked), asked
        while level:
            # Uses index: document_parts
            level = _locked(Document.objects.filter(parent_id__in=level).exclude(pk__in=family))
            family += level
        parts_first = family[::-1]
        for start in range(0, len(family), ERASED_AT_ONCE):
            _erase(parts_first[start : start + ERASED_AT_ONCE], why)
        return len(asked)


def _locked(rows: QuerySet[Document]) -> list[UUID]:
    return list(rows.order_by("id").select_for_update().values_list("id", flat=True))


def _erase(ids: list[UUID], why: str) -> None:
    rows = list(Document.objects.filter(pk__in=ids))
    runs.end(IngestionRun.objects.filter(document_id__in=ids), *ERASED)
    publication.close(ids)
    held = _held(ids)
    chunk_ids = [key for one in held.values() for key in one.chunk_ids]
    version_ids = [key for one in held.values() for key in one.version_ids]
    citing.forget(Erased(ids, chunk_ids, version_ids))
    announce(Event.ERASED, ids)
    discard(version_ids)
    SQL.run("delete_documents", documents=ids)
    suggestions.forget(ids, {row.collection_id for row in rows}, chunk_ids)
    told = [(row, {"why": why, **held[row.pk].told(row)}) for row in rows]
    audit.record_each("document.erased", told, name="")


@dataclass
class _Held:
    """What goes with a document."""

    version_ids: list[UUID] = field(default_factory=list)
    chunk_ids: list[UUID] = field(default_factory=list)
    bytes: int = 0

    def told(self, document: Document) -> dict[str, Any]:
        """For the audit trail: how much it was, and not a word of it."""
        return {
            "collection": str(document.collection_id),
            "versions": len(self.version_ids),
            "chunks": len(self.chunk_ids),
            "bytes": self.bytes,
        }


def _held(ids: list[UUID]) -> dict[UUID, _Held]:
    held = {key: _Held() for key in ids}
    versions_of = DocumentVersion.objects.filter(document_id__in=ids)
    for document_id, key, size in versions_of.values_list("document_id", "id", "size"):
        held[document_id].version_ids.append(key)
        held[document_id].bytes += size
    for document_id, key in _chunks([key for one in held.values() for key in one.version_ids]):
        held[document_id].chunk_ids.append(key)
    return held


def _chunks(version_ids: list[UUID]) -> list[tuple[UUID, UUID]]:
    """Documents and ids of their chunks, which are locked.

    Whoever saves an answer that cites one waits, and then finds it gone.
    """
    chunks = Chunk.objects.filter(version_id__in=version_ids).select_for_update().order_by("id")
    return list(chunks.values_list("document_id", "id"))


def release(version_ids: list[UUID]) -> None:
    """Have what still points at these versions let go: citations in conversations that were deleted."""
    citing.forget(Erased([], [key for _, key in _chunks(version_ids)], version_ids))


def discard(version_ids: list[UUID]) -> None:
    """Remove closed versions with all that was made of them, and files that no other version has."""
    publication.discard(version_ids)
    rows = DocumentVersion.objects.filter(id__in=version_ids)
    files = list(rows.order_by().values_list("file_id", flat=True).distinct())
    SQL.run("delete_runs", versions=version_ids)
    SQL.run("delete_versions", versions=version_ids)
    SQL.run("delete_blocks", files=files)
    SQL.run("delete_files", files=files)
