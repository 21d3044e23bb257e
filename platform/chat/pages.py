"""The pages: new chat, a conversation, its parts that are loaded alone, and documents."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.formats import date_format
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from chat import (
    attachments,
    conversations,
    exporting,
    page_images,
    showing,
    sources,
    tree,
    turns,
)
from chat.guards import as_member, asker, in_scope
from chat.models import Conversation, Message
from inference.catalogue import ListedModel, has_language_model, list_models
from ingestion.cleaning import clean_line
from ingestion.collections import coverage
from ingestion.models import TERMINAL, Collection, Document
from tenants.identifiers import uuid_or_none
from tenants.scope import tenant_scope

PALETTE_ROWS = 8


@require_GET
@in_scope
def home(request: HttpRequest) -> HttpResponse:
    """A new chat."""
    return render(request, "chat/home.html", chat_context(request))


@require_GET
@in_scope
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """One conversation, along the newest branch or through the message ``at``."""
    found = conversations.get(conversation_id, asker(request))
    turns.settle_abandoned(found.pk)
    steps = tree.path(found.messages.all(), uuid_or_none(request.GET.get("at")))
    context = chat_context(request, chosen=found.collection_ids) | {
        **attachments_context(request, found.attachments_id),
        "conversation": found,
        "thread": showing.thread(steps, request.place),  # type: ignore[attr-defined]
        "last": steps[-1].message if steps else None,
        "models": other_models(request),
    }
    return render(request, "chat/conversation.html", context)


@require_GET
@in_scope
def export(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The branch that the page shows, as a Markdown file."""
    found = conversations.get(conversation_id, asker(request))
    steps = tree.path(found.messages.all(), uuid_or_none(request.GET.get("at")))
    thread = showing.thread(steps, request.place)  # type: ignore[attr-defined]
    response = HttpResponse(
        exporting.as_markdown(found, thread), content_type="text/markdown; charset=utf-8"
    )
    name = exporting.filename(found)
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


@require_GET
@in_scope
def message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """One message alone: what a stream's page puts in place when the answer has ended."""
    return message_fragment(request, conversations.message(message_id, asker(request)))


def message_fragment(request: HttpRequest, *messages: Message) -> HttpResponse:
    """The HTML of these messages of one conversation, as they stand in its thread."""
    first = messages[0]
    turns.settle_abandoned(first.conversation_id)
    everything = list(Message.objects.filter(conversation_id=first.conversation_id))
    steps = tree.path(everything, messages[-1].pk)
    wanted = {each.pk for each in messages}
    shown = showing.thread(
        (step for step in steps if step.message.pk in wanted),
        request.place,  # type: ignore[attr-defined]
    )
    context = {
        "thread": shown,
        "conversation": first.conversation,
        "models": other_models(request),
    }
    return render(request, "chat/_messages.html", context)


@require_GET
@in_scope
def conversation_list(request: HttpRequest) -> HttpResponse:
    """The list on the left, for a search."""
    return render(request, "chat/_conversations.html", list_context(request))


@require_GET
@in_scope
def palette(request: HttpRequest) -> HttpResponse:
    """What the words in the palette lead to: conversations and documents."""
    words = clean_line(request.GET.get("q", ""), 200)
    documents = Document.objects.filter(deleted_at=None, current_version_id__isnull=False)
    if words:
        documents = documents.filter(Q(title__icontains=words) | Q(external_id__icontains=words))
    context = {
        "q": words,
        "conversations": conversations.matching(words, asker(request))[:PALETTE_ROWS],
        "documents": documents.select_related("collection").order_by("title")[:PALETTE_ROWS]
        if words
        else [],
    }
    return render(request, "chat/_palette.html", context)


@require_GET
@as_member
def source(request: HttpRequest, message_id: UUID, number: int) -> HttpResponse:
    """A citation's document, opened at the passage: a pane for the thread, or a page of its own."""
    principal = asker(request)
    with tenant_scope(principal):
        cited = sources.open_citation(conversations.message(message_id, principal), number)
    context = {"cited": cited, "message_id": message_id}
    return opened_page(request, cited.opened, context, quote=cited.citation.quote)


