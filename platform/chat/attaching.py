"""Attaching files in the chat: each view answers with the list of attached files as it then is."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from chat import attachments, pages
from chat.guards import asker, in_scope
from ingestion.documents import Upload
from ingestion.errors import UploadRefused
from ingestion.models import Collection
from tenants.identifiers import uuid_or_none


@require_POST
@in_scope
def attach(request: HttpRequest) -> HttpResponse:
    """Take files, into the private collection ``attachments`` or a new one."""
    by = asker(request)
    given = uuid_or_none(request.POST.get("attachments"))
    chosen: list[Any] = request.FILES.getlist("files")
    files = [Upload(filename=str(file.name), content=file) for file in chosen]
    try:
        if not files:
            raise ValidationError({"files": _("Choose at least one file.")})
        collection = attachments.owned(given, by) if given else attachments.make(by)
        outcomes = attachments.add(collection=collection, files=files, by=by)
    except ValidationError as error:
        return JsonResponse({"errors": error.message_dict}, status=422)
    refused = [found for found in outcomes if isinstance(found, UploadRefused)]
    return _shown(request, collection, refused)


@require_GET
@in_scope
def attached(request: HttpRequest, attachments_id: UUID) -> HttpResponse:
    """The attached files and how far each is."""
    return _shown(request, attachments.owned(attachments_id, asker(request)))


@require_POST
@in_scope
def detach(request: HttpRequest, attachments_id: UUID, document_id: UUID) -> HttpResponse:
    """Take one file away."""
    by = asker(request)
    collection = attachments.owned(attachments_id, by)
    attachments.remove(collection=collection, document_id=document_id, by=by)
    return _shown(request, collection)


def _shown(
    request: HttpRequest, collection: Collection, refused: list[UploadRefused] | None = None
) -> HttpResponse:
    found = pages.attachments_context(request, collection.pk)
    return render(request, "chat/_attachments.html", found | {"refused_files": refused or []})
