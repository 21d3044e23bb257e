"""``/api/v1/documents``: upload, list, look at, change, retry, delete and erase."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from api import pages
from api.errors import Absent, Conflict, Refused
from api.fields import Strict, collection_of
from api.v1.changes import ChangeInput, JSONObject, apply, change_of
from api.v1.schema import DocumentDetailOutput, DocumentOutput, DocumentsOutput, UploadOutput
from api.views import ScopedView, uuid_or_absent
from ingestion import citing, documents, queueing
from ingestion.errors import NotRetryable, UploadRefused
from ingestion.models import Document, Source, State
from tenants.scope import current_principal, tenant_scope

MOST_FILES = 100
REFUSED_STATUS = {"too_large": 413, "unsupported_type": 415}


class UploadInput(Strict):
    """One or more files for one collection. With one file, ``external_id`` and ``title`` may name it."""

    file = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), min_length=1, max_length=MOST_FILES
    )
    collection = serializers.CharField(max_length=63, help_text="Slug")
    metadata = JSONObject(required=False, binary=True, default=dict)
    external_id = serializers.CharField(required=False, max_length=1000)
    title = serializers.CharField(required=False, max_length=500)
    password = serializers.CharField(
        required=False,
        max_length=200,
        trim_whitespace=False,
        write_only=True,
        help_text="Opens encrypted PDFs and archives",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A name for one document cannot be that of several."""
        for name in ("external_id", "title"):
            if name in attrs and len(attrs["file"]) > 1:
                raise serializers.ValidationError({name: ["Give it with a single file only."]})
        return attrs


class ListInput(Strict):
    """Which documents to list."""

    collection = serializers.CharField(max_length=63, required=False)
    state = serializers.ChoiceField(State.choices, required=False)
    found_in = serializers.UUIDField(required=False)
    deleted = serializers.BooleanField(default=False)
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)
    cursor = serializers.CharField(max_length=200, default="")


class DeleteInput(Strict):
    """How to delete."""

    erase = serializers.BooleanField(default=False)


