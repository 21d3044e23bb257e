"""Turning accepted uploads into rows: documents, versions, stored files, runs. Called by ``documents`` alone."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery

from inference import encryption
from ingestion import storage
from ingestion.errors import UploadRefused
from ingestion.inserting import insert
from ingestion.intake import Accepted, is_light
from ingestion.models import (
    Collection,
    Document,
    DocumentVersion,
    IngestionRun,
    Source,
    State,
    StoredFile,
)
from tenants.identifiers import uuid7
from tenants.scope import Principal, current_principal, current_tenant_id

Outcome = Literal["created", "new_version", "unchanged"]
_ALL_LOCKS = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"


@dataclass(frozen=True)
class Uploaded:
    """What became of an upload. ``note`` is a sentence for the uploader, or empty."""

    document: Document
    version: DocumentVersion
    outcome: Outcome
    run: IngestionRun | None = None
    note: str = ""

    @property
    def is_work(self) -> bool:
        """Was a run queued for it?"""
        return self.run is not None


def take_in(
    collection: Collection, batch: list[Accepted], origin: Source | str, uploader: Principal
) -> dict[str, Uploaded | UploadRefused]:
    """Store what is new among uploads that name different documents. By external id.

    Runs as a steward, since a document that the uploader may not read must be recognised by its name; it is then left
    alone. ``origin`` is a source that is synchronised, which leaves others' documents alone too, or a source's kind.
    """
    lock_names(collection.pk, [one.external_id for one in batch])
    known = {row.external_id: row for row in _documents(collection, batch)}
    refused = {
        one.external_id: refusal
        for one in batch
        if (row := known.get(one.external_id))
        and (refusal := _not_theirs(uploader, origin, row, one))
    }
    batch = [one for one in batch if one.external_id not in refused]
    newest = newest_versions([row.pk for row in known.values()])
    fresh = [one for one in batch if not _is_unchanged(one, known, newest)]
    source = origin if isinstance(origin, Source) else _source(collection, origin)
    twins = _same_content(fresh, uploader)
    taken: dict[str, Uploaded | UploadRefused] = {}
    taken.update(_store(collection, source, fresh, known, newest, twins))
    for one in batch:
        if one.external_id not in taken:
            document = known[one.external_id]
            taken[one.external_id] = _unchanged(one, document, newest[document.pk])
    return taken | refused


def _not_theirs(
    uploader: Principal, origin: Source | str, row: Document, one: Accepted
) -> UploadRefused | None:
    """Why a document that is there already must not be touched, if so."""
    if not _may_read(uploader, row) or _is_anothers(one, row):
        return _name_taken(row.external_id)
    if isinstance(origin, Source) and row.source_id != origin.pk and not row.deleted_at:
        return UploadRefused(
            "name_taken",
            "external_id",
            f"A document called {row.external_id!r} is in this collection already, from elsewhere.",
            "Delete that document, or give this source a collection of its own.",
            filename=row.external_id,
        )
    return None


def _may_read(principal: Principal, document: Document) -> bool:
    """As the policy has it."""
    groups = set(document.reader_groups)
    return principal.reads_all or not groups or bool(groups & principal.group_ids)


def _is_anothers(one: Accepted, row: Document) -> bool:
    """Was it found in a file, while the document of that name has come another way and still lives?"""
    return bool(one.parent and row.parent_id != one.parent.pk and not row.deleted_at)


def _name_taken(name: str) -> UploadRefused:
    return UploadRefused(
        "name_taken",
        "external_id",
        f"The name {name!r} belongs to another document, or to one that you may not read.",
        "Give another name, or ask an admin.",
        filename=name,
    )


def lock_names(collection_id: UUID, external_ids: Iterable[str]) -> None:
    """Two uploads of one name come one after the other, also when the document does not exist yet."""
    keys = sorted(_lock_key(collection_id, name) for name in external_ids)
    with connection.cursor() as cursor:
        cursor.execute(_ALL_LOCKS, [keys])


def _lock_key(collection_id: UUID, external_id: str) -> int:
    digest = hashlib.blake2b(collection_id.bytes + external_id.encode(), digest_size=8)
    return int.from_bytes(digest.digest(), signed=True)


def _documents(collection: Collection, batch: list[Accepted]) -> Iterable[Document]:
    """Uses index: document_external_id_once."""
    names = [one.external_id for one in batch]
    rows = Document.objects.filter(collection=collection, external_id__in=names)
    return rows.select_for_update().order_by("id")


def newest_version_ids(document_ids: list[UUID]) -> list[UUID]:
    """The newest version of each document, whether or not it is published."""
    return [version.pk for version in newest_versions(document_ids).values()]


def newest_versions(document_ids: list[UUID]) -> dict[UUID, DocumentVersion]:
    """The newest version of each document. Uses index: version_number_once. Leaves the long columns where they are."""
    top = DocumentVersion.objects.filter(document_id=OuterRef("pk")).order_by("-number")
    ids = Document.objects.filter(pk__in=document_ids).values(top=Subquery(top.values("pk")[:1]))
    rows = DocumentVersion.objects.filter(pk__in=ids).defer("text", "page_spans", "blocks")
    return {row.document_id: row for row in rows}


def _same_content(batch: list[Accepted], uploader: Principal) -> dict[bytes, Document]:
    """A document that the uploader may read and that holds the same bytes, by hash. Uses index: stored_file_hash.

    Not one that somebody attached in the chat for themselves, which stewards may not read either.
    """
    files = StoredFile.objects.filter(sha256__in=[one.found.sha256 for one in batch])
    versions = DocumentVersion.objects.filter(
        file__in=files, document__deleted_at=None, document__collection__private_to=None
    ).select_related("document")
    rows = versions.order_by("-number").defer("text", "page_spans", "blocks")
    return {bytes(row.sha256): row.document for row in rows if _may_read(uploader, row.document)}


def _source(collection: Collection, kind: str) -> Source:
    row, _ = Source.objects.get_or_create(
        tenant_id=current_tenant_id(),
        collection=collection,
        kind=kind,
        name=Source.Kind(kind).label,
    )
    return row


def _is_unchanged(
    one: Accepted, known: dict[str, Document], newest: dict[UUID, DocumentVersion]
) -> bool:
    document = known.get(one.external_id)
    if document is None or document.deleted_at or document.pk not in newest:
        return False
    version = newest[document.pk]
    return (bytes(version.sha256), version.given_title) == (one.found.sha256, one.given_title)


def _unchanged(one: Accepted, document: Document, version: DocumentVersion) -> Uploaded:
    if one.metadata and one.metadata != document.metadata:
        document.metadata = one.metadata
        document.save(update_fields=["metadata", "updated_at"])
    if one.password:
        version.sealed_password = encryption.encrypt(one.password)
        version.save(update_fields=["sealed_password"])
    if document.state != State.FAILED:
        note = "The content is the same as before: nothing was done."
        return Uploaded(document, version, "unchanged", note=note)
    run = queue_again([document.pk])[0]
    return Uploaded(
        document,
        version,
        "unchanged",
        run,
        "The same content had failed before: it is tried again.",
    )


def _store(
    collection: Collection,
    source: Source,
    fresh: list[Accepted],
    known: dict[str, Document],
    newest: dict[UUID, DocumentVersion],
    twins: dict[bytes, Document],
) -> dict[str, Uploaded]:
    files = _store_files(fresh)
    documents = _store_documents(collection, source, fresh, known)
    versions, runs = _store_versions(fresh, files, documents, newest)
    taken = {}
    for one in fresh:
        document = documents[one.external_id]
        before = known.get(one.external_id)
        outcome: Outcome = "created" if before is None or before.deleted_at else "new_version"
        twin = twins.get(one.found.sha256)
        note = f"Same content as {twin.title!r}." if twin and twin.pk != document.pk else ""
        taken[one.external_id] = Uploaded(
            document, versions[one.external_id], outcome, runs[one.external_id], note
        )
    _reopen([(known[one.external_id], one) for one in fresh if one.external_id in known], source)
    return taken


def _store_files(fresh: list[Accepted]) -> dict[str, StoredFile]:
    small = [one for one in fresh if one.found.size <= storage.BLOCK_BYTES]
    rows = storage.store_small((one.content.read(), one.found) for one in small)
    files = {one.external_id: row for one, row in zip(small, rows, strict=True)}
    for one in fresh:
        if one.external_id not in files:
            files[one.external_id] = storage.store(one.content, one.found)
    return files


def _store_documents(
    collection: Collection, source: Source, fresh: list[Accepted], known: dict[str, Document]
) -> dict[str, Document]:
    made = {
        one.external_id: Document(
            tenant_id=current_tenant_id(),
            id=uuid7(),
            collection=collection,
            source=source,
            parent=one.parent,
            external_id=one.external_id,
            title=one.given_title or one.filename,
            media_type=one.media_type,
            metadata=one.metadata,
            reader_groups=_groups(one, collection),
            uploaded_by_id=_uploader(one),
        )
        for one in fresh
        if one.external_id not in known
    }
    insert(made.values())
    return {
        **{one.external_id: known[one.external_id] for one in fresh if one.external_id in known},
        **made,
    }


def _groups(one: Accepted, collection: Collection) -> list[UUID]:
    return collection.reader_groups if one.reader_groups is None else one.reader_groups


def _uploader(one: Accepted) -> UUID | None:
    return one.parent.uploaded_by_id if one.parent else current_principal().user_id


def _store_versions(
    fresh: list[Accepted],
    files: dict[str, StoredFile],
    documents: dict[str, Document],
    newest: dict[UUID, DocumentVersion],
) -> tuple[dict[str, DocumentVersion], dict[str, IngestionRun]]:
    versions, runs = {}, {}
    for one in fresh:
        document = documents[one.external_id]
        before = newest.get(document.pk)
        versions[one.external_id] = version = DocumentVersion(
            tenant_id=current_tenant_id(),
            id=uuid7(),
            document=document,
            number=before.number + 1 if before else 1,
            file=files[one.external_id],
            filename=one.filename,
            given_title=one.given_title,
            sha256=one.found.sha256,
            size=one.found.size,
            media_type=one.media_type,
            uploaded_by_id=current_principal().user_id,
            sealed_password=encryption.encrypt(one.password),
        )
        runs[one.external_id] = _run(document.pk, version.pk, light=one.light)
    insert(versions.values())
    insert(runs.values())
    return versions, runs


def _run(document_id: UUID, version_id: UUID, *, light: bool) -> IngestionRun:
    return IngestionRun(
        tenant_id=current_tenant_id(),
        id=uuid7(),
        document_id=document_id,
        version_id=version_id,
        light=light,
    )


def _reopen(known: list[tuple[Document, Accepted]], source: Source) -> None:
    """Known documents with a new version: queued again, and no longer deleted. The deleted one is now from here."""
    for document, one in known:
        if document.deleted_at:
            document.source, document.parent = source, one.parent
        document.state, document.deleted_at = State.QUEUED, None
        document.reason_code = document.reason = document.remedy = ""
        document.metadata = one.metadata or document.metadata
    fields = [
        "source",
        "state",
        "deleted_at",
        "reason_code",
        "reason",
        "remedy",
        "metadata",
        "parent",
    ]
    Document.objects.bulk_update([document for document, _ in known], fields)


def queue_again(document_ids: list[UUID], *, batched: bool = False) -> list[IngestionRun]:
    """A fresh run for the newest version of each document, which the caller has locked.

    ``batched``: small texts may go together; not for those that have failed before.
    """
    newest = newest_versions(document_ids)
    runs = [
        _run(
            version.document_id,
            version.pk,
            light=batched and is_light(version.media_type, version.size),
        )
        for version in newest.values()
    ]
    insert(runs)
    Document.objects.filter(id__in=document_ids).update(
        state=State.QUEUED, reason_code="", reason="", remedy=""
    )
    return runs
