"""Publishing: the one transaction in which chunks, vectors, full text and status of a batch of documents appear.

``publish`` closes what the documents had before in the same commit, so readers see the old or the new, never half.
It is fenced: a run whose lease another worker has, or whose version is no longer the newest, publishes nothing.
``close`` takes documents out of search, ``discard`` removes what was closed. All want the documents locked, by id.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ingestion import halfvecs, statements
from ingestion.errors import SpaceChanged
from ingestion.stages import Cleaned, Job, Piece
from ingestion.webhooks.announcing import Event, announce
from ingestion.weighing import Counts, Scale, Words, as_text, from_text
from tenants.identifiers import uuid7
from tenants.scope import current_tenant_id

SQL = statements.load(__file__)
ROWS = 500


@dataclass(frozen=True)
class Prepared:
    """A document that is ready to be published, but for its vectors."""

    job: Job
    cleaned: Cleaned
    pieces: list[Piece]
    stages: dict[str, Any]

    @property
    def pages(self) -> int | None:
        """How many pages it has, if its format has pages at all."""
        return len(self.cleaned.parsed.pages) or None


@dataclass(frozen=True)
class _Row:
    """A chunk on its way into the three tables."""

    id: UUID
    prepared: Prepared
    piece: Piece
    groups: str
    words: Words


def publish(
    batch: Sequence[Prepared], vectors: dict[bytes, bytes], *, token: UUID, space_id: UUID
) -> set[UUID]:
    """Publish what this worker still has the right to; the ids of those runs. Runs inside a tenant scope.

    Raises SpaceChanged when the vectors are of a space that no longer serves. Cost: about seventeen statements a batch,
    plus three for every 500 chunks.
    """
    started = perf_counter()
    groups = _fence([one.job for one in batch], token)
    ours = [one for one in batch if one.job.run_id in groups]
    if ours:
        if [row[0] for row in SQL.fetch("lock_serving")] != [space_id]:
            raise SpaceChanged("Another embedding space serves this tenant now.")
        scales = _scales({one.job.collection_id for one in ours})
        counts = close([one.job.document_id for one in ours], flush=False)
        rows = _rows(ours, groups, scales)
        _insert(rows, vectors, scales, counts, space_id)
        _count(counts)
        _flip(ours, perf_counter() - started)
        announce(Event.READY, [one.job.document_id for one in ours])
    return set(groups)


def close(document_ids: list[UUID], *, flush: bool = True) -> dict[UUID, Counts]:
    """End the validity of everything that these (locked) documents have published; what it takes from the counts."""
    counts: dict[UUID, Counts] = defaultdict(Counts)
    versions = [row[0] for row in SQL.fetch("open_versions", documents=document_ids)]
    if versions:
        for name in ("close_versions", "close_chunks", "close_embeddings"):
            SQL.run(name, versions=versions)
        for collection_id, weights, length in SQL.fetch("close_lexical", versions=versions):
            counts[collection_id].add(from_text(weights), length, sign=-1)
        if flush:
            _count(counts)
    return counts


def discard(version_ids: list[UUID]) -> None:
    """Remove all that closed versions have published; nothing may cite it any more."""
    for name in ("delete_lexical", "delete_embeddings", "delete_chunks"):
        SQL.run(name, versions=version_ids)


def _fence(jobs: list[Job], token: UUID) -> dict[UUID, list[UUID]]:
    """Lock, and say which runs may be published, with the reader groups of their documents."""
    SQL.run("lock_documents", documents=[job.document_id for job in jobs])
    rows = SQL.fetch("still_ours", runs=sorted(job.run_id for job in jobs), token=token)
    return {run_id: groups for run_id, groups, _ in rows}


def _scales(collection_ids: set[UUID]) -> dict[UUID, Scale]:
    SQL.run("share_weights", collections=sorted(map(str, collection_ids)))
    rows = SQL.fetch("collection_sizes", collections=list(collection_ids))
    return {row[0]: Scale(*row) for row in rows}


def _rows(
    ours: list[Prepared], groups: dict[UUID, list[UUID]], scales: dict[UUID, Scale]
) -> list[_Row]:
    return [
        _Row(
            uuid7(),
            one,
            piece,
            "{" + ",".join(str(group) for group in groups[one.job.run_id]) + "}",
            scales[one.job.collection_id].words(
                piece.embedded, one.cleaned.title, piece.draft.heading_path
            ),
        )
        for one in ours
        for piece in one.pieces
    ]


def _insert(
    rows: list[_Row],
    vectors: dict[bytes, bytes],
    scales: dict[UUID, Scale],
    counts: dict[UUID, Counts],
    space_id: UUID,
) -> None:
    averages = _averages(rows, scales)
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        same = {
            "ids": [row.id for row in some],
            "collections": [row.prepared.job.collection_id for row in some],
            "versions": [row.prepared.job.version_id for row in some],
            "groups": [row.groups for row in some],
        }
        SQL.run("insert_chunks", rows=Jsonb([_chunk(row) for row in some]))
        known = [vectors[row.piece.content_hash] for row in some]
        values = {"tenant": current_tenant_id(), "space": space_id, **same}
        halfvecs.execute(SQL["insert_embeddings"], known, **values)
        SQL.run("insert_lexical", **same, **_lexical(some, scales, averages, counts))


def _averages(rows: list[_Row], scales: dict[UUID, Scale]) -> dict[UUID, float]:
    words: dict[UUID, list[Words]] = defaultdict(list)
    for row in rows:
        words[row.prepared.job.collection_id].append(row.words)
    averages = {key: scales[key].average_with(found) for key, found in words.items()}
    for key, average in averages.items():
        if scales[key].average is None:
            SQL.run("set_average", collection=key, average=average)
    return averages


def _lexical(
    rows: list[_Row],
    scales: dict[UUID, Scale],
    averages: dict[UUID, float],
    counts: dict[UUID, Counts],
) -> dict[str, list[Any]]:
    """Weights for the rows; counts them in on the way."""
    found: dict[str, list[Any]] = {"weights": [], "lengths": [], "averages": []}
    for row in rows:
        key = row.prepared.job.collection_id
        weights = scales[key].weigh(row.words, averages[key])
        counts[key].add(weights, row.words.length)
        found["weights"].append(as_text(weights))
        found["lengths"].append(row.words.length)
        found["averages"].append(averages[key])
    return found


def _chunk(row: _Row) -> dict[str, Any]:
    draft, job = row.piece.draft, row.prepared.job
    return {
        "id": str(row.id),
        "collection": str(job.collection_id),
        "document": str(job.document_id),
        "version": str(job.version_id),
        "ordinal": draft.ordinal,
        "text": draft.text,
        "heading_path": list(draft.heading_path),
        "page": draft.page,
        "page_end": draft.page_end,
        "span_start": draft.start,
        "span_end": draft.end,
        "tokens": draft.tokens,
        "content_hash": "\\x" + row.piece.content_hash.hex(),
        "reader_groups": row.groups[1:-1].split(",") if row.groups != "{}" else [],
    }


def _count(counts: dict[UUID, Counts]) -> None:
    for key in sorted(counts):
        dimensions, documents, lengths = counts[key].rows()
        SQL.run(
            "count_terms",
            collection=key,
            dimensions=dimensions,
            documents=documents,
            lengths=lengths,
        )


def _flip(ours: list[Prepared], seconds: float) -> None:
    for one in ours:
        one.stages["publish"] = {"ms": round(seconds * 1000, 1), "outcome": "ok"}
    SQL.run("publish_versions", rows=Jsonb([_version(one) for one in ours]))
    SQL.run("publish_documents", rows=Jsonb([_document(one) for one in ours]))
    SQL.run("finish_runs", rows=Jsonb([_finished(one) for one in ours]))


def _version(one: Prepared) -> dict[str, Any]:
    parsed = one.cleaned.parsed
    return {
        "version": str(one.job.version_id),
        "title": one.cleaned.title,
        "text": parsed.text,
        "page_spans": [asdict(page) for page in parsed.pages],
        "blocks": [asdict(block) for block in parsed.blocks],
        "warnings": list(parsed.warnings),
        "media_type": parsed.media_type,
        "parser": parsed.parser,
    }


def _document(one: Prepared) -> dict[str, Any]:
    return {
        "document": str(one.job.document_id),
        "version": str(one.job.version_id),
        "title": one.cleaned.title,
        "media_type": one.cleaned.parsed.media_type,
        "pages": one.pages,
        "chunks": len(one.pieces),
        "metadata": one.cleaned.metadata,
    }


def _finished(one: Prepared) -> dict[str, Any]:
    return {
        "run": str(one.job.run_id),
        "pages": one.pages,
        "chunks": len(one.pieces),
        "stages": one.stages,
    }