@require_GET
@as_member
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """A document at a page or a span: ``version``, ``page``, ``start`` and ``end`` say where."""
    asked = request.GET
    start, end = (number_or_none(asked.get(name)) for name in ("start", "end"))
    with tenant_scope(asker(request)):
        opened = sources.open_document(
            document_id,
            version_id=uuid_or_none(asked.get("version")),
            span=None if start is None or end is None else (start, end),
            page=number_or_none(asked.get("page")),
        )
    return opened_page(request, opened, {}, sources.quote_on_page(opened))


def opened_page(
    request: HttpRequest,
    opened: sources.OpenDocument | None,
    context: dict[str, Any],
    quote: str = "",
) -> HttpResponse:
    """The source pane, alone for htmx or inside a page; without a picture where the page cannot be drawn."""
    context |= {"opened": opened}
    if opened is not None and opened.is_pdf and opened.page is not None:
        context["layout"] = _layout(request, opened, quote)
    is_pane = request.headers.get("HX-Request") == "true"
    response = render(request, "chat/_source.html" if is_pane else "chat/source.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _layout(
    request: HttpRequest, opened: sources.OpenDocument, quote: str
) -> page_images.Layout | None:
    assert opened.page is not None
    on_page = sources.quote_on_page(opened) or quote
    try:
        return page_images.layout(opened.version, opened.page, on_page, asker(request))
    except (page_images.NotDrawable, page_images.TooBusy):
        return None


def chat_context(request: HttpRequest, chosen: Iterable[UUID] = ()) -> dict[str, Any]:
    """What every chat page shows around its thread."""
    collections = list(Collection.objects.all())
    covered = coverage([each.pk for each in collections])
    return (
        list_context(request)
        | attachments_context(request, None)
        | {
            "collections": collections,
            "chosen": set(chosen) & {each.pk for each in collections},
            "searchable": sum(each.searchable for each in covered.values()),
            "waiting": sum(each.waiting for each in covered.values()),
            "suggestions": suggestions(collections),
            "upload_url": upload_url(collections),
            "needs_model": request.place.is_steward and not has_language_model(asker(request)),  # type: ignore[attr-defined]
        }
    )


def attachments_context(request: HttpRequest, attachments_id: UUID | None) -> dict[str, Any]:
    """The files attached to a conversation, and whether any is still being read."""
    found: list[Document] = []
    if attachments_id:
        by = asker(request)
        found = attachments.listed(attachments.owned(attachments_id, by), by)
    return {
        "attachments_id": attachments_id,
        "attached": found,
        "is_reading": any(document.state not in TERMINAL for document in found),
    }


def list_context(request: HttpRequest, words: str | None = None) -> dict[str, Any]:
    """The conversations of the list, by day; those that hold ``words``, by default the address' ``q``."""
    words = clean_line(request.GET.get("q", ""), 200) if words is None else words
    found = list(conversations.matching(words, asker(request)))
    return {"days": by_day(found), "q": words, "is_cut": len(found) == conversations.LISTED}


def by_day(found: list[Conversation]) -> list[tuple[str, list[Conversation]]]:
    """Conversations under today, yesterday, this week, and months."""
    today = timezone.localdate()
    days: dict[str, list[Conversation]] = {}
    for each in found:
        on = timezone.localtime(each.updated_at).date()
        age = (today - on).days
        if age <= 1:
            name = _("Yesterday") if age else _("Today")
        else:
            name = _("Last seven days") if age < 7 else date_format(on, "F Y")
        days.setdefault(name, []).append(each)
    return list(days.items())


def upload_url(collections: list[Collection]) -> str:
    """Where an administrator adds documents: to the first collection, or to one that is to be made."""
    if not collections:
        return reverse("admin:ingestion_collection_add")
    return reverse("admin:ingestion_collection_documents", args=[collections[0].pk])


def suggestions(collections: list[Collection]) -> list[str]:
    """First questions for somebody who has only the handbook."""
    if [each.slug for each in collections] != ["handbook"]:
        return []
    return [
        _("What is Footnote?"),
        _("How do I upload documents?"),
        _("How does Footnote keep tenants apart?"),
        _("Which file formats can Footnote read?"),
    ]


def other_models(request: HttpRequest) -> list[ListedModel]:
    """What an answer can be asked again with; empty when there is no choice. One query."""
    models = list_models(asker(request))
    return models if len(models) > 1 else []


def number_or_none(text: str | None) -> int | None:
    """A number from an address, of at most nine digits; nonsense is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None
