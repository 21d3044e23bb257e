"""What stewards see of ingestion: documents with their newest run, and what a document is made of.

Reads only. Each function says what it costs; none counts more than one collection's documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from ingestion.models import TERMINAL, Chunk, Document, DocumentVersion, IngestionRun, State
from ingestion.stages import STAGES

PAGE_SIZE = 50
STEPS = {State.QUEUED: 0, State.PARSING: 1, State.CHUNKING: 2, State.EMBEDDING: 3, State.READY: 4}


@dataclass(frozen=True)
class Row:
    """A document as a list shows it, with its newest run."""

    document: Document
    run: IngestionRun | None

    @property
    def is_open(self) -> bool:
        """Is something still to be done?"""
        return self.document.deleted_at is None and self.document.state not in TERMINAL

    @property
    def step(self) -> float:
        """How far it has come, 0 to 4; the passages that are embedded already count as parts of a step."""
        done = self.run.chunks_done / self.run.chunks if self.run and self.run.chunks else 0.0
        return STEPS.get(State(self.document.state), 0) + min(done, 1.0) * self.is_open

    @property
    def pages(self) -> int | None:
        """Of what is being read, as soon as they are counted; else of what is published."""
        return (self.run.pages if self.run and self.is_open else None) or self.document.pages

    @property
    def chunks(self) -> int:
        """The same of its passages."""
        return (self.run.chunks if self.run and self.is_open else 0) or self.document.chunks

    @property
    def came_by(self) -> str:
        """The member who uploaded it; else the way it came, as a key and a source are no members."""
        return str(self.document.uploaded_by or self.document.source.name)

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
    """Stage and milliseconds, in the order of the pipeline; the database keeps them in another."""
    found = [(name, noted) for name, noted in run.stages.items() if isinstance(noted, dict)]
    found.sort(key=lambda stage: STAGES.index(stage[0]) if stage[0] in STAGES else len(STAGES))
    return [(name, float(noted.get("ms", 0))) for name, noted in found]


def documents_of(
    collection_id: UUID, *, state: str = "", query: str = "", before: UUID | None = None
) -> list[Row]:
    """One page of a collection's documents, newest first; two queries, and a third for the place after ``before``.

    Uses index: document_newest. By id, all documents of the collection would be sorted for each page.
    """
    found = Document.objects.filter(collection_id=collection_id, deleted_at=None)
    if state == "waiting":
        found = found.exclude(state__in=TERMINAL)
    elif state:
        found = found.filter(state=state)
    if query:
        found = found.filter(title__icontains=query) | found.filter(external_id__icontains=query)
    if before:
        found = found.filter(_older_than(before))
    newest = found.select_related("uploaded_by", "source").order_by("-created_at", "-id")
    return with_runs(list(newest[: PAGE_SIZE + 1]))


def _older_than(document_id: UUID) -> Q:
    """What comes after it in a list; nothing, where it is gone for good."""
    at = Document.objects.filter(pk=document_id).values_list("created_at", flat=True).first()
    if at is None:
        return Q(pk__in=[])
    # The first condition is the index's.
    return Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(id__lt=document_id))


def stewarded() -> QuerySet[Document]:
    """The documents that administrators deal with, deleted ones as well: not what members attached for themselves."""
    return Document.objects.filter(collection__private_to=None)


def with_runs(documents: Sequence[Document]) -> list[Row]:
    """The documents with their newest runs; one query. Uses index: run_of_document."""
    runs = (
        IngestionRun.objects.filter(document_id__in=[document.pk for document in documents])
        .order_by("document_id", "-created_at")
        .distinct("document_id")
    )
    newest = {run.document_id: run for run in runs}
    return [Row(document, newest.get(document.pk)) for document in documents]


def runs_of(document: Document) -> list[IngestionRun]:
    """The last twenty runs, newest first."""
    runs = IngestionRun.objects.filter(document=document).select_related("version")
    return list(runs.order_by("-created_at")[:20])


def parts_of(document: Document) -> list[Row]:
    """What was found in a document, by name, at most 500; two queries. Uses index: document_parts."""
    parts = Document.objects.filter(parent_id=document.pk, deleted_at=None)
    return with_runs(list(parts.order_by("external_id")[:500]))


def versions_of(document: Document) -> list[DocumentVersion]:
    """All versions without their texts, newest first."""
    return list(
        DocumentVersion.objects.filter(document=document)
        .defer("text", "blocks", "sealed_password")
        .select_related("uploaded_by")
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
