"""What a document is made of, as the admin's page of it shows it: its runs, its text page by page, its passages."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent
from api.fields import Strict
from api.v1.documents import document_of
from api.v1.schema import ChunksOutput, PageOutput, RunsOutput
from api.views import ScopedView
from ingestion import overview, page_text
from ingestion.models import Chunk, Document, DocumentVersion, IngestionRun


class ChunksInput(Strict):
    """Which passages."""

    after = serializers.IntegerField(min_value=-1, max_value=2**31 - 1, default=-1)
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)


class PageInput(Strict):
    """Which page."""

    page = serializers.IntegerField(min_value=1, max_value=2**31 - 1, default=1)


class DocumentRunsView(ScopedView):
    """The work on a document."""

    scopes = {"GET": "documents:read"}

    @extend_schema(operation_id="documents_runs", responses=RunsOutput)
    def get(self, request: Request, document_id: str) -> Response:
        """The last twenty runs, newest first: stages with their times, attempts, and why one failed."""
        runs = overview.runs_of(document_of(document_id))
        return Response({"results": [_run(run) for run in runs]})


class DocumentChunksView(ScopedView):
    """The passages of what is searchable of a document."""

    scopes = {"GET": "documents:read"}

    @extend_schema(
        operation_id="documents_chunks",
        parameters=[
            OpenApiParameter("after", OpenApiTypes.INT, description="The last `ordinal` before"),
            OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 500; 100 by default"),
        ],
        responses=ChunksOutput,
    )
    def get(self, request: Request, document_id: str) -> Response:
        """In order, ``after`` an ordinal. ``span_start`` and ``span_end`` are offsets into the document's text."""
        asked = self.checked(ChunksInput, request.query_params.dict())
        document = document_of(document_id)
        if document.current_version_id is None:
            return Response({"results": [], "total": 0, "tokens": 0, "next": None})
        found = overview.chunks_of(
            document.current_version_id, after=asked["after"], size=asked["limit"]
        )
        following = self._next(request, found.chunks, found.total)
        rows = [_chunk(row) for row in found.chunks]
        total = {"total": found.total, "tokens": found.tokens, "next": following}
        return Response({"results": rows, **total})

    def _next(self, request: Request, chunks: list[Chunk], total: int) -> str | None:
        if not chunks or chunks[-1].ordinal + 1 >= total:
            return None
        query = request.query_params.copy()
        query["after"] = str(chunks[-1].ordinal)
        return f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"


class DocumentTextView(ScopedView):
    """The text of what is searchable of a document, a page at a time."""

    scopes = {"GET": "documents:read"}

    @extend_schema(
        operation_id="documents_text",
        parameters=[OpenApiParameter("page", OpenApiTypes.INT, description="From 1")],
        responses=PageOutput,
    )
    def get(self, request: Request, document_id: str) -> Response:
        """One page, or of a text without pages 6,000 characters; 404 when there is no such page."""
        asked = self.checked(PageInput, request.query_params.dict())
        page = page_text.page_of(_current(document_of(document_id)), asked["page"])
        if page.number != asked["page"]:
            raise Absent("page")
        passages = sorted({number for piece in page.pieces for number in piece.ordinals})
        return Response(
            {
                "page": page.number,
                "pages": page.count,
                "label": page.label,
                "text": "".join(piece.text for piece in page.pieces),
                "chunks": passages,
            }
        )


def _current(document: Document) -> DocumentVersion:
    """Raises Absent when nothing of the document is searchable."""
    if document.current_version_id is None:
        raise Absent("page")
    return DocumentVersion.objects.get(pk=document.current_version_id)


def _run(run: IngestionRun) -> dict[str, Any]:
    return {
        "version": run.version.number,
        "state": run.state,
        "attempts": run.attempts,
        "pages": run.pages,
        "chunks": run.chunks,
        "chunks_done": run.chunks_done,
        "stages": dict(overview.stage_times(run)),
        "reason": run.reason,
        "reason_code": run.reason_code,
        "remedy": run.remedy,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def _chunk(row: Chunk) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "ordinal": row.ordinal,
        "text": row.text,
        "heading_path": row.heading_path,
        "page": row.page,
        "page_end": row.page_end,
        "span_start": row.span_start,
        "span_end": row.span_end,
        "tokens": row.tokens,
    }
