"""Commands on documents: ``upload``, ``upload_many``, ``retry``, ``retry_failed``, ``delete``, ``restrict``.

Each runs in the open tenant scope, is atomic, leaves an audit event, and wakes the workers once it has been committed.
Whether the principal may write is for the edge to check. Locks are taken in one order everywhere, so that writers
cannot deadlock: names of documents, documents by id, runs by id.
"""

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ingestion import arrival, intake, publication, wake
from ingestion.arrival import Uploaded
from ingestion.errors import NotRetryable, UploadRefused
from ingestion.intake import Accepted, Upload
from ingestion.models import (
    TERMINAL,
    Chunk,
    Collection,
    Document,
    DocumentVersion,
    Embedding,
    IngestionRun,
    LexicalEntry,
    Source,
    State,
)
from tenants import audit
from tenants.scope import current_principal, tenant_scope

__all__ = [
    "Upload",
    "Uploaded",
    "delete",
    "restrict",
    "retry",
    "retry_failed",
    "upload",
    "upload_many",
]

SUPERSEDED = ("superseded", "A newer version was uploaded before this one was done.")
DELETED = ("deleted", "The document was deleted before it was done.")


def upload(
    *,
    collection: Collection,
    filename: str,
    content: BinaryIO | bytes,
    external_id: str | None = None,
    title: str | None = None,
    metadata: dict[str, Any] | None = None,
    reader_groups: list[UUID] | None = None,
    source_kind: str = Source.Kind.UPLOAD,
    media_type: str | None = None,
) -> Uploaded:
    """Accept one file: a new document, a new version of one, or nothing new. Raises UploadRefused.

    ``external_id`` (by default the file name) says which document of the collection it is; ``reader_groups`` None means
    those of the collection. Cost: reads the content twice, about eight statements and one insert a MB.
    """
    offered = Upload(
        filename=filename,
        content=content,
        external_id=external_id,
        title=title,
        metadata=metadata,
        reader_groups=reader_groups,
        media_type=media_type,
    )
    outcome = upload_many(collection=collection, uploads=[offered], source_kind=source_kind)[0]
    if isinstance(outcome, UploadRefused):
        raise outcome
    return outcome


def upload_many(
    *, collection: Collection, uploads: Sequence[Upload], source_kind: str = Source.Kind.UPLOAD
) -> list[Uploaded | UploadRefused]:
    """Accept many files, each on its own merits: one answer per upload, in order.

    Statements do not grow with the number of files, but for the bytes of large ones. Uploads that name the same
    document are taken one after another.
    """
    outcomes: list[Uploaded | UploadRefused] = []
    batch: dict[str, Accepted] = {}
    places: list[str | UploadRefused] = []

    def flush() -> None:
        taken = _accept(collection, list(batch.values()), source_kind) if batch else {}
        outcomes.extend(taken[place] if isinstance(place, str) else place for place in places)
        batch.clear()
        places.clear()

    for offered in uploads:
        checked = _examined(offered)
        if isinstance(checked, Accepted):
            if checked.external_id in batch:
                flush()
            batch[checked.external_id] = checked
            places.append(checked.external_id)
        else:
            places.append(checked)
    flush()
    return outcomes


def _examined(offered: Upload) -> Accepted | UploadRefused:
    try:
        return intake.examine(offered)
    except UploadRefused as refusal:
        return refusal


def _accept(
    collection: Collection, batch: list[Accepted], source_kind: str
) -> dict[str, Uploaded | UploadRefused]:
    uploader = current_principal()
    with tenant_scope(uploader.as_steward()):
        answers = arrival.take_in(collection, batch, source_kind, uploader)
        taken = {name: one for name, one in answers.items() if isinstance(one, Uploaded)}
        _supersede([found.document.pk for found in taken.values() if found.is_work])
        _audit(collection, list(taken.values()), source_kind)
        _restrict_known(batch, taken)
        if any(found.is_work for found in taken.values()):
            wake.on_commit()
    return answers