class DocumentsView(ScopedView):
    """The documents of a collection."""

    scopes = {"GET": "documents:read", "POST": "documents:write"}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="documents_list",
        parameters=[
            OpenApiParameter("collection", OpenApiTypes.STR, description="Slug"),
            OpenApiParameter("state", OpenApiTypes.STR, enum=State.values),
            OpenApiParameter(
                "found_in", OpenApiTypes.UUID, description="Only what was found in this document"
            ),
            OpenApiParameter(
                "deleted", OpenApiTypes.BOOL, description="Those that can still be restored"
            ),
            OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 500; 100 by default"),
            OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next`"),
        ],
        responses=DocumentsOutput,
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``next`` is the address of the following page, or null."""
        asked = self.checked(ListInput, request.query_params.dict())
        rows = readable(deleted=asked["deleted"])
        if "collection" in asked:
            rows = rows.filter(collection=collection_of(asked["collection"], field="collection"))
        if "state" in asked:
            rows = rows.filter(state=asked["state"])
        if "found_in" in asked:
            # Uses index: document_parts
            rows = rows.filter(parent_id=asked["found_in"])
        found, following = pages.page(request, rows, cursor=asked["cursor"], limit=asked["limit"])
        return Response({"results": [as_json(row) for row in found], "next": following})

    @extend_schema(
        operation_id="documents_upload",
        request={"multipart/form-data": UploadInput},
        responses={202: UploadOutput},
    )
    def post(self, request: Request) -> Response:
        """Accept files; ingestion goes on in the background. Each file is taken or refused on its own merits."""
        asked = self.checked(UploadInput, _form(request))
        outcomes = documents.upload_many(
            collection=collection_of(asked["collection"], field="collection"),
            uploads=[_offered(file, asked) for file in asked["file"]],
            source_kind=Source.Kind.API,
        )
        return uploaded_response(outcomes)


class DocumentView(ScopedView):
    """One document."""

    scopes = {"GET": "documents:read", "PATCH": "documents:write", "DELETE": "documents:write"}

    @extend_schema(operation_id="documents_get", responses=DocumentDetailOutput)
    def get(self, request: Request, document_id: str) -> Response:
        """Its state; for a failed one the reason and what to do about it, for a queued one why it waits."""
        row = document_of(document_id)
        cited = citing.places(row.pk, current_principal()).citations
        more = {"warnings": documents.warnings(row), "citations": cited}
        if waiting := queueing.why_queued(row):
            told = {"reason": waiting.reason, "remedy": waiting.remedy}
            more |= told | {"reason_code": waiting.code}
        return Response(as_json(row) | more)

    @extend_schema(operation_id="documents_change", request=ChangeInput, responses=DocumentOutput)
    def patch(self, request: Request, document_id: str) -> Response:
        """Change title, metadata, tags or reader groups; readers hold in search at once."""
        document = document_of(document_id)
        apply([document], change_of(self.checked(ChangeInput)))
        # Whoever has shut themselves out is told what they did, and finds nothing the next time.
        with tenant_scope(current_principal().as_steward()):
            return Response(as_json(readable().get(pk=document.pk)))

    @extend_schema(
        operation_id="documents_delete",
        parameters=[OpenApiParameter("erase", OpenApiTypes.BOOL, description="For good, at once")],
        responses={204: None},
    )
    def delete(self, request: Request, document_id: str) -> Response:
        """Take it out of search and of every list, at once; it can be restored, unless it is erased."""
        if self.checked(DeleteInput, request.query_params.dict())["erase"]:
            documents.erase(document=document_of(document_id, deleted=None))
        else:
            documents.delete(document=document_of(document_id))
        return Response(status=204)


class RetryView(ScopedView):
    """Another attempt at a failed document."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="documents_retry", request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: str) -> Response:
        """Queue a failed document again; 409 when it has not failed."""
        try:
            documents.retry(document=document_of(document_id))
        except NotRetryable as error:
            raise Conflict(str(error), code="not_failed") from error
        return Response(as_json(document_of(document_id)), status=202)


def readable(*, deleted: bool | None = False) -> QuerySet[Document]:
    """What the key may read: living documents, deleted ones, or (None) both."""
    rows = Document.objects.select_related("collection", "source", "uploaded_by")
    return rows if deleted is None else rows.filter(deleted_at__isnull=not deleted)


def document_of(document_id: str, *, deleted: bool | None = False) -> Document:
    """The readable document of this id. Raises Absent."""
    row = readable(deleted=deleted).filter(pk=uuid_or_absent(document_id, "document")).first()
    if row is None:
        raise Absent("document")
    return row


def _form(request: Request) -> dict[str, Any]:
    """The multipart body; every ``file`` part is one file, and no field may come twice."""
    form: dict[str, Any] = {}
    sent = request.data
    assert isinstance(sent, QueryDict)
    for name in sent:
        values = sent.getlist(name)
        if name == "file":
            form[name] = values
        elif len(values) > 1:
            raise Refused("This field may be given once.", field=name)
        else:
            form[name] = values[0]
    return form


def _offered(file: "UploadedFile[bytes]", asked: dict[str, Any]) -> documents.Upload:
    return documents.Upload(
        filename=file.name or "",
        content=file.file,  # type: ignore[arg-type]
        external_id=asked.get("external_id"),
        title=asked.get("title"),
        metadata=asked["metadata"] or None,
        password=asked.get("password"),
    )


def uploaded_response(outcomes: list[documents.Uploaded | UploadRefused]) -> Response:
    """202 with what was taken and what was refused. Raises Refused when nothing was taken."""
    taken = [found for found in outcomes if isinstance(found, documents.Uploaded)]
    refused = [_refusal(found) for found in outcomes if isinstance(found, UploadRefused)]
    if not taken:
        first = refused[0]
        raise Refused(
            f"{first['message']} {first['remedy']}".strip(),
            code=first["code"],
            field=first["field"],
            details=refused,
            status=REFUSED_STATUS.get(first["code"], 400),
        )
    accepted = [
        as_json(found.document) | {"outcome": found.outcome, "note": found.note} for found in taken
    ]
    body = {"ids": [row["id"] for row in accepted], "documents": accepted, "refused": refused}
    return Response(body, status=202)


def _refusal(error: UploadRefused) -> dict[str, Any]:
    return {
        "filename": error.filename,
        "code": error.code,
        "field": error.field,
        "message": error.message,
        "remedy": error.remedy,
    }


def as_json(row: Document) -> dict[str, Any]:
    """The public shape of a document."""
    return {
        "id": str(row.pk),
        "external_id": row.external_id,
        "title": row.title,
        "collection": row.collection.slug,
        "parent_id": str(row.parent_id) if row.parent_id else None,
        "state": row.state,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "remedy": row.remedy,
        "media_type": row.media_type,
        "pages": row.pages,
        "chunks": row.chunks,
        "metadata": row.metadata,
        "source": row.source.name,
        "uploaded_by": str(row.uploaded_by) if row.uploaded_by else None,
        "reader_groups": [str(group) for group in row.reader_groups],
        "deleted_at": row.deleted_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
