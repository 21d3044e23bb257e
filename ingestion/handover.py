"""Files found inside a document become documents of their own: attachments of mails and PDFs, members of archives.

``take_in`` runs in the transaction that ends the parent's run, so that a parent's end and its parts appear together,
however often the run is repeated: a part whose bytes are known is left alone. Parts are named
``parent's external id/name``, inherit the parent's collection, source, readers, uploader and given metadata, and go
through the same pipeline; from then on neither's failure is the other's. What cannot be taken is a warning on the
parent's version. ``lock_names`` comes before any lock on a document, as in ``documents``.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID

from ingestion import arrival, documents, statements
from ingestion.errors import UploadRefused
from ingestion.intake import Upload
from ingestion.models import Document, DocumentVersion
from ingestion.parsing.detection import BINARY_EXTENSIONS, TEXT_EXTENSIONS
from ingestion.parsing.enclosures import Enclosed
from ingestion.stages import Job
from ingestion.storage import BLOCK_BYTES, fingerprint

SQL = statements.load(__file__)
DEPTH = 3
KIN, KIN_BYTES = 5_000, 2 * 1024**3
BATCH, BATCH_BYTES = 250, 16 * 1024 * 1024


def with_parts(document_ids: Iterable[UUID]) -> set[UUID]:
    """Those in which documents were found, in whatever version; one query. Uses index: document_parts."""
    parts = Document.objects.filter(parent_id__in=list(document_ids))
    return set(parts.values_list("parent_id", flat=True).distinct())


def lock_names(job: Job, enclosed: Sequence[Enclosed]) -> None:
    """Keep others from uploading under these names until the transaction ends."""
    names = [f"{job.external_id}/{name}" for name, _ in _named(enclosed)]
    arrival.lock_names(job.collection_id, names)


def take_in(job: Job, enclosed: Sequence[Enclosed], given: dict[str, object] | None = None) -> None:
    """Make documents of what was found in this document, and delete those that are no longer in it.

    ``given``: the metadata that the parent's own parser found, which parts do not inherit. Cost: two statements, and
    those of an upload for every 250 parts or 16 MB.
    """
    parent = Document.objects.select_related("collection", "source").get(pk=job.document_id)
    problems = [f"{one.name}: {one.problem}" for one in enclosed if one.problem]
    known = given or {}
    metadata = {key: value for key, value in parent.metadata.items() if known.get(key) != value}
    kept: set[str] = set()
    offers = list(_offers(job, parent, enclosed, metadata, problems))
    for batch in _batches(offers):
        problems += _sent(parent, batch, kept)
    _drop_others(parent, kept)
    _warn(job.version_id, problems)


def _named(enclosed: Sequence[Enclosed]) -> Iterator[tuple[str, Enclosed]]:
    """Each with a name of its own: ``a.pdf``, ``a (2).pdf``, which must not be another file's own name."""
    given = {one.name for one in enclosed if one.path}
    counts: dict[str, int] = {}
    used: set[str] = set()
    for one in enclosed:
        if one.path is None:
            continue
        name = one.name
        while name in used or (name != one.name and name in given):
            counts[one.name] = count = counts.get(one.name, 1) + 1
            name = _numbered(one.name, count)
        used.add(name)
        yield name, one


def _numbered(name: str, number: int) -> str:
    path = PurePosixPath(name)
    if not path.name:
        return f"{name} ({number})"
    return str(path.with_name(f"{path.stem} ({number}){path.suffix}"))


def _offers(
    job: Job,
    parent: Document,
    enclosed: Sequence[Enclosed],
    metadata: dict[str, object],
    problems: list[str],
) -> Iterator[tuple[Upload, Enclosed]]:
    """What may be taken under the limits on depth, number and bytes of everything below one upload."""
    line = SQL.fetch("ancestors", document=parent.pk)
    above = [(size, bytes(sha256)) for _, sha256, size in line]
    count, size = SQL.fetch("kin", root=line[-1][0])[0] if enclosed else (0, 0)
    for name, one in _named(enclosed):
        count, size = count + 1, size + one.size
        if len(line) > DEPTH:
            problems.append(f"{name}: It is nested more than {DEPTH} levels deep.")
        elif count > KIN or size > KIN_BYTES:
            problems.append(f"{name}: There are more than {KIN:,} files or 2 GB in this upload.")
        elif _is_among(one, above):
            problems.append(f"{name}: It is the very file that it was found in.")
        else:
            yield _upload(job, parent, name, one, metadata), one


def _is_among(one: Enclosed, above: list[tuple[int, bytes]]) -> bool:
    """Is it one of the files that it lies in? Read only where the size is the same: files can have gigabytes."""
    assert one.path is not None
    hashes = [sha256 for size, sha256 in above if size == one.size]
    if not hashes:
        return False
    with one.path.open("rb") as content:
        return fingerprint(content).sha256 in hashes


def _upload(
    job: Job, parent: Document, name: str, one: Enclosed, metadata: dict[str, object]
) -> Upload:
    filename = PurePosixPath(name.replace("\\", "/")).name
    extension = filename.rpartition(".")[2].lower()
    # A mail's word on the type counts only where the name says nothing.
    named = extension in TEXT_EXTENSIONS or extension in BINARY_EXTENSIONS
    return Upload(
        filename=filename,
        content=b"",
        external_id=f"{parent.external_id}/{name}",
        metadata=dict(metadata),
        reader_groups=list(parent.reader_groups),
        media_type=None if named else one.media_type,
        parent=parent,
        password=job.password,
    )


def _batches(
    offers: list[tuple[Upload, Enclosed]],
) -> Iterator[list[tuple[Upload, Enclosed]]]:
    batch: list[tuple[Upload, Enclosed]] = []
    size = 0
    for offer in offers:
        if batch and (len(batch) >= BATCH or size + offer[1].size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(offer)
        size += offer[1].size
    if batch:
        yield batch


def _sent(parent: Document, batch: list[tuple[Upload, Enclosed]], kept: set[str]) -> Iterator[str]:
    """Upload a batch; yields what was refused and why."""
    with ExitStack() as stack:
        uploads = [replace(upload, content=_content(one, stack)) for upload, one in batch]
        answers = documents.upload_many(
            collection=parent.collection, uploads=uploads, source=parent.source
        )
    for upload, answer in zip(uploads, answers, strict=True):
        if isinstance(answer, UploadRefused):
            yield f"{upload.filename}: {answer}"
        else:
            kept.add(answer.document.external_id)


def _content(one: Enclosed, stack: ExitStack) -> BinaryIO | bytes:
    """Small files as bytes, so that a batch of them holds few files open."""
    assert one.path is not None
    if one.size <= BLOCK_BYTES:
        return one.path.read_bytes()
    return stack.enter_context(one.path.open("rb"))


def _drop_others(parent: Document, kept: set[str]) -> None:
    """Parts of an older version that the new one no longer has. Uses index: document_parts."""
    gone = Document.objects.filter(parent=parent, deleted_at=None).exclude(external_id__in=kept)
    for document in gone.order_by("id"):
        documents.delete(document=document)


def _warn(version_id: UUID, problems: list[str]) -> None:
    if problems:
        version = DocumentVersion.objects.only("warnings").get(pk=version_id)
        version.warnings = [*version.warnings, *problems]
        version.save(update_fields=["warnings"])