def _restrict_known(batch: list[Accepted], taken: dict[str, Uploaded]) -> None:
    """New readers of a document that was there before hold at once, for its old version too."""
    for one in batch:
        found = taken.get(one.external_id)
        if found is None or one.reader_groups is None:
            continue
        if set(one.reader_groups) != set(found.document.reader_groups):
            restrict(document=found.document, reader_groups=one.reader_groups)


def _supersede(document_ids: list[UUID]) -> None:
    """End the open runs of older versions; a worker that still has one publishes nothing."""
    newest = arrival.newest_version_ids(document_ids)
    runs = IngestionRun.objects.filter(document_id__in=document_ids).exclude(version_id__in=newest)
    _end_runs(runs, *SUPERSEDED)


def _end_runs(runs: Any, code: str, reason: str) -> None:
    open_runs = runs.exclude(state__in=TERMINAL)
    ids = list(open_runs.select_for_update().order_by("id").values_list("id", flat=True))
    IngestionRun.objects.filter(id__in=ids).update(
        state=State.FAILED,
        reason_code=code,
        reason=reason,
        lease_token=None,
        lease_until=None,
        finished_at=timezone.now(),
    )


def _audit(collection: Collection, taken: list[Uploaded], source_kind: str) -> None:
    """One event for one upload, one for a batch."""
    changed = [found for found in taken if found.outcome != "unchanged"]
    if len(changed) == 1:
        found = changed[0]
        details = {"outcome": found.outcome, "collection": collection.slug, "via": source_kind}
        audit.record("document.uploaded", found.document, **details)
    elif changed:
        ids = [str(found.document.pk) for found in changed]
        audit.record("documents.uploaded", collection, via=source_kind, documents=ids)


def retry(*, document: Document) -> IngestionRun:
    """Queue a failed document's newest version once more, with all its attempts. Raises NotRetryable."""
    with tenant_scope(current_principal().as_steward()):
        failed = Document.objects.filter(pk=document.pk, deleted_at=None, state=State.FAILED)
        if not failed.select_for_update():
            raise NotRetryable(f"{document.title} has not failed; there is nothing to retry.")
        runs = arrival.queue_again([document.pk])
        audit.record("document.retried", document)
        wake.on_commit()
        return runs[0]


def retry_failed(*, collection: Collection) -> int:
    """Queue every failed document of a collection; how many there were."""
    with tenant_scope(current_principal().as_steward()):
        failed = Document.objects.filter(
            collection=collection, deleted_at=None, state=State.FAILED
        ).order_by("id")
        ids = list(failed.select_for_update().values_list("id", flat=True))
        arrival.queue_again(ids)
        if ids:
            audit.record("collection.failed_retried", collection, documents=len(ids))
            wake.on_commit()
        return len(ids)


def delete(*, document: Document) -> None:
    """Take a document out of search and out of every list, at once; its rows stay for the retention period."""
    with tenant_scope(current_principal().as_steward()):
        found = Document.objects.filter(pk=document.pk, deleted_at=None).select_for_update()
        if not found:
            return
        _end_runs(IngestionRun.objects.filter(document_id=document.pk), *DELETED)
        publication.close([document.pk])
        Document.objects.filter(pk=document.pk).update(
            deleted_at=timezone.now(), current_version_id=None, updated_at=timezone.now()
        )
        audit.record("document.deleted", document)


@transaction.atomic
def restrict(*, document: Document, reader_groups: Iterable[UUID]) -> None:
    """Let only these groups read a document (none given: every member); holds in search with the commit."""
    groups = sorted(set(reader_groups))
    with tenant_scope(current_principal().as_steward()):
        Document.objects.select_for_update().get(pk=document.pk)
        Document.objects.filter(pk=document.pk).update(reader_groups=groups)
        versions = list(
            DocumentVersion.objects.filter(document=document).values_list("id", flat=True)
        )
        for table in (Chunk, Embedding, LexicalEntry):
            table.objects.filter(version_id__in=versions).update(reader_groups=groups)
        audit.record("document.restricted", document, reader_groups=[str(g) for g in groups])
