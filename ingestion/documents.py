"""Commands on documents: ``upload``, ``upload_many``, ``retry``, ``retry_many``, ``retry_failed``.

From modules of their own: ``cancel`` and ``cancel_many`` (``runs``), ``delete``, ``restore`` and ``erase`` with
their ``..._many`` (``removal``), ``restrict`` (``editing``).

Each runs in the open tenant scope, is atomic, leaves an audit event, and wakes the workers once it has been committed.
Whether the principal may write is for the edge to check. Locks are taken in one order everywhere, so that writers
cannot deadlock: names of documents, documents by id, runs by id.
"""

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO
from uuid import UUID

from django.db.models import QuerySet

from ingestion import arrival, intake, versions, wake
from ingestion.arrival import Uploaded
from ingestion.editing import restrict
from ingestion.errors import NotRetryable, UploadRefused
from ingestion.intake import Accepted, Upload
from ingestion.models import (
    Collection,
    Document,
    DocumentVersion,
    IngestionRun,
    Source,
    State,
)
from ingestion.removal import delete, delete_many, erase, erase_many, restore, restore_many
from ingestion.runs import cancel, cancel_many
from tenants import audit
from tenants.scope import current_principal, tenant_scope

__all__ = [
    "Upload",
    "Uploaded",
    "cancel",
    "cancel_many",
    "delete",
    "delete_many",
    "erase",
    "erase_many",
    "restore",
    "restore_many",
    "restrict",
    "retry",
    "retry_failed",
    "retry_many",
    "upload",
    "upload_many",
    "warnings",
]


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
    password: str | None = None,
) -> Uploaded:
    """Accept one file: a new document, a new version of one, or nothing new. Raises UploadRefused.

    ``external_id`` (by default the file name) says which document of the collection it is; ``reader_groups`` None means
    those of the collection; ``password`` opens an encrypted file. Cost:
    reads the content twice, about eight statements and one insert a MB.
    """
    offered = Upload(
        filename=filename,
        content=content,
        external_id=external_id,
        title=title,
        metadata=metadata,
        reader_groups=reader_groups,
        media_type=media_type,
        password=password,
    )
    outcome = upload_many(collection=collection, uploads=[offered], source_kind=source_kind)[0]
    if isinstance(outcome, UploadRefused):
        raise outcome
    return outcome


def upload_many(
    *,
    collection: Collection,
    uploads: Sequence[Upload],
    source_kind: str = Source.Kind.UPLOAD,
    source: Source | None = None,
) -> list[Uploaded | UploadRefused]:
    """Accept many files, each on its own merits: one answer per upload, in order.

    Statements do not grow with the number of files, but for the bytes of large ones. Uploads that name the same
    document are taken one after another. With a ``source`` that is synchronised, its own documents alone are touched.
    """
    outcomes: list[Uploaded | UploadRefused] = []
    batch: dict[str, Accepted] = {}
    places: list[str | UploadRefused] = []

    def flush() -> None:
        origin = source or source_kind
        taken = _accept(collection, list(batch.values()), origin) if batch else {}
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


def warnings(document: Document) -> list[str]:
    """What of the newest version could not be read, and why; one query. Uses index: version_number_once."""
    newest = DocumentVersion.objects.filter(document=document).order_by("-number")
    return list(newest.values_list("warnings", flat=True).first() or [])


def _examined(offered: Upload) -> Accepted | UploadRefused:
    try:
        return intake.examine(offered)
    except UploadRefused as refusal:
        return refusal


def _accept(
    collection: Collection, batch: list[Accepted], origin: Source | str
) -> dict[str, Uploaded | UploadRefused]:
    uploader = current_principal()
    with tenant_scope(uploader.as_steward()):
        answers = arrival.take_in(collection, batch, origin, uploader)
        taken = {name: one for name, one in answers.items() if isinstance(one, Uploaded)}
        versions.supersede([found.document.pk for found in taken.values() if found.is_work])
        via = origin.kind if isinstance(origin, Source) else origin
        _audit(collection, list(taken.values()), via)
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


def _audit(collection: Collection, taken: list[Uploaded], source_kind: str) -> None:
    """One event for one upload, one for a batch."""
    changed = [found for found in taken if found.outcome != "unchanged"]
    if len(changed) == 1:
        found = changed[0]
        details = {"outcome": found.outcome, "collection": collection.slug, "via": source_kind}
        # The trail is read by administrators, and what somebody attached is not for them.
        name = "" if collection.private_to else None
        audit.record("document.uploaded", found.document, name=name, **details)
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
        ids = _queue_failed(Document.objects.filter(collection=collection))
        if ids:
            audit.record("collection.failed_retried", collection, documents=len(ids))
        return len(ids)


def retry_many(*, document_ids: Iterable[UUID]) -> int:
    """Queue those of the documents that have failed; how many they were. Statements do not grow with their number."""
    with tenant_scope(current_principal().as_steward()):
        ids = _queue_failed(Document.objects.filter(pk__in=list(document_ids)))
        if ids:
            first = Document.objects.get(pk=ids[0])
            audit.record("documents.retried", first, documents=[str(key) for key in ids])
        return len(ids)


def _queue_failed(rows: QuerySet[Document]) -> list[UUID]:
    failed = rows.filter(deleted_at=None, state=State.FAILED).order_by("id")
    ids = list(failed.select_for_update().values_list("id", flat=True))
    if ids:
        arrival.queue_again(ids)
        wake.on_commit()
    return ids
