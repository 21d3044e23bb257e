"""``/api/v1/documents``: upload, list, look at, retry and delete."""

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
from api.v1.schema import DocumentOutput, DocumentsOutput, UploadOutput
from api.views import ScopedView, uuid_or_absent
from ingestion import documents
from ingestion.errors import NotRetryable, UploadRefused
from ingestion.models import Document, Source, State

MOST_FILES = 100
REFUSED_STATUS = {"too_large": 413, "unsupported_type": 415}


class JSONObject(serializers.JSONField):
    """A JSON object, in a form field as its text."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for anything but an object."""
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            raise serializers.ValidationError('Give a JSON object, such as {"year": 2026}.')
        return value


class UploadInput(Strict):
    """One or more files for one collection. With one file, ``external_id`` and ``title`` may name it."""

    file = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), min_length=1, max_length=MOST_FILES
    )
    collection = serializers.CharField(max_length=63, help_text="Slug")
    metadata = JSONObject(required=False, binary=True, default=dict)
    external_id = serializers.CharField(required=False, max_length=1000)
    title = serializers.CharField(required=False, max_length=500)

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
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)
    cursor = serializers.CharField(max_length=200, default="")


class DocumentsView(ScopedView):
    """The documents of a collection."""

    scopes = {"GET": "documents:read", "POST": "documents:write"}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="documents_list",
        parameters=[
            OpenApiParameter("collection", OpenApiTypes.STR, description="Slug"),
            OpenApiParameter("state", OpenApiTypes.STR, enum=State.values),
            OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 500; 100 by default"),
            OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next`"),
        ],
        responses=DocumentsOutput,
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``next`` is the address of the following page, or null."""
        asked = self.checked(ListInput, request.query_params.dict())
        rows = _readable()
        if "collection" in asked:
            rows = rows.filter(collection=collection_of(asked["collection"], field="collection"))
        if "state" in asked:
            rows = rows.filter(state=asked["state"])
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

    scopes = {"GET": "documents:read", "DELETE": "documents:write"}

    @extend_schema(operation_id="documents_get", responses=DocumentOutput)
    def get(self, request: Request, document_id: str) -> Response:
        """Its state, and for a failed one the reason and what to do about it."""
        return Response(as_json(_document(document_id)))

    @extend_schema(operation_id="documents_delete", responses={204: None})
    def delete(self, request: Request, document_id: str) -> Response:
        """Take it out of search and of every list, at once."""
        documents.delete(document=_document(document_id))
        return Response(status=204)


class RetryView(ScopedView):
    """Another attempt at a failed document."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="documents_retry", request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: str) -> Response:
        """Queue a failed document again; 409 when it has not failed."""
        try:
            documents.retry(document=_document(document_id))
        except NotRetryable as error:
            raise Conflict(str(error), code="not_failed") from error
        return Response(as_json(_document(document_id)), status=202)


def _readable() -> QuerySet[Document]:
    return Document.objects.filter(deleted_at=None).select_related("collection")


def _document(document_id: str) -> Document:
    row = _readable().filter(pk=uuid_or_absent(document_id, "document")).first()
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
        "state": row.state,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "remedy": row.remedy,
        "media_type": row.media_type,
        "pages": row.pages,
        "chunks": row.chunks,
        "metadata": row.metadata,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
