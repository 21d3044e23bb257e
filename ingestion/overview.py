"""What stewards see of ingestion: documents with their newest run, rates, and what a document is made of.

Reads only. Each function says what it costs; none counts more than one collection's documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Sum
from django.utils import timezone

from ingestion.models import TERMINAL, Chunk, Document, DocumentVersion, IngestionRun, State

PAGE_SIZE = 50
RATE_WINDOW = timedelta(minutes=2)
STEPS = {State.QUEUED: 0, State.PARSING: 1, State.CHUNKING: 2, State.EMBEDDING: 3, State.READY: 4}


@dataclass(frozen=True)
class Row:
    """A document as a list shows it, with its newest run."""

    document: Document
    run: IngestionRun | None

    @property
    def is_open(self) -> bool:
        """Is something still to be done?"""
        return self.document.state not in TERMINAL

    @property
    def step(self) -> int:
        """How far it has come, 0 to 4."""
        return STEPS.get(State(self.document.state), 0)

    @property
    def seconds(self) -> float | None:
        """From the start of the newest run to its end, or until now."""
        if self.run is None or self.run.started_at is None:
            return None
        return ((self.run.finished_at or timezone.now()) - self.run.started_at).total_seconds()

    @property
    def stages(self) -> list[tuple[str, float]]:
        """Each stage of the newest run and its milliseconds."""
        return stage_times(self.run) if self.run else []


def stage_times(run: IngestionRun) -> list[tuple[str, float]]:
    """Stage and milliseconds, in the order of the pipeline."""
    return [
        (name, float(noted.get("ms", 0)))
        for name, noted in run.stages.items()
        if isinstance(noted, dict)
    ]


def documents_of(
    collection_id: UUID, *, state: str = "", query: str = "", before: UUID | None = None
) -> list[Row]:
    """One page of a collection's documents, newest first; two queries. Uses index: document_newest."""
    found = Document.objects.filter(collection_id=collection_id, deleted_at=None)
    if state == "waiting":
        found = found.exclude(state__in=TERMINAL)
    elif state:
        found = found.filter(state=state)
    if query:
        found = found.filter(title__icontains=query) | found.filter(external_id__icontains=query)
    if before:
        found = found.filter(id__lt=before)
    page = list(found.select_related("uploaded_by").order_by("-id")[: PAGE_SIZE + 1])
    return with_runs(page)


def with_runs(documents: Sequence[Document]) -> list[Row]:
    """The documents with their newest runs; one query. Uses index: run_of_document."""
    runs = (
        IngestionRun.objects.filter(document_id__in=[document.pk for document in documents])
        .order_by("document_id", "-created_at")
        .distinct("document_id")
    )
    newest = {run.document_id: run for run in runs}
    return [Row(document, newest.get(document.pk)) for document in documents]


@dataclass(frozen=True)
class Pace:
    """How fast a collection is being worked on."""

    documents_per_minute: float
    seconds_left: float | None


def pace(collection_id: UUID, waiting: int) -> Pace:
    """From what was finished in the last two minutes; one query."""
    since = timezone.now() - RATE_WINDOW
    finished = IngestionRun.objects.filter(
        document__collection_id=collection_id, finished_at__gte=since
    ).count()
    a_minute = finished / (RATE_WINDOW.total_seconds() / 60)
    return Pace(a_minute, waiting / a_minute * 60 if a_minute and waiting else None)


def runs_of(document: Document) -> list[IngestionRun]:
    """The last twenty runs, newest first."""
    runs = IngestionRun.objects.filter(document=document).select_related("version")
    return list(runs.order_by("-created_at")[:20])


def versions_of(document: Document) -> list[DocumentVersion]:
    """All versions without their texts, newest first."""
    return list(
        DocumentVersion.objects.filter(document=document)
        .defer("text", "blocks")
        .order_by("-number")
    )


@dataclass(frozen=True)
class ChunkPage:
    """Some of a version's chunks, in order."""

    chunks: list[Chunk]
    total: int
    tokens: int


def chunks_of(version_id: UUID, *, after: int = -1, size: int = 30) -> ChunkPage:
    """Chunks behind an ordinal; two queries. Uses index: chunk_order."""
    found = Chunk.objects.filter(version_id=version_id)
    totals: dict[str, Any] = found.aggregate(tokens=Sum("tokens"))
    page = list(found.filter(ordinal__gt=after).order_by("ordinal")[:size])
    return ChunkPage(page, found.count(), totals["tokens"] or 0)


def waiting_since(collection_id: UUID) -> datetime | None:
    """When the longest waiting document of a collection was queued."""
    waiting = Document.objects.filter(collection_id=collection_id, deleted_at=None)
    oldest = waiting.exclude(state__in=TERMINAL).order_by(F("created_at").asc()).first()
    return oldest.created_at if oldest else None
