"""Uploading many offers from the shell: in batches, each answered on its own.

``deliver`` is the entry point; it fills a ``Delivery`` as it goes, so that progress can be shown meanwhile.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from io import BufferedReader
from typing import IO, BinaryIO, cast
from uuid import UUID

from ingestion import documents
from ingestion.errors import UploadRefused
from ingestion.models import Collection, Source
from ingestion.offers import Offer, Problem
from tenants.scope import Principal, tenant_scope

BATCH = 250
BATCH_BYTES = 16 * 1024 * 1024
_BLOCK = 1024 * 1024


@dataclass
class Delivery:
    """What has been offered so far, and what became of it."""

    documents: set[UUID] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def offered(self) -> int:
        """How many documents were accepted."""
        return sum(self.outcomes.values())


def deliver(
    offers: Iterable[Offer | Problem], collection: Collection, principal: Principal, into: Delivery
) -> None:
    """Upload all offers, batch by batch, each batch in its own transaction."""
    batch: list[Offer] = []
    size = 0
    for offer in offers:
        if isinstance(offer, Problem):
            into.problems.append(offer)
        elif problem := _clash(offer, into):
            into.problems.append(problem)
        else:
            kept, taken = _kept(offer)
            batch.append(kept)
            size += taken
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            _send(batch, collection, principal, into)
            batch, size = [], 0
    _send(batch, collection, principal, into)


def _clash(offer: Offer, into: Delivery) -> Problem | None:
    """Two different places with one external id would be two versions of one document."""
    name = offer.upload.external_id or offer.upload.filename
    before = into.names.setdefault(name, offer.where)
    if before == offer.where:
        return None
    return Problem(
        offer.where,
        f"Its external id {name!r} is that of {before}. Ingest their common folder, or into two collections.",
    )


def _kept(offer: Offer) -> tuple[Offer, int]:
    """The offer with its content kept beyond the next one, since archives and folders are read one by one."""
    content = offer.upload.content
    if isinstance(content, bytes):
        return offer, len(content)
    if isinstance(content, BufferedReader):  # a file on disk: a second handle is enough
        return replace(offer, upload=replace(offer.upload, content=_again(content))), 0
    copy: IO[bytes] = tempfile.SpooledTemporaryFile(_BLOCK)  # noqa: SIM115  closed once it is sent
    while block := content.read(_BLOCK):
        copy.write(block)
    return replace(offer, upload=replace(offer.upload, content=cast(BinaryIO, copy))), copy.tell()


def _again(file: BufferedReader) -> BinaryIO:
    return cast(BinaryIO, os.fdopen(os.dup(file.fileno()), "rb"))


def _send(batch: list[Offer], collection: Collection, principal: Principal, into: Delivery) -> None:
    with tenant_scope(principal):
        answers = documents.upload_many(
            collection=collection,
            uploads=[offer.upload for offer in batch],
            source_kind=Source.Kind.SHELL,
        )
    for offer, answer in zip(batch, answers, strict=True):
        if isinstance(answer, UploadRefused):
            into.problems.append(Problem(offer.where, str(answer)))
        else:
            into.documents.add(answer.document.pk)
            into.outcomes[answer.outcome] = into.outcomes.get(answer.outcome, 0) + 1
            if answer.note and answer.outcome != "unchanged":
                into.notes.append(f"{offer.where}: {answer.note}")
        if not isinstance(offer.upload.content, bytes):
            offer.upload.content.close()
