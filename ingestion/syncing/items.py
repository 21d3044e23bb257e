"""What is remembered of a source's items between its runs. Reads and writes in the open scope."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from ingestion import statements
from ingestion.models import Document, Source, SourceItem
from ingestion.syncing.kind import Content, Known, Listed
from tenants.identifiers import uuid7

SQL = statements.load(__file__)
# Whoever refused it: the content is the reason, so it stays one until the content changes.
REFUSED = "refused_"
_COLUMNS = (
    *("key", "id", "marker", "etag", "last_modified", "sha256", "memory", "fetched_at"),
    *("reason_code", "reason", "remedy", "document_id", "document__deleted_at"),
)


@dataclass(frozen=True)
class Taken:
    """An item that was fetched, and what the upload said."""

    listed: Listed
    content: Content
    document_id: UUID | None
    problem: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True)
class Problem:
    """An item that failed or was left out, and why."""

    key: str
    code: str
    reason: str
    remedy: str = ""


def known(source: Source) -> dict[str, Known]:
    """Everything that is remembered of a source, by key; one query."""
    rows = SourceItem.objects.filter(source=source).values_list(*_COLUMNS)
    return {row[0]: _known(row) for row in rows.iterator(chunk_size=5000)}


def _known(row: tuple[Any, ...]) -> Known:
    _, key_id, marker, etag, modified, sha256, memory, fetched_at, *rest = row
    code, reason, remedy, document_id, deleted_at = rest
    was_taken = bool(bytes(sha256)) and not code
    return Known(
        id=key_id,
        marker=marker,
        etag=etag,
        last_modified=modified,
        sha256=bytes(sha256),
        memory=memory,
        fetched_at=fetched_at,
        problem=(code, reason, remedy),
        document_id=document_id,
        is_out=deleted_at is not None or (was_taken and document_id is None),
    )


def write_taken(source: Source, taken: Sequence[Taken]) -> None:
    """Remember fetched items; one statement."""
    run_statement(
        "taken",
        source,
        ids=[uuid7() for _ in taken],
        documents=[one.document_id for one in taken],
        keys=[one.listed.key for one in taken],
        markers=[one.listed.marker[:300] for one in taken],
        etags=[_fitting(one.content.etag, 300) for one in taken],
        modified=[_fitting(one.content.last_modified, 100) for one in taken],
        hashes=[one.content.sha256 for one in taken],
        memories=[json.dumps(one.content.memory) for one in taken],
        codes=[one.problem[0] for one in taken],
        reasons=[one.problem[1] for one in taken],
        remedies=[one.problem[2] for one in taken],
    )


def write_failed(source: Source, problems: Sequence[Problem]) -> None:
    """Remember why items could not be fetched; one statement."""
    run_statement(
        "failed",
        source,
        ids=[uuid7() for _ in problems],
        keys=[one.key for one in problems],
        codes=[one.code[:60] for one in problems],
        reasons=[one.reason for one in problems],
        remedies=[one.remedy for one in problems],
    )


def write_seen(source: Source, seen: Sequence[tuple[UUID, str]]) -> None:
    """Items that are still listed, with their markers; one statement."""
    run_statement(
        "seen", source, ids=[key for key, _ in seen], markers=[mark[:300] for _, mark in seen]
    )


def write_asked(source: Source, ids: Sequence[UUID]) -> None:
    """Items whose server said that nothing changed; one statement."""
    run_statement("asked", source, ids=list(ids))


def write_recovered(source: Source, ids: Sequence[UUID]) -> None:
    """Items that failed before and are in order now; one statement."""
    run_statement("recovered", source, ids=list(ids))


def missing(
    source: Source, since: datetime, gone: Sequence[str], *, complete: bool
) -> list[SourceItem]:
    """Items that the source has no more: those it called gone, and after a complete listing those it did not name."""
    wanted = Q(key_hash__in=[hashlib.sha256(key.encode()).digest() for key in gone])
    if complete:
        wanted |= Q(seen_at__lt=since)
    rows = SourceItem.objects.filter(wanted, source=source)
    return list(rows.select_related("document").order_by("id"))


def forget(source: Source, items: Sequence[SourceItem]) -> None:
    """Remember nothing of these any more; one statement."""
    SourceItem.objects.filter(source=source, pk__in=[item.pk for item in items]).delete()


def living(source: Source) -> int:
    """How many documents of the source are not deleted."""
    return Document.objects.filter(source=source, deleted_at=None).count()


def run_statement(name: str, source: Source, **parameters: Any) -> int:
    """One of this module's statements; how many rows it changed."""
    return SQL.run(name, tenant=source.tenant_id, source=source.pk, **parameters)


def _fitting(value: str, most: int) -> str:
    """Half an ETag would be another one; then rather none."""
    return value if len(value) <= most and "\0" not in value else ""
