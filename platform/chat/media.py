"""What is not a page: the stream of an answer, pictures of pages, and files to download."""

import io
import re
from collections.abc import AsyncIterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from chat import conversations, page_images, pages, sources, streaming
from chat.guards import as_member, asker
from chat.models import Message
from ingestion import storage
from tenants.scope import tenant_scope


@require_GET
@as_member
def events(request: HttpRequest, message_id: UUID) -> HttpResponseBase:
    """The events of an answer, from after ``Last-Event-ID`` (or ``after``) to its end."""
    principal = asker(request)
    with tenant_scope(principal):
        answer = conversations.message(message_id, principal)
    if answer.author != Message.Author.ASSISTANT:
        raise conversations.Missing("a question has no events")
    last = request.headers.get("Last-Event-ID") or request.GET.get("after")
    response = StreamingHttpResponse(
        streaming.frames(answer.pk, principal, pages.number_or_none(last) or 0),
        content_type="text/event-stream",
    )
    response["Cache-Control"] = "no-store"
    # Proxies that buffer would hold the answer back.
    response["X-Accel-Buffering"] = "no"
    # This thread waits for the stream's end and must not keep its connection meanwhile.
    connections.close_all()
    return response


@require_GET
@as_member
def page_picture(
    request: HttpRequest, document_id: UUID, version_id: UUID, page: int
) -> HttpResponse:
    """One page of a PDF as PNG."""
    principal = asker(request)
    with tenant_scope(principal):
        opened = sources.open_document(document_id, version_id=version_id, page=page)
    if not opened.is_pdf or opened.page != page:
        raise conversations.Missing("page")
    try:
        picture = page_images.picture(opened.version, page, principal)
    except page_images.NotDrawable:
        return HttpResponse(_("This page cannot be drawn."), status=422, content_type="text/plain")
    except page_images.TooBusy:
        busy = HttpResponse(_("Busy; try again."), status=503, content_type="text/plain")
        busy["Retry-After"] = "2"
        return busy
    response = HttpResponse(picture, content_type="image/png")
    # A version never changes; whoever loses the right to read it has seen this page already.
    response["Cache-Control"] = "private, max-age=3600"
    return response


@require_GET
@as_member
def original(request: HttpRequest, document_id: UUID, version_id: UUID) -> HttpResponseBase:
    """The file as it was uploaded, only ever as a download: it may be HTML or worse."""
    with tenant_scope(asker(request)):
        version = sources.open_document(document_id, version_id=version_id).version
        reader = storage.open_file(version.file)
    response = StreamingHttpResponse(blocks(reader), content_type="application/octet-stream")
    name = content_disposition_header(True, safe_filename(version.filename))
    response["Content-Disposition"] = name or "attachment"
    response["Content-Length"] = str(version.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    connections.close_all()
    return response


async def blocks(reader: io.BufferedReader) -> AsyncIterator[bytes]:
    """The file in pieces, each read in a thread of its own with a connection for only that long."""
    while block := await _read_block(reader):
        yield block


@sync_to_async(thread_sensitive=False)
def _read_block(reader: io.BufferedReader) -> bytes:
    try:
        return reader.read(storage.BLOCK_BYTES)
    finally:
        connections.close_all()


def safe_filename(name: str) -> str:
    """A name without folders or control characters."""
    return re.sub(r"[\x00-\x1f\x7f/\\]", "_", name)[-200:] or "document"
