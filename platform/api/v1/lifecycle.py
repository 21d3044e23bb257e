"""What can be done with a document beside changing it: restore, cancel, its versions; and all of it to many at once."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent, Conflict, Refused
from api.fields import FilterField, Strict, collection_of
from api.v1.changes import ChangeInput, apply, change_of
from api.v1.documents import as_json, document_of, readable
from api.v1.schema import DocumentOutput, DocumentVersionsOutput
from api.views import ScopedView
from ingestion import documents, versions
from ingestion.errors import NotCancellable, NotRestorable
from ingestion.models import Document, DocumentVersion
from retrieval import filters
from tenants.scope import current_tenant_id

MOST_DOCUMENTS = 10_000


class RestoreView(ScopedView):
    """A deleted document back into search."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="documents_restore", request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: str) -> Response:
        """Undo a deletion within the retention period; 409 when the document is not deleted."""
        row = document_of(document_id, deleted=None)
        try:
            documents.restore(document=row)
        except NotRestorable as error:
            raise Conflict(str(error), code="not_deleted") from error
        return Response(as_json(document_of(document_id)), status=202)


class CancelView(ScopedView):
    """The end of the work on a document."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="documents_cancel", request=None, responses=DocumentOutput)
    def post(self, request: Request, document_id: str) -> Response:
        """Cancel a queued or running ingestion; what was searchable stays so. 409 when there is none."""
        try:
            documents.cancel(document=document_of(document_id))
        except NotCancellable as error:
            raise Conflict(str(error), code="not_open") from error
        return Response(as_json(document_of(document_id)))


class VersionsView(ScopedView):
    """What a document's file was over time."""

    scopes = {"GET": "documents:read"}

    @extend_schema(operation_id="documents_versions", responses=DocumentVersionsOutput)
    def get(self, request: Request, document_id: str) -> Response:
        """All versions that are kept, newest first."""
        document = document_of(document_id)
        rows = DocumentVersion.objects.filter(document=document).defer("text", "blocks")
        found = rows.select_related("uploaded_by").order_by("-number")
        return Response({"results": [_version(row, document) for row in found]})


class VersionRestoreView(ScopedView):
    """An old version as the newest one."""

    scopes = {"POST": "documents:write"}

    @extend_schema(
        operation_id="documents_restore_version", request=None, responses={202: DocumentOutput}
    )
    def post(self, request: Request, document_id: str, number: str) -> Response:
        """Bring version ``number`` back; what is searchable now stays so until it is published."""
        document = document_of(document_id)
        wanted = int(number) if number.isdecimal() and len(number) < 9 else 0
        row = DocumentVersion.objects.filter(document=document, number=wanted).first()
        if row is None:
            raise Absent("version")
        try:
            versions.restore(version=row)
        except NotRestorable as error:
            raise Conflict(str(error), code="is_current") from error
        return Response(as_json(document_of(document_id)), status=202)


class BulkInput(Strict):
    """Which documents (``ids``, or those of a ``collection`` that pass a ``filter``), and what to do with them."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=1000
    )
    collection = serializers.CharField(max_length=63, required=False, help_text="Slug")
    filter = FilterField(required=False, help_text="As in a search")
    action = serializers.ChoiceField(
        ["change", "delete", "restore", "erase", "retry", "cancel"], default="change"
    )
    change = ChangeInput(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either ids or a collection; a change with the action that takes one."""
        if ("ids" in attrs) == ("collection" in attrs):
            raise serializers.ValidationError("Give either ids or a collection.")
        if "filter" in attrs and "ids" in attrs:
            raise serializers.ValidationError({"filter": ["Give it with a collection only."]})
        if ("change" in attrs) != (attrs["action"] == "change"):
            raise serializers.ValidationError(
                {"change": ["It belongs to the action change, which needs it."]}
            )
        return attrs


class BulkOutput(serializers.Serializer[Any]):
    """How many documents it was done to; ``skipped`` were in no state for it."""

    done = serializers.IntegerField()
    skipped = serializers.IntegerField()


class BulkView(ScopedView):
    """One deed, many documents."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="documents_bulk", request=BulkInput, responses=BulkOutput)
    def post(self, request: Request) -> Response:
        """Change, delete, restore, erase, retry or cancel documents; all of it or, on an error, nothing."""
        asked = self.checked(BulkInput)
        rows = _chosen(asked)
        if asked["action"] == "change":
            done = apply(rows, change_of(asked["change"]))
        else:
            done = DEEDS[asked["action"]](document_ids=[row.pk for row in rows])
        return Response({"done": done, "skipped": len(rows) - done})


# What each action does to those of the documents that it applies to; how many they were.
DEEDS: dict[str, Callable[..., int]] = {
    "delete": documents.delete_many,
    "restore": documents.restore_many,
    "erase": documents.erase_many,
    "retry": documents.retry_many,
    "cancel": documents.cancel_many,
}


def _chosen(asked: dict[str, Any]) -> list[Document]:
    """Raises Absent, Refused (too many), FilterRefused."""
    wants_deleted = asked["action"] in {"restore", "erase"}
    rows = readable(deleted=None if wants_deleted else False)
    if "ids" in asked:
        found = list(rows.filter(pk__in=asked["ids"]))
        if len(found) < len(set(asked["ids"])):
            raise Absent("document", field="ids")
        return found
    rows = rows.filter(collection=collection_of(asked["collection"], field="collection"))
    return _bounded(_filtered(rows, asked))


def _filtered(rows: QuerySet[Document], asked: dict[str, Any]) -> QuerySet[Document]:
    wanted = asked.get("filter")
    if wanted is None:
        return rows
    ids = [collection_of(asked["collection"], field="collection").pk]
    query = filters.matching_documents(wanted, tenant_id=current_tenant_id(), collection_ids=ids)
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.parameters)
        passed: list[UUID] = [row[0] for row in cursor.fetchall()]
    return rows.filter(pk__in=passed)


def _bounded(rows: QuerySet[Document]) -> list[Document]:
    found = list(rows[: MOST_DOCUMENTS + 1])
    if len(found) > MOST_DOCUMENTS:
        raise Refused(
            f"More than {MOST_DOCUMENTS:,} documents pass; give a narrower filter.", field="filter"
        )
    return found


def _version(row: DocumentVersion, document: Document) -> dict[str, Any]:
    return {
        "number": row.number,
        "current": row.pk == document.current_version_id,
        "filename": row.filename,
        "title": row.title,
        "size": row.size,
        "sha256": bytes(row.sha256).hex(),
        "media_type": row.media_type,
        "parser": row.parser,
        "pages": len(row.page_spans) or None,
        "warnings": row.warnings,
        "restored_from": row.restored_from,
        "uploaded_by": str(row.uploaded_by) if row.uploaded_by else None,
        "created_at": row.created_at,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
    }
